"""One run of `famedash ingest` over a whole log, by the clock; it stands only if every count is right."""

import asyncio
import time
from collections.abc import Iterable, Mapping

from famedash.infra.database import Database, open_database
from famedash.infra.log.partitions import PARTITIONS
from famedash.metrics import service
from famedash.metrics.model import COUNTERS, DEFAULT_WORKSPACE, READER
from famedash.processes.bench.fill import put_in_place, take_away
from famedash.processes.bench.ground import Ground
from famedash.processes.bench.stream import Stream

LONGEST_SECONDS = 180.0
LOOK_SECONDS = 0.02
QUIET_SECONDS = 0.3
TABLES = (
    *("metric_minutes", "metric_hours", "metric_totals", "metric_fingerprints", "metric_dead_letters"),
    *("metric_creator_hours", "metric_creator_totals", "metric_hashtag_hours"),
)


class Miscounted(Exception):
    """A count is not what it must be: how fast it came does not matter."""


async def events_per_second(
    ground: Ground, stream: Stream, ends: Mapping[int, str], *, creators: bool = False, hashtags: bool = False
) -> float:
    """From the instant the staged streams appear before a waiting `ingest` to its last committed position."""
    settings = {"metrics_creators": creators, "metrics_hashtags": hashtags}
    async with open_database(ground.endpoints.database_url, application="bench") as database:
        await start_anew(ground, database, {minute for _, minute, _ in stream.cells})
        async with ground.product("ingest", **settings):
            await owns_everything(database)
            began = time.monotonic()
            put_in_place(ground.endpoints.redis_url, ends)
            await _counted(database, ends)
            seconds = time.monotonic() - began
        await check(database, stream, creators=creators, hashtags=hashtags)
    return stream.size / seconds


async def owns_everything(database: Database) -> None:
    """Return once `ingest` owns every partition and has come to rest."""
    sql = "select count(*) from reader_leases where reader = $1 and owner is not null"
    while await database.fetchval(sql, READER) < PARTITIONS:  # noqa: ASYNC110 - a row in a database
        await asyncio.sleep(0.05)
    await asyncio.sleep(QUIET_SECONDS)


async def start_anew(ground: Ground, database: Database, minutes: Iterable[int]) -> None:
    """As before the first event, with tables for these minutes; the next checkpoint is far away."""
    take_away(ground.endpoints.redis_url)
    async with database.transaction() as tx:
        await tx.execute(f"truncate {', '.join(TABLES)}")
        await tx.execute(
            "update reader_positions set entry = '0-0', lines = 0, within = '', write_id = null"
            " where reader = $1",
            READER,
        )
    async with database.connection() as connection:
        await connection.execute("checkpoint", timeout=LONGEST_SECONDS)
    await service.prepare(database, minutes)


async def _counted(database: Database, ends: Mapping[int, str]) -> None:
    deadline = time.monotonic() + LONGEST_SECONDS
    sql = "select partition, entry from reader_positions where reader = $1"
    while not ends.items() <= dict(map(tuple, await database.fetch(sql, READER))).items():
        if time.monotonic() > deadline:
            raise RuntimeError(f"the log was not counted within {LONGEST_SECONDS:.0f} s")
        await asyncio.sleep(LOOK_SECONDS)


async def check(database: Database, stream: Stream, *, creators: bool, hashtags: bool) -> None:
    """Minutes, hours, totals and creators cell by cell; the sum of each hashtag; how many dead letters.

    Raises `Miscounted`.
    """
    _equal("minutes", await _cells(database, _MINUTES), stream.cells)
    _equal("hours", await _cells(database, _HOURS), stream.hours())
    _equal("totals", await _cells(database, _TOTALS), stream.totals())
    _equal("dead letters", await database.fetchval("select count(*) from metric_dead_letters"), stream.broken)
    if creators:
        _equal("creators", await _cells(database, _CREATORS), stream.creators)
        _equal("creators' hours", await _cells(database, _CREATOR_HOURS), stream.creators)
    if hashtags:
        tags = dict(map(tuple, await database.fetch(_TAGS, DEFAULT_WORKSPACE)))
        _equal("hashtags", tags, {tag: number for tag, number in stream.tags.items() if number})


def _equal(what: str, found: object, truth: object) -> None:
    if found != truth:
        raise Miscounted(f"the {what} differ from what the log holds")


async def _cells(database: Database, sql: str) -> dict[tuple[str | int, ...], list[int]]:
    counters = len(COUNTERS)
    rows = [tuple(row) for row in await database.fetch(sql, DEFAULT_WORKSPACE)]
    return {row[:-counters]: list(row[-counters:]) for row in rows}


_MINUTES = """
    select campaign_id, (extract(epoch from minute) / 60)::int, platform,
           views, likes, comments, shares, saves, clicks, conversions
    from metric_minutes where workspace_id = $1
"""
_HOURS = """
    select campaign_id, (extract(epoch from hour) / 3600)::int, platform,
           views, likes, comments, shares, saves, clicks, conversions
    from metric_hours where workspace_id = $1
"""
_TOTALS = """
    select campaign_id, platform, views, likes, comments, shares, saves, clicks, conversions
    from metric_totals where workspace_id = $1
"""
_CREATORS = """
    select campaign_id, influencer_id, platform, views, likes, comments, shares, saves, clicks, conversions
    from metric_creator_totals where workspace_id = $1
"""
_CREATOR_HOURS = """
    select campaign_id, influencer_id, platform,
           sum(views)::bigint, sum(likes)::bigint, sum(comments)::bigint, sum(shares)::bigint,
           sum(saves)::bigint, sum(clicks)::bigint, sum(conversions)::bigint
    from metric_creator_hours where workspace_id = $1
    group by campaign_id, influencer_id, platform
"""
_TAGS = """
    select hashtag, sum(engagements)::bigint from metric_hashtag_hours
    where workspace_id = $1 and engagements <> 0 group by hashtag
"""
