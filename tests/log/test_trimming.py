"""The trim of what everybody has read: real positions in PostgreSQL, real streams."""

import time
from uuid import uuid4

from redis.asyncio import Redis

from famedash.infra.database import Database
from famedash.infra.log.fence import move, standings
from famedash.infra.log.model import Move, Position
from famedash.infra.log.ownership import Ownership
from famedash.infra.log.redis_log import RedisLog, stream_key
from famedash.infra.log.trimming import trim_read

HOUR = 3600
AGES = (5 * HOUR, 4 * HOUR, 3 * HOUR, 2 * HOUR, 0)
KEEP_NOTHING = -HOUR
"""An hour from now is the limit: by its age alone, everything goes."""


async def filled(redis: Redis, partition: int = 3) -> list[str]:
    """A partition with an entry of each age; their ids, oldest first."""
    now_ms = int(time.time() * 1000)
    ids = [f"{now_ms - age * 1000}-0" for age in AGES]
    for entry in ids:
        await redis.xadd(stream_key("events", partition), {"data": b"x"}, id=entry)
    return ids


async def left(redis: Redis, partition: int = 3) -> list[str]:
    return [entry.decode() for entry, _ in await redis.xrange(stream_key("events", partition))]


async def stand(database: Database, entry: str, *, partition: int = 3, reader: str = "webhooks") -> None:
    """The reader has recorded everything up to `entry`."""
    await Ownership(database, reader).renew()
    standing = (await standings(database, reader, [partition]))[partition]
    async with database.transaction() as tx:
        await move(tx, reader, [Move(standing, Position(entry))], uuid4())


async def trim(database: Database, redis: Redis, *, keep_seconds: float) -> int:
    return await trim_read(database, RedisLog(redis, "events"), reader="webhooks", keep_seconds=keep_seconds)


async def test_what_was_read_goes_by_its_age(database: Database, redis: Redis) -> None:
    entries = await filled(redis)
    await stand(database, entries[-1])

    dropped = await trim(database, redis, keep_seconds=3.5 * HOUR)

    assert dropped == 2
    assert await left(redis) == entries[2:]


async def test_a_trim_never_passes_the_position(database: Database, redis: Redis) -> None:
    """PROMISE: what was not delivered yet is never trimmed, however old it is."""
    entries = await filled(redis)
    await stand(database, entries[1])

    dropped = await trim(database, redis, keep_seconds=KEEP_NOTHING)

    assert dropped == 1
    assert await left(redis) == entries[1:]


async def test_every_partition_has_a_limit_of_its_own(database: Database, redis: Redis) -> None:
    entries = {partition: await filled(redis, partition) for partition in (0, 7, 15)}
    await stand(database, entries[0][-1], partition=0)
    await stand(database, entries[7][2], partition=7)

    dropped = await trim(database, redis, keep_seconds=KEEP_NOTHING)

    assert dropped == 4 + 2
    assert await left(redis, 0) == entries[0][-1:]
    assert await left(redis, 7) == entries[7][2:]
    assert await left(redis, 15) == entries[15]


async def test_a_second_trim_finds_nothing(database: Database, redis: Redis) -> None:
    entries = await filled(redis)
    await stand(database, entries[-1])
    await trim(database, redis, keep_seconds=KEEP_NOTHING)

    assert await trim(database, redis, keep_seconds=KEEP_NOTHING) == 0
    assert await left(redis) == entries[-1:]


async def test_nothing_is_trimmed_before_a_reader_has_ever_stood_anywhere(
    database: Database, redis: Redis
) -> None:
    """Breaks if no position counts as "all was read", or that of another reader as ours."""
    entries = await filled(redis)
    await stand(database, entries[-1], reader="metrics")

    assert await trim(database, redis, keep_seconds=KEEP_NOTHING) == 0
    assert await left(redis) == entries
