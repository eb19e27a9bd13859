"""Deliveries a second from a backlog: outbox, relay, log, worker, sink; signed, audited, in order.

The clock runs from the first POST that the sink receives until the last audit row is committed.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from famedash.campaigns import events, model
from famedash.campaigns.model import Campaign
from famedash.campaigns.schemas import NewCampaign
from famedash.infra.database import Database, open_database
from famedash.infra.ids import uuid7
from famedash.outbox import service as outbox
from famedash.outbox.model import DomainEvent, encode
from famedash.processes.bench.ground import (
    CAMPAIGN,
    IN_FLIGHT,
    WORKSPACE,
    Ground,
    Seen,
    SinkAddress,
    answers,
    open_ground,
    open_sink,
    worker_is_ready,
)
from famedash.processes.bench.report import Figure, Pair

EVENTS, QUICK_EVENTS = 20_000, 1_000
VERSIONS = 20
LONGEST_SECONDS = 120.0

PER_SECOND = Figure(
    name="deliveries/s, 1 endpoint",
    limit=f"aiohttp bare, {IN_FLIGHT} in flight",
    unit="/s",
    reach="≥ 0.5",
    score=lambda limit, product: product / limit,
    reached=lambda score: score >= 0.5,
)


async def pair(*, quick: bool) -> list[Pair]:
    number = QUICK_EVENTS if quick else EVENTS
    async with open_ground() as ground:
        limit = await _bare(ground, number)
        product = await _product(ground, number)
    return [Pair(PER_SECOND, limit, product)]


async def _bare(ground: Ground, number: int) -> float:
    body = encode(next(backlog(1)))
    async with open_sink(ground) as sink, ground.own("bare", sink.url, number, IN_FLIGHT) as client:
        await answers(client, body)
        seen = await sink.seen()
    return number / (seen.at[-1] - seen.at[0])


async def _product(ground: Ground, number: int) -> float:
    async with (
        open_database(ground.endpoints.database_url, application="bench") as database,
        open_sink(ground) as sink,
        ground.product("deliver", webhook_url=f"{sink.url}/campaign"),
    ):
        written = await write(database, number)
        await worker_is_ready(database)
        async with ground.product("relay"):
            ended_at = await _all_audited(database, sink, number)
        seen = await sink.seen()
    _check(written, seen)
    return number / (ended_at - seen.at[0])


async def write(database: Database, number: int) -> list[DomainEvent]:
    """The backlog, through the outbox's service, in few transactions."""
    written = list(backlog(number))
    for first in range(0, number, 1000):
        async with database.transaction() as tx:
            for event in written[first : first + 1000]:
                await outbox.append(tx, event)
    return written


def backlog(number: int) -> Iterator[DomainEvent]:
    """`number` events: a first version of each campaign, then a second of each, and so on."""
    campaigns = [_campaign(str(uuid7())) for _ in range(max(1, number // VERSIONS))]
    made = 0
    while made < number:
        for place, campaign in enumerate(campaigns[: number - made]):
            yield events.updated(replace(campaign, name="Before"), campaign, actor="bench")
            campaigns[place] = replace(campaign, version=campaign.version + 1)
        made += len(campaigns)


def _campaign(id: str) -> Campaign:
    plan = NewCampaign.model_validate(CAMPAIGN).plan()
    return model.launch(plan, workspace=WORKSPACE, id=id, now=datetime.now(UTC))


async def _all_audited(database: Database, sink: SinkAddress, number: int) -> float:
    """When the last audit row could be read (monotonic). PostgreSQL is asked only after the last POST."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while await sink.count() < number:
        _not_after(deadline)
        await asyncio.sleep(0.02)
    while await _audited(database) < number:
        _not_after(deadline)
        await asyncio.sleep(0.002)
    return time.monotonic()


async def _audited(database: Database) -> int:
    sql = "select count(*) from webhook_attempts where workspace_id = $1 and status = 'delivered'"
    return int(await database.fetchval(sql, WORKSPACE))


def _not_after(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise RuntimeError(f"the backlog was not delivered within {LONGEST_SECONDS:.0f} s")


def _check(written: Sequence[DomainEvent], seen: Seen) -> None:
    """Every event (again is allowed), and every campaign's in the order of its versions."""
    place = {event_id: at for at, event_id in reversed(list(enumerate(seen.ids)))}
    if place.keys() != {str(event.id) for event in written}:
        raise RuntimeError("not every event was received")
    last: dict[str, int] = {}
    for event in sorted(written, key=lambda event: place[str(event.id)]):
        if event.version < last.get(event.campaign_id, 0):
            raise RuntimeError("a campaign's events were received out of order")
        last[event.campaign_id] = event.version
