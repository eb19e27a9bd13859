"""The log on Redis or Valkey: one stream a partition, one field `data` an entry; Redis 7.2 commands only."""

import time
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from famedash.infra.errors import Postponed
from famedash.infra.log.model import START, Batch, Gap, Progress, arrived_ms

PREFIX = "famedash:"
DATA, ORIGIN = b"data", b"origin"

LOOK_EVERYWHERE_SECONDS = 1.0
"""A reset partition never becomes ready: so often every cursor is proved, busy or not."""

_first = itemgetter(0)

TRIM = """
if #redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1]) == 0 then return 0 end
return redis.call('XTRIM', KEYS[1], 'MINID', ARGV[2])
"""

OLDEST_AFTER = """
local found = redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', 1)
local time = redis.call('TIME')
return {time[1], time[2], #found > 0 and found[1][1]}
"""
"""A script, so that the payload of that entry (megabytes, perhaps) stays where it is."""


def stream_key(topic: str, partition: int | None) -> str:
    """`famedash:events:7`, or `famedash:dead:webhooks` for a plain stream."""
    return f"{PREFIX}{topic}" if partition is None else f"{PREFIX}{topic}:{partition}"


class RedisLog:
    """Reads one topic through one client; safe to use from one task at a time."""

    def __init__(self, redis: "Redis", topic: str) -> None:
        self.redis = redis
        self.topic = topic
        self._looked_everywhere = 0.0

    async def read(self, cursors: Mapping[int, str], *, limit: int, wait_seconds: float) -> Sequence[Batch]:
        if not cursors:
            return ()
        try:
            ready = await self._wait(cursors, wait_seconds)
            if not ready or time.monotonic() - self._looked_everywhere > LOOK_EVERYWHERE_SECONDS:
                self._looked_everywhere = time.monotonic()
                return await self._look(cursors, limit)
            return await self._look({partition: cursors[partition] for partition in ready}, limit)
        except (RedisError, OSError) as away:
            raise Postponed("Redis does not answer; reading goes on when it is back.") from away

    async def _wait(self, cursors: Mapping[int, str], seconds: float) -> list[int]:
        """The partitions that have something new; none after `seconds`."""
        partition_of_key = {self._key(partition): partition for partition in cursors}
        found: Any = await self.redis.xread(
            dict(zip(partition_of_key, cursors.values(), strict=True)),
            count=1,
            block=max(1, int(seconds * 1000)),
        )
        keys = found if isinstance(found, dict) else [stream[0] for stream in found or ()]
        return [partition_of_key[key.decode()] for key in keys]

    async def _look(self, cursors: Mapping[int, str], limit: int) -> list[Batch]:
        """One XRANGE a partition, from the cursor on: is that entry still there, and what follows it?

        Raw replies: what the client makes of an entry costs three times what reading it does.
        """
        replies = await self._raw(
            [("XRANGE", self._key(n), cursor, "+", "COUNT", limit + 1) for n, cursor in cursors.items()]
        )
        batches = []
        for (partition, cursor), rows in zip(cursors.items(), replies, strict=True):
            if cursor == START:
                found = _batch(partition, rows[:limit])
            elif rows and rows[0][0] == cursor.encode():
                found = _batch(partition, rows[1:])
            else:
                found = await self._resume(partition, cursor, limit)
            if found.ids or found.gap:
                batches.append(found)
        return batches

    async def _resume(self, partition: int, expected: str, limit: int) -> Batch:
        (rows,) = await self._raw([("XRANGE", self._key(partition), "-", "+", "COUNT", limit)])
        return _batch(partition, rows, Gap(expected, rows[0][0].decode() if rows else None))

    async def _raw(self, commands: Sequence[tuple[str | int, ...]]) -> list[Any]:
        """The replies as they come. Raises `RedisError` or `OSError`; the connection is dropped then."""
        pool: Any = self.redis.connection_pool
        connection = await pool.get_connection()
        try:
            await connection.send_packed_command(connection.pack_commands(commands))
            return [await connection.read_response(disable_decoding=True) for _ in commands]
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        finally:
            await pool.release(connection)

    async def trim(self, partition: int, *, position: str, older_than_ms: int) -> int:
        if position == START:
            return 0
        keep_from = min(_order(position), (older_than_ms, 0))
        try:
            dropped: Any = await self.redis.eval(
                TRIM, 1, self._key(partition), position, f"{keep_from[0]}-{keep_from[1]}"
            )
        except (RedisError, OSError) as away:
            raise Postponed("Redis does not answer; trimming goes on when it is back.") from away
        return int(dropped)

    async def oldest_after(self, partition: int, entry: str) -> Progress:
        try:
            found: Any = await self.redis.eval(OLDEST_AFTER, 1, self._key(partition), entry)
        except (RedisError, OSError) as away:
            raise Postponed("Redis does not answer; how far reading came is not known now.") from away
        seconds, microseconds, oldest = found
        now_ms = int(seconds) * 1000 + int(microseconds) // 1000
        return Progress(now_ms, None if oldest is None else arrived_ms(oldest))

    def _key(self, partition: int) -> str:
        return stream_key(self.topic, partition)


def _order(entry: str) -> tuple[int, int]:
    milliseconds, _, sequence = entry.partition("-")
    return int(milliseconds), int(sequence)


def _batch(partition: int, rows: Sequence[Any], gap: Gap | None = None) -> Batch:
    """A row is [id, [name, value, ...]]; ours has the one field `data`, moved ones also `origin`."""
    ids = [row[0] for row in rows]
    fields = [row[1] for row in rows]
    if set(map(len, fields)) <= {2} and set(map(_first, fields)) <= {DATA}:
        return Batch(partition, ids, [pairs[1] for pairs in fields], {}, gap)
    origins = {index: origin for index, pairs in enumerate(fields) if (origin := _field(pairs, ORIGIN))}
    return Batch(partition, ids, [_field(pairs, DATA) for pairs in fields], origins, gap)


def _field(pairs: Sequence[bytes], name: bytes) -> bytes:
    """Empty where there is none: its reader sets such an entry aside, nobody trips over it."""
    return dict(zip(pairs[::2], pairs[1::2], strict=True)).get(name, b"")
