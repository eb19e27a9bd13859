"""Up to when a reader has taken in a partition: what tells a low count from a late one."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from famedash.infra.database import Database
from famedash.infra.errors import Postponed
from famedash.infra.log.model import START, Log

PATIENCE_SECONDS = 0.25

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Look:
    """`now` is the database's clock; everything that arrived before `through` (broker's clock) was read.

    `through` is None while the broker does not answer.
    """

    now: datetime
    through: datetime | None


async def look(database: Database, log: Log, *, reader: str, partition: int) -> Look:
    """Where `reader` stands, before anything that it wrote is read: then `through` never promises too much.

    Waits for the broker at most 250 ms.
    """
    row = await database.fetchrow(
        """
        select clock_timestamp() as now,
               (select entry from reader_positions where reader = $1 and partition = $2) as entry
        """,
        reader,
        partition,
    )
    assert row is not None  # noqa: S101 - a select without a table answers one row
    return Look(row["now"], await _through(log, partition, row["entry"] or START))


async def _through(log: Log, partition: int, entry: str) -> datetime | None:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            progress = await log.oldest_after(partition, entry)
    except (Postponed, TimeoutError):
        return None
    reached_ms = progress.now_ms if progress.oldest_ms is None else progress.oldest_ms
    return _EPOCH + timedelta(milliseconds=reached_ms)
