"""The relay against the real PostgreSQL and the real Valkey."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from redis.asyncio import Redis

from famedash.infra.database import Database
from famedash.infra.errors import Postponed
from famedash.infra.ids import uuid7
from famedash.infra.lease import Lease
from famedash.infra.log.ear import Ear
from famedash.infra.log.model import Publisher, Record
from famedash.infra.log.partitions import partition_of
from famedash.infra.log.redis_publisher import redis_session
from famedash.infra.loop import Stop
from famedash.outbox import service
from famedash.outbox.model import DEAD_WEBHOOKS, EVENTS, DomainEvent, encode
from famedash.outbox.worker import Relay

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
PARTITION = partition_of("acme", "summer")


def event(version: int, topic: str = EVENTS) -> DomainEvent:
    return DomainEvent(
        uuid7(), "CampaignUpdated", NOON, "acme", "summer", version, {"version": version}, topic
    )


async def announce(database: Database, *events: DomainEvent) -> None:
    async with database.transaction() as tx:
        for one in events:
            await service.append(tx, one)


async def versions(redis: Redis) -> list[int]:
    entries = await redis.xrange(f"famedash:events:{PARTITION}")
    return [json.loads(entry[1][b"data"])["data"]["version"] for entry in entries]


def relay(database: Database, redis_url: str, redis: Redis) -> Relay:
    return Relay(database, lambda: redis_session(redis_url), Ear(redis, service.WAKE_RELAY))


async def unpublished(database: Database) -> int:
    return int(await database.fetchval("select count(*) from outbox_unpublished"))


async def until(condition: object, seconds: float = 5) -> None:
    for _ in range(int(seconds / 0.02)):
        if await condition():  # type: ignore[operator]
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not happen in time")


async def test_committed_events_reach_their_partition_in_order(
    database: Database, redis_url: str, redis: Redis
) -> None:
    await announce(database, event(1), event(2), event(3))
    worker, stop = relay(database, redis_url, redis), Stop()
    running = asyncio.create_task(worker.run(stop))

    await until(lambda: _is(unpublished(database), 0))
    stop.ask()
    await running

    assert await versions(redis) == [1, 2, 3]


async def _is(value: object, expected: int) -> bool:
    return await value == expected  # type: ignore[misc]


async def test_what_was_not_surely_on_disk_is_sent_again_in_order(
    database: Database, redis_url: str, redis: Redis
) -> None:
    """PROMISE: an event leaves `outbox_unpublished` only once the log has it on disk.

    Breaks if a batch counts as sent before `confirm` answered.
    """

    class Doubtful:
        def __init__(self, real: Publisher) -> None:
            self.real = real

        async def publish(self, records: Sequence[Record]) -> None:
            await self.real.publish(records)

        async def confirm(self) -> None:
            raise Postponed("lost before it was synced")

    @asynccontextmanager
    async def doubtful_session() -> AsyncIterator[Publisher]:
        async with redis_session(redis_url) as publisher:
            yield Doubtful(publisher)

    await announce(database, event(1), event(2))
    with pytest.raises(Postponed):
        await Relay(database, doubtful_session, Ear(redis, "x")).run(Stop())
    assert await unpublished(database) == 2
    await announce(database, event(3))

    stop = Stop()
    running = asyncio.create_task(relay(database, redis_url, redis).run(stop))
    await until(lambda: _is(unpublished(database), 0))
    stop.ask()
    await running

    assert await versions(redis) == [1, 2, 1, 2, 3]


async def test_a_dead_delivery_goes_to_its_own_stream_only(
    database: Database, redis_url: str, redis: Redis
) -> None:
    await announce(database, event(1, DEAD_WEBHOOKS))
    stop = Stop()
    running = asyncio.create_task(relay(database, redis_url, redis).run(stop))

    await until(lambda: _is(unpublished(database), 0))
    stop.ask()
    await running

    assert await versions(redis) == []
    assert await redis.xlen("famedash:dead:webhooks") == 1


async def test_a_standby_waits_and_goes_on_after_the_last_renewal(
    database: Database, redis_url: str, redis: Redis
) -> None:
    dead = Lease(database, "relay", seconds=0.3)
    assert await dead.hold()
    await announce(database, event(1))
    stop = Stop()
    running = asyncio.create_task(relay(database, redis_url, redis).run(stop))
    await asyncio.sleep(0.1)
    assert await unpublished(database) == 1

    await until(lambda: _is(unpublished(database), 0))
    stop.ask()
    await running

    assert await versions(redis) == [1]


async def test_a_relay_that_lost_its_lease_publishes_nothing(
    database: Database, redis_url: str, redis: Redis
) -> None:
    """PROMISE: one relay publishes at a time. Breaks if a paused relay goes on where it stopped."""
    worker = relay(database, redis_url, redis)
    worker.lease.seconds = 0.05
    assert await worker.lease.hold()
    await asyncio.sleep(0.1)
    assert await Lease(database, "relay", seconds=30).hold()
    await announce(database, event(1))

    async with redis_session(redis_url) as publisher:
        with pytest.raises(Postponed):
            await worker.publish(publisher)

    assert await versions(redis) == []


async def test_a_batch_is_bounded_by_bytes_too(database: Database) -> None:
    """PROMISE: one tenant's huge events cannot make a batch that Redis never takes."""
    await announce(database, event(1), event(2), event(3))
    size = len(encode(event(1)))

    two = await service.unpublished(database, limit=10, limit_bytes=2 * size)
    one = await service.unpublished(database, limit=10, limit_bytes=1)

    assert [len(two), len(one)] == [2, 1]
