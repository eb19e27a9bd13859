"""A metrics worker on real servers, as a task; what it is fed and what it has counted."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from redis.asyncio import Redis

from famedash.infra.database import Database, open_database
from famedash.infra.log.ownership import Ownership
from famedash.infra.log.partitions import partition_of
from famedash.infra.log.redis_appender import RedisAppender
from famedash.infra.log.redis_log import RedisLog
from famedash.infra.loop import Stop
from famedash.infra.redis import open_redis
from famedash.metrics import service
from famedash.metrics.model import COUNTERS, READER, TOPIC
from famedash.metrics.settings import MetricsSettings
from famedash.metrics.worker import Ingester


def event(number: int | str, **more: Any) -> dict[str, Any]:
    """A view of campaign `summer`, now; `number` makes its id. `workspace` is left out: `default`."""
    return {
        "eventId": f"event-{number}",
        "campaignId": "summer",
        "influencerId": "mia",
        "platform": "tiktok",
        "type": "view",
        "timestamp": now().isoformat(),
    } | more


def now() -> datetime:
    return datetime.now(UTC)


def minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def home_of(one: Mapping[str, Any]) -> int:
    return partition_of(one.get("workspace", "default"), one["campaignId"])


async def append(redis: Redis, *events: dict[str, Any] | bytes, partition: int | None = None) -> None:
    """Each as one entry: to its own partition, or to the one that is given."""
    for one in events:
        data = one if isinstance(one, bytes) else json.dumps(one).encode()
        at = partition if partition is not None else 0 if isinstance(one, bytes) else home_of(one)
        await redis.xadd(f"famedash:{TOPIC}:{at}", {"data": data})


async def append_together(redis: Redis, lines: Iterable[dict[str, Any] | bytes], partition: int) -> None:
    """All as one entry of NDJSON."""
    texts = (one if isinstance(one, bytes) else json.dumps(one).encode() for one in lines)
    await redis.xadd(f"famedash:{TOPIC}:{partition}", {"data": b"\n".join(texts)})


@asynccontextmanager
async def ingester(
    database_url: str, redis_url: str, *, lease_seconds: float = 4.0, **settings: Any
) -> AsyncIterator[Ingester]:
    """A worker of its own; stopped cleanly at the end of the block, unless it was killed."""
    stop = Stop()
    async with (
        open_database(database_url, application="ingest") as database,
        open_redis(redis_url) as redis,
    ):
        worker = Ingester(
            database,
            RedisLog(redis, TOPIC),
            RedisAppender(redis),
            MetricsSettings(**{"flush_seconds": 0.02, **settings}),
            seed=await service.fingerprint_seed(database),
            ownership=Ownership(database, READER, lease_seconds=lease_seconds),
        )
        task = asyncio.create_task(worker.run(stop))
        worker.task = task  # type: ignore[attr-defined]
        try:
            yield worker
        finally:
            stop.ask()
            with suppress(asyncio.CancelledError):
                await task


async def caught_up(database: Database, redis: Redis, seconds: float = 20) -> None:
    """Return once every partition is read to its end."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not await _is_caught_up(database, redis):
        assert asyncio.get_running_loop().time() < deadline, "the log was not read to its end in time"
        await asyncio.sleep(0.02)


async def _is_caught_up(database: Database, redis: Redis) -> bool:
    rows = await database.fetch("select partition, entry from reader_positions where reader = $1", READER)
    stood = {row["partition"]: row["entry"] for row in rows}
    for partition in range(16):
        last = await redis.xrevrange(f"famedash:{TOPIC}:{partition}", count=1)
        if last and stood.get(partition) != last[0][0].decode():
            return False
    return True


async def totals(database: Database, campaign: str = "summer", workspace: str = "default") -> dict[str, int]:
    """The counters in total, those that are not zero."""
    return await _sums(database, "metric_totals", campaign, workspace)


async def minutes(database: Database, campaign: str = "summer", workspace: str = "default") -> dict[str, int]:
    return await _sums(database, "metric_minutes", campaign, workspace)


async def hours(database: Database, campaign: str = "summer", workspace: str = "default") -> dict[str, int]:
    return await _sums(database, "metric_hours", campaign, workspace)


async def _sums(database: Database, table: str, campaign: str, workspace: str) -> dict[str, int]:
    sums = ", ".join(f"coalesce(sum({name}), 0)::bigint as {name}" for name in COUNTERS)
    row = await database.fetchrow(
        f"select {sums} from {table} where workspace_id = $1 and campaign_id = $2",  # noqa: S608
        workspace,
        campaign,
    )
    assert row
    return {name: row[name] for name in COUNTERS if row[name]}


async def letters(database: Database) -> list[tuple[str, bytes]]:
    """(reason, payload) of every dead letter."""
    rows = await database.fetch(
        "select reason, payload from metric_dead_letters order by partition, entry, line"
    )
    return [(row["reason"], row["payload"]) for row in rows]


def ago(**span: float) -> str:
    return (now() - timedelta(**span)).isoformat()
