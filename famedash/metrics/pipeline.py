"""The documents that the metrics' addresses answer: each step a read of its own, no transaction open.

How far reading came is asked first, so that no count is older than `dataThrough` says.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from famedash.infra.database import Database
from famedash.infra.errors import NotFound
from famedash.infra.log import through
from famedash.infra.log.model import Log
from famedash.infra.log.partitions import partition_of
from famedash.metrics import flags, queries, trends, windows
from famedash.metrics.model import READER
from famedash.metrics.windows import HOUR, CampaignFacts, Edges, Step, Windowed, floor

Facts = Callable[[str, str], Awaitable[CampaignFacts | None]]
"""(workspace, campaign id) -> what is known of the campaign; None where there is none."""


class By(StrEnum):
    PLATFORM = "platform"
    INFLUENCER = "influencer"


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the documents come from; `log` is the engagement log."""

    database: Database
    log: Log
    facts: Facts


def missing() -> NotFound:
    """The same answer as for an unknown campaign anywhere else."""
    return NotFound("There is no such campaign in this workspace.")


async def document(
    sources: Sources,
    workspace: str,
    campaign_id: str,
    *,
    as_of: datetime | None = None,
    by: By | None = None,
    limit: int = 50,
) -> dict[str, Any]:
    """The metrics of a campaign as of a whole minute. Raises `NotFound` or `Invalid`."""
    partition = partition_of(workspace, campaign_id)
    look, facts = await asyncio.gather(
        through.look(sources.database, sources.log, reader=READER, partition=partition),
        sources.facts(workspace, campaign_id),
    )
    edges = Edges(windows.as_of(as_of, look.now))
    platforms = await queries.platforms(sources.database, workspace, campaign_id, edges)
    if not platforms and facts is None:
        raise missing()
    whole = windows.together(platforms.values())
    found = {
        "campaignId": campaign_id,
        "asOf": edges.as_of,
        "dataThrough": look.through,
        **_judged(edges, whole),
    }
    found["total"] |= windows.costs(whole.total, facts)
    match by:
        case By.PLATFORM:
            found["platforms"] = _parts("platform", edges, platforms)
        case By.INFLUENCER:
            hourly = Edges(floor(edges.as_of, HOUR))
            creators = await queries.creators(sources.database, workspace, campaign_id, hourly, limit=limit)
            found["influencers"] = _parts("influencerId", hourly, creators)
    return found


async def series(
    sources: Sources,
    workspace: str,
    campaign_id: str,
    *,
    start: datetime | None,
    end: datetime | None,
    step: Step,
) -> dict[str, Any]:
    """The campaign's counts step by step. Raises `NotFound` or `Invalid`."""
    database = sources.database
    start, end = windows.span(step, start, end, await queries.now(database))
    counted, facts = await asyncio.gather(
        queries.series(database, workspace, campaign_id, start=start, end=end, step=step),
        sources.facts(workspace, campaign_id),
    )
    if not counted and facts is None and not await queries.is_known(database, workspace, campaign_id):
        raise missing()
    return {
        "campaignId": campaign_id,
        "from": start,
        "to": end,
        "step": step,
        "points": windows.points(counted, start, end, step),
    }


async def hashtags(
    database: Database, workspace: str, *, platform: str | None, limit: int
) -> list[dict[str, Any]]:
    """The hashtags that rise now, on one platform or over all of them (`platform` is null then)."""
    now = await queries.now(database)
    since, heard = await queries.hashtags(
        database,
        workspace,
        platform=platform,
        past_from=trends.past_from(now),
        recent_from=trends.recent_from(now),
        least=trends.LEAST_ENGAGEMENTS,
    )
    rising = trends.rising(heard, since=since or now, now=now, limit=limit)
    return [
        {
            "hashtag": one.hashtag,
            "platform": platform,
            "engagements": one.engagements,
            "expected": one.expected,
            "score": one.score,
        }
        for one in rising
    ]


def _parts(name: str, edges: Edges, parts: Mapping[str, Windowed]) -> list[dict[str, Any]]:
    return [{name: part, **_judged(edges, counted)} for part, counted in parts.items()]


def _judged(edges: Edges, counted: Windowed) -> dict[str, Any]:
    return {**windows.shown(edges, counted), "flags": flags.judge(counted.total)}
