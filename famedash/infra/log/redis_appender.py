"""Appends to streams through a pooled client: one round trip, however many records."""

from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from famedash.infra.errors import Postponed
from famedash.infra.log.model import Record
from famedash.infra.log.redis_log import DATA, ORIGIN, stream_key
from famedash.infra.log.redis_publisher import CAP_OF_PLAIN_STREAMS


class RedisAppender:
    """With `appendfsync always` what was answered is on disk; with `everysec` up to a second may be lost."""

    def __init__(self, redis: "Redis") -> None:
        self.redis = redis

    async def append(self, records: Sequence[Record]) -> None:
        try:
            async with self.redis.pipeline(transaction=False) as pipe:
                for record in records:
                    fields: dict[Any, Any] = {DATA: record.data}
                    if record.origin:
                        fields[ORIGIN] = record.origin
                    cap = CAP_OF_PLAIN_STREAMS if record.partition is None else None
                    pipe.xadd(stream_key(record.topic, record.partition), fields, maxlen=cap)
                await pipe.execute()
        except (RedisError, OSError) as lost:
            raise Postponed("Redis took only part of what was appended, or none of it.") from lost
