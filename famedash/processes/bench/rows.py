"""Fills the counters with what 73 hours of dense engagement leave behind, as fast as PostgreSQL takes it.

The rows lie as ingestion would have written them: minute after minute, so a campaign's minutes are spread
over the whole table. Every minute adds the same, so every window is known.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from famedash.infra.database import Database, Transaction
from famedash.processes.bench import stream

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
VIEWS = 60
"""What each minute of each platform holds; the other counters less."""

AT_ONCE = 2
LONGEST_SECONDS = 1800.0


@dataclass(frozen=True)
class Filled:
    """`until` is a half hour, so a window of 24 hours has 30 minutes at either edge."""

    workspace: str
    campaigns: list[str]
    since: datetime
    until: datetime

    @property
    def minutes(self) -> int:
        return (self.until - self.since) // MINUTE

    @property
    def rows(self) -> int:
        return len(self.campaigns) * len(stream.PLATFORMS) * self.minutes

    def views(self, window: timedelta) -> int:
        """What a campaign's window up to `until` must show."""
        return VIEWS * len(stream.PLATFORMS) * min(self.minutes, window // MINUTE)


def plan(workspace: str, *, campaigns: int, hours: int, now: datetime) -> Filled:
    draw = Random(1)  # noqa: S311 - a benchmark is repeatable
    until = now.replace(minute=0, second=0, microsecond=0) - HOUR / 2
    ids = sorted(stream.uuid(draw) for _ in range(campaigns))
    return Filled(workspace, ids, until - timedelta(hours=hours), until)


async def fill(database: Database, filled: Filled) -> None:
    """Minutes, hours and totals; vacuumed and on disk."""
    ids = [campaign for campaign in filled.campaigns for _ in stream.PLATFORMS]
    platforms = list(stream.PLATFORMS) * len(filled.campaigns)
    whose = (filled.workspace, ids, platforms)
    turn = asyncio.Semaphore(AT_ONCE)

    async def day(starts: datetime, ends: datetime) -> None:
        async with turn, database.connection() as connection:
            call = "select fill_day($1, $2, $3, $4, $5)"
            await connection.execute(call, *whose, starts, ends, timeout=LONGEST_SECONDS)

    async with database.transaction() as tx:
        await tx.execute(_FILL_DAY)
    await asyncio.gather(*(day(starts, ends) for starts, ends in _pieces(filled, DAY)))
    async with database.transaction() as tx:
        await _fill_hours(tx, whose, filled)
        await tx.execute(_TOTALS, *whose, filled.minutes)
    async with database.connection() as connection:
        vacuum = "vacuum (analyze) metric_minutes, metric_hours, metric_totals"
        await connection.execute(vacuum, timeout=LONGEST_SECONDS)
        await connection.execute("checkpoint", timeout=LONGEST_SECONDS)


def _pieces(filled: Filled, step: timedelta) -> Iterator[tuple[datetime, datetime]]:
    """The filled time, cut at every day or hour (UTC)."""
    starts = filled.since
    while starts < filled.until:
        floor = starts.replace(minute=0) if step == HOUR else starts.replace(hour=0, minute=0)
        ends = min(floor + step, filled.until)
        yield starts, ends
        starts = ends


async def _fill_hours(tx: Transaction, whose: tuple[str, list[str], list[str]], filled: Filled) -> None:
    for month in sorted({hour.replace(day=1, hour=0, minute=0) for hour, _ in _pieces(filled, HOUR)}):
        ends = (month + 31 * DAY).replace(day=1)
        await tx.fetchval("select prepare_time_partition('metric_hours', $1, $2)", month, ends)
    for starts, ends in _pieces(filled, HOUR):
        await tx.execute(_HOURS, *whose, (ends - starts) // MINUTE, starts.replace(minute=0))


_FILL_DAY = """
create function fill_day(workspace text, campaigns text[], platforms text[],
                         starts timestamptz, ends timestamptz) returns void
language plpgsql set maintenance_work_mem = '1GB' set timezone = 'UTC' as $$
declare
    day timestamptz := date_trunc('day', starts);
    name text := 'metric_minutes_' || to_char(day, 'YYYYMMDD');
begin
    -- made, filled and indexed in one transaction: so with wal_level = minimal it is not written twice
    execute format('create table %I (like metric_minutes including defaults) with (fillfactor = 70)', name);
    -- minute by minute: sets in the select list leave the rows in their order
    execute format('insert into %I select $1, unnest($2), minute, unnest($3), 60, 8, 2, 1, 1, 1, 0
                    from generate_series($4, $5 - interval ''1 min'', interval ''1 min'') minute', name)
        using workspace, campaigns, platforms, starts, ends;
    execute format('alter table %I add primary key (workspace_id, campaign_id, minute, platform)', name);
    execute format('alter table metric_minutes attach partition %I for values from (%L) to (%L)',
                   name, day, day + interval '1 day');
end $$
"""
_HOURS = """
    insert into metric_hours (workspace_id, campaign_id, hour, platform,
                              views, likes, comments, shares, saves, clicks, conversions)
    select $1::text, unnest($2::text[]), $5::timestamptz, unnest($3::text[]), 60 * $4::bigint,
           8 * $4::bigint, 2 * $4::bigint, $4::bigint, $4::bigint, $4::bigint, 0
"""
_TOTALS = """
    insert into metric_totals (workspace_id, campaign_id, platform,
                               views, likes, comments, shares, saves, clicks, conversions)
    select $1::text, unnest($2::text[]), unnest($3::text[]), 60 * $4::bigint,
           8 * $4::bigint, 2 * $4::bigint, $4::bigint, $4::bigint, $4::bigint, 0
"""
