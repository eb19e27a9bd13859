"""A consumer run life by life, ended where a test wants: after so many writes, or by one that goes wrong.

Without leases and renewals around it (`counting.ingester` has those), so that a life takes milliseconds.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from redis.asyncio import Redis

from famedash.infra.database import Database, Transaction
from famedash.infra.log.fence import standings
from famedash.infra.log.ownership import Ownership
from famedash.infra.log.partitions import PARTITIONS
from famedash.infra.log.redis_appender import RedisAppender
from famedash.infra.log.redis_log import RedisLog
from famedash.metrics import consumer, service
from famedash.metrics.consumer import Again, Consumer
from famedash.metrics.model import READER, TOPIC
from famedash.metrics.settings import MetricsSettings
from tests.metrics.counting import caught_up

Lost = Literal["", "the write", "the answer"]


@dataclass(frozen=True)
class Life:
    """Ends after so many writes (None: when all is read); what the last of them lost."""

    writes: int | None = None
    lost: Lost = ""
    most_events: int = 100_000
    most_fingerprints: int = 8_000_000


class Flaky(Database):
    """The last of `writes` transactions is lost: before it is committed, or its answer afterwards."""

    def __init__(self, database: Database, life: Life) -> None:
        super().__init__(database.pool)
        self.life = life
        self.written = 0

    @property
    def over(self) -> bool:
        return self.life.writes is not None and self.written >= self.life.writes

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        if self.over:
            raise ConnectionResetError("This life is over.")
        async with super().transaction() as tx:
            yield tx
            self.written += 1
            if self.over and self.life.lost == "the write":
                raise ConnectionResetError("The connection broke before COMMIT.")
        if self.over and self.life.lost == "the answer":
            raise ConnectionResetError("COMMIT was sent, its answer never came.")


async def live(database: Database, redis: Redis, life: Life | None = None) -> Consumer:
    """Count until `life` is over, or all is read."""
    life = life or Life()
    flaky = Flaky(database, life)
    settings = MetricsSettings(
        flush_seconds=0, most_events=life.most_events, most_fingerprints=life.most_fingerprints
    )
    one = Consumer(
        flaky,
        RedisLog(redis, TOPIC),
        RedisAppender(redis),
        settings,
        seed=await service.fingerprint_seed(database),
    )
    await Ownership(database, READER).renew()
    read = asyncio.create_task(caught_up(database, redis))

    def ended() -> bool:
        return flaky.over or read.done()

    try:
        with suppress(ConnectionResetError):
            while not ended():
                with suppress(Again):
                    await one.run(await standings(database, READER, range(PARTITIONS)), ended)
        if not flaky.over:
            await read
    finally:
        read.cancel()
    return one


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A consumer with nothing to read looks whether its life is over a hundred times a second."""
    monkeypatch.setattr(consumer, "IDLE_SECONDS", 0.01)


async def cells(database: Database, table: str, *key: str) -> dict[tuple[Any, ...], int]:
    """Every counter of a table that is not zero, by the columns of its key and its name."""
    rows = await database.fetch(f"select * from {table}")  # noqa: S608 - one of our tables
    return {
        (*(row[name] for name in ("workspace_id", "campaign_id", *key)), column): row[column]
        for row in rows
        for column in set(row.keys()) - {"workspace_id", "campaign_id", *key}
        if row[column]
    }
