"""The promises of a log and of its publisher: every broker passes this list."""

from redis.asyncio import Redis

from famedash.infra.log.model import START, Gap, Record
from famedash.infra.log.redis_log import RedisLog
from famedash.infra.log.redis_publisher import redis_session


async def publish(redis_url: str, *payloads: bytes, partition: int = 3) -> None:
    async with redis_session(redis_url) as publisher:
        await publisher.publish([Record("events", partition, payload) for payload in payloads])
        await publisher.confirm()


async def test_what_was_published_is_read_in_order(redis_url: str, redis: Redis) -> None:
    await publish(redis_url, b"one", b"two", b"three")

    (batch,) = await RedisLog(redis, "events").read({3: START}, limit=10, wait_seconds=1)

    assert [entry.data for entry in batch.entries] == [b"one", b"two", b"three"]
    assert batch.partition == 3
    assert batch.gap is None


async def test_reading_goes_on_after_the_cursor(redis_url: str, redis: Redis) -> None:
    log = RedisLog(redis, "events")
    await publish(redis_url, b"one", b"two", b"three")
    (first,) = await log.read({3: START}, limit=1, wait_seconds=1)

    (rest,) = await log.read({3: first.entries[0].id}, limit=10, wait_seconds=1)

    assert [entry.data for entry in first.entries] == [b"one"]
    assert [entry.data for entry in rest.entries] == [b"two", b"three"]


async def test_one_look_covers_several_partitions(redis_url: str, redis: Redis) -> None:
    await publish(redis_url, b"left", partition=1)
    await publish(redis_url, b"right", partition=15)

    batches = await RedisLog(redis, "events").read({1: START, 2: START, 15: START}, limit=10, wait_seconds=1)

    assert {batch.partition: batch.entries[0].data for batch in batches} == {1: b"left", 15: b"right"}


async def test_nothing_new_answers_nothing(redis_url: str, redis: Redis) -> None:
    log = RedisLog(redis, "events")
    await publish(redis_url, b"one")
    (batch,) = await log.read({3: START}, limit=10, wait_seconds=1)

    assert await log.read({3: batch.entries[-1].id}, limit=10, wait_seconds=0.05) == []


async def test_a_trimmed_entry_at_the_cursor_is_a_gap(redis_url: str, redis: Redis) -> None:
    """PROMISE: entries that were lost before they were read are reported, never waited for."""
    log = RedisLog(redis, "events")
    await publish(redis_url, b"one", b"two", b"three")
    (batch,) = await log.read({3: START}, limit=1, wait_seconds=1)
    await redis.xtrim("famedash:events:3", maxlen=1, approximate=False)

    (after,) = await log.read({3: batch.entries[0].id}, limit=10, wait_seconds=1)

    assert [entry.data for entry in after.entries] == [b"three"]
    assert after.gap == Gap(batch.entries[0].id, after.entries[0].id)


async def test_a_reset_log_is_a_gap_though_it_is_empty(redis_url: str, redis: Redis) -> None:
    log = RedisLog(redis, "events")
    await publish(redis_url, b"one")
    (batch,) = await log.read({3: START}, limit=10, wait_seconds=1)
    await redis.delete("famedash:events:3")

    (after,) = await log.read({3: batch.entries[0].id}, limit=10, wait_seconds=0.05)

    assert list(after.entries) == []
    assert after.gap == Gap(batch.entries[0].id, None)


async def test_a_log_that_begins_again_with_lower_ids_is_read_from_its_beginning(
    redis_url: str, redis: Redis
) -> None:
    log = RedisLog(redis, "events")
    await publish(redis_url, b"one")
    (batch,) = await log.read({3: START}, limit=10, wait_seconds=1)
    await redis.delete("famedash:events:3")
    await redis.xadd("famedash:events:3", {"data": b"again"}, id="1-1")

    (after,) = await log.read({3: batch.entries[0].id}, limit=10, wait_seconds=0.05)

    assert [entry.data for entry in after.entries] == [b"again"]
    assert after.gap is not None


async def test_trimming_leaves_the_entry_at_the_position(redis_url: str, redis: Redis) -> None:
    """PROMISE: a trim never makes a gap.

    Breaks if the age alone decides: the reader would find its position gone.
    """
    log = RedisLog(redis, "events")
    await publish(redis_url, b"one", b"two", b"three")
    (batch,) = await log.read({3: START}, limit=10, wait_seconds=1)
    second = batch.entries[1]

    dropped = await log.trim(3, position=second.id, older_than_ms=second.arrived_ms + 60_000)

    (after,) = await log.read({3: second.id}, limit=10, wait_seconds=1)
    assert dropped == 1
    assert after.gap is None
    assert [entry.data for entry in after.entries] == [b"three"]


async def test_trimming_by_age_leaves_what_is_young(redis_url: str, redis: Redis) -> None:
    log = RedisLog(redis, "events")
    await publish(redis_url, b"one", b"two")
    (batch,) = await log.read({3: START}, limit=10, wait_seconds=1)

    assert await log.trim(3, position=batch.entries[1].id, older_than_ms=1) == 0


async def test_nothing_is_trimmed_where_the_position_is_gone(redis_url: str, redis: Redis) -> None:
    log = RedisLog(redis, "events")
    await publish(redis_url, b"one", b"two")

    assert await log.trim(3, position="5-0", older_than_ms=2**50) == 0


async def test_an_entry_without_data_is_read_as_empty(redis_url: str, redis: Redis) -> None:
    await redis.xadd("famedash:events:3", {"other": b"x"})

    (batch,) = await RedisLog(redis, "events").read({3: START}, limit=10, wait_seconds=1)

    assert [entry.data for entry in batch.entries] == [b""]


async def test_a_plain_stream_keeps_order_too(redis_url: str, redis: Redis) -> None:
    async with redis_session(redis_url) as publisher:
        await publisher.publish([Record("dead:webhooks", None, b"a"), Record("dead:webhooks", None, b"b")])

    entries = await redis.xrange("famedash:dead:webhooks")

    assert [entry[1][b"data"] for entry in entries] == [b"a", b"b"]


async def test_a_reset_partition_is_seen_while_others_are_busy(redis_url: str, redis: Redis) -> None:
    """PROMISE: a gap is loud under steady load too.

    Breaks if only partitions with news are looked at.
    """
    log = RedisLog(redis, "events")
    await publish(redis_url, b"one", partition=3)
    await publish(redis_url, b"busy", partition=4)
    (batch,) = await log.read({3: START}, limit=10, wait_seconds=1)
    await redis.delete("famedash:events:3")
    log._looked_everywhere = 0.0

    batches = await log.read({3: batch.entries[0].id, 4: START}, limit=10, wait_seconds=1)

    assert {found.partition: found.gap is not None for found in batches} == {3: True, 4: False}
