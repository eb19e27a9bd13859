"""The log on Redis or Valkey: one stream a partition, one field `data` an entry; Redis 7.2 commands only."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from famedash.infra.errors import Postponed
from famedash.infra.log.model import START, Batch, Entry, Gap

PREFIX = "famedash:"

LOOK_EVERYWHERE_SECONDS = 1.0
"""A reset partition never becomes ready: so often every cursor is proved, busy or not."""

TRIM = """
if #redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1]) == 0 then return 0 end
return redis.call('XTRIM', KEYS[1], 'MINID', ARGV[2])
"""


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
        """One MULTI: is the entry at each cursor still there, and what follows it?"""
        async with self.redis.pipeline(transaction=True) as pipe:
            for partition, cursor in cursors.items():
                pipe.xrange(self._key(partition), cursor, cursor)
                pipe.xrange(self._key(partition), f"({cursor}", "+", count=limit)
            answers = await pipe.execute()
        batches = []
        for index, (partition, cursor) in enumerate(cursors.items()):
            stands, after = answers[2 * index], answers[2 * index + 1]
            if cursor != START and not stands:
                batches.append(await self._resume(partition, cursor, limit))
            elif after:
                batches.append(Batch(partition, [_entry(row) for row in after]))
        return batches

    async def _resume(self, partition: int, expected: str, limit: int) -> Batch:
        rows: Any = await self.redis.xrange(self._key(partition), count=limit)
        oldest = [_entry(row) for row in rows]
        return Batch(partition, oldest, Gap(expected, oldest[0].id if oldest else None))

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

    def _key(self, partition: int) -> str:
        return stream_key(self.topic, partition)


def _order(entry: str) -> tuple[int, int]:
    milliseconds, _, sequence = entry.partition("-")
    return int(milliseconds), int(sequence)


def _entry(row: Any) -> Entry:
    """An entry without a `data` field reads as empty: its reader sets it aside, nobody trips over it."""
    entry_id = row[0].decode()
    return Entry(entry_id, _order(entry_id)[0], (row[1] or {}).get(b"data", b""))
