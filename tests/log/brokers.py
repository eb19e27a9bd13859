"""What the contract asks of a broker: its two sides as FameDash uses them, and ways to lose entries.

A second broker is a second class with these methods, and a second parameter of the fixture `broker`.
"""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from redis.asyncio import Redis

from famedash.infra.log.model import Log, Publisher
from famedash.infra.log.redis_log import RedisLog, stream_key
from famedash.infra.log.redis_publisher import redis_session


class Broker(Protocol):
    def publisher(self) -> AbstractAsyncContextManager[Publisher]:
        """A relay's session."""
        ...

    def log(self, topic: str = "events") -> Log:
        """A reader of its own: nothing is shared with another one."""
        ...

    async def lose_up_to(self, partition: int, entry: str) -> None:
        """The broker forgets this entry of `events` and every older one, as a retention of its own would."""
        ...

    async def reset(self, partition: int) -> None:
        """The partition of `events` is empty and knows nothing of its past."""
        ...

    async def plain(self, topic: str) -> list[bytes]:
        """What a plain stream holds, oldest first."""
        ...


class RedisBroker:
    def __init__(self, redis: Redis, url: str) -> None:
        self.redis = redis
        self.url = url

    def publisher(self) -> AbstractAsyncContextManager[Publisher]:
        return redis_session(self.url)

    def log(self, topic: str = "events") -> Log:
        return RedisLog(self.redis, topic)

    async def lose_up_to(self, partition: int, entry: str) -> None:
        milliseconds, _, sequence = entry.partition("-")
        first_kept = f"{milliseconds}-{int(sequence) + 1}"
        await self.redis.xtrim(stream_key("events", partition), minid=first_kept, approximate=False)

    async def reset(self, partition: int) -> None:
        await self.redis.delete(stream_key("events", partition))

    async def plain(self, topic: str) -> list[bytes]:
        return [entry[1][b"data"] for entry in await self.redis.xrange(stream_key(topic, None))]
