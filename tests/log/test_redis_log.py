"""What only Redis has: keys, fields, ids that are times. Promises of every broker are in test_contract.py."""

import pytest
from redis.asyncio import Redis

from famedash.infra.errors import Postponed
from famedash.infra.log import redis_publisher
from famedash.infra.log.model import START, Record
from famedash.infra.log.redis_log import RedisLog
from famedash.infra.log.redis_publisher import redis_session
from famedash.infra.redis import open_redis

NOBODY = "redis://127.0.0.1:1/0"
KEY = "famedash:events:3"


async def test_an_event_is_one_field_of_the_stream_of_its_partition(redis_url: str, redis: Redis) -> None:
    async with redis_session(redis_url) as publisher:
        await publisher.publish([Record("events", 3, b"one"), Record("dead:webhooks", None, b"two")])

    ((_, event),) = await redis.xrange(KEY)
    ((_, letter),) = await redis.xrange("famedash:dead:webhooks")

    assert (event, letter) == ({b"data": b"one"}, {b"data": b"two"})


async def test_a_plain_stream_is_capped_and_a_partition_is_not(
    redis_url: str, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Breaks if events are dropped by number: a reader that is behind would lose them."""
    monkeypatch.setattr(redis_publisher, "CAP_OF_PLAIN_STREAMS", 100)

    async with redis_session(redis_url) as publisher:
        await publisher.publish(
            [Record("dead:webhooks", None, b"x")] * 500 + [Record("events", 3, b"x")] * 500
        )

    assert 100 <= await redis.xlen("famedash:dead:webhooks") < 300
    assert await redis.xlen(KEY) == 500


async def test_the_time_of_an_entry_is_in_its_id(redis: Redis) -> None:
    await redis.xadd(KEY, {"data": b"x"}, id="1700000000123-7")

    (batch,) = await RedisLog(redis, "events").read({3: START}, limit=10, wait_seconds=1)

    assert [(entry.id, entry.arrived_ms) for entry in batch.entries] == [("1700000000123-7", 1700000000123)]


async def test_an_entry_without_data_is_read_as_empty(redis: Redis) -> None:
    await redis.xadd(KEY, {"other": b"x"})

    (batch,) = await RedisLog(redis, "events").read({3: START}, limit=10, wait_seconds=1)

    assert [entry.data for entry in batch.entries] == [b""]


async def test_a_log_that_begins_again_with_lower_ids_is_read_from_its_beginning(redis: Redis) -> None:
    """Breaks if the gap is looked for by comparing ids: a clock that was set back would hide every event."""
    log = RedisLog(redis, "events")
    await redis.xadd(KEY, {"data": b"one"}, id="5-1")
    await redis.delete(KEY)
    await redis.xadd(KEY, {"data": b"again"}, id="1-1")

    (after,) = await log.read({3: "5-1"}, limit=10, wait_seconds=0.05)

    assert [entry.data for entry in after.entries] == [b"again"]
    assert after.gap is not None


async def test_a_trim_keeps_the_younger_of_two_entries_of_one_millisecond(redis: Redis) -> None:
    """Ids are compared by number: `9-2` is older than `10-1`, `10-2` older than `10-10`."""
    for entry in ("9-2", "10-2", "10-10", "11-0"):
        await redis.xadd(KEY, {"data": b"x"}, id=entry)

    dropped = await RedisLog(redis, "events").trim(3, position="10-10", older_than_ms=2**50)

    assert dropped == 2
    assert [entry_id for entry_id, _ in await redis.xrange(KEY)] == [b"10-10", b"11-0"]


async def test_where_redis_is_away_everything_is_postponed() -> None:
    async with open_redis(NOBODY) as away:
        log = RedisLog(away, "events")
        with pytest.raises(Postponed):
            await log.read({3: START}, limit=10, wait_seconds=0.05)
        with pytest.raises(Postponed):
            await log.trim(3, position="5-1", older_than_ms=2**50)
    with pytest.raises(Postponed):
        async with redis_session(NOBODY):
            pass
