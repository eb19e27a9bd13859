"""Where accepted events enter the log: across the network, with no transaction open."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from redis.asyncio import Redis
from redis.exceptions import RedisError

from famedash.infra.errors import Postponed, Unavailable
from famedash.infra.log.model import Appender, Record
from famedash.infra.log.partitions import PARTITIONS
from famedash.infra.log.redis_log import stream_key
from famedash.metrics.model import TOPIC

T = TypeVar("T")

LOOK_SECONDS = 1.0
ANSWER_SECONDS = 5.0
CATCH_UP_SECONDS = 5
"""When to come back to a log that is full."""

Waiting = Callable[[], Awaitable[int]]
"""How many entries wait in the log, all partitions together. Raises `Postponed` when it does not answer."""


class Inlet:
    """One a process. Lets nothing in while more than `most` entries wait to be counted: a look a second."""

    def __init__(
        self,
        appender: Appender,
        waiting: Waiting,
        *,
        most: int,
        answer_seconds: float = ANSWER_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._appender = appender
        self._waiting = waiting
        self._most = most
        self._answer_seconds = answer_seconds
        self._clock = clock
        self._found = 0
        self._next_look = float("-inf")

    async def admit(self) -> None:
        """Raises `Unavailable` while the log is full or does not answer."""
        if self._clock() >= self._next_look:
            self._next_look = self._clock() + LOOK_SECONDS  # whoever comes meanwhile goes by the look before
            self._found = await self._in_time(self._look())
        if self._found > self._most:
            raise Unavailable(
                "More events wait to be counted than we take in: nothing was taken, send them again later.",
                retry_after_seconds=CATCH_UP_SECONDS,
            )

    async def append(self, entries: Sequence[tuple[int, bytes]]) -> None:
        """Return once each (partition, NDJSON) is in the log. Raises `Unavailable`: some may be there."""
        await self._in_time(
            self._appender.append([Record(TOPIC, partition, data) for partition, data in entries])
        )

    async def _look(self) -> int:
        try:
            return await self._waiting()
        except BaseException:
            self._next_look = float("-inf")
            raise

    async def _in_time(self, asked: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self._answer_seconds):
                return await asked
        except (Postponed, TimeoutError) as away:
            raise Unavailable(
                "The log does not answer: take none of these events as counted and send them again."
                " An event that is there already counts once."
            ) from away


def waiting_in(redis: Redis) -> Waiting:
    """By the length of the streams: they are trimmed behind the reader's position."""

    async def waiting() -> int:
        try:
            async with redis.pipeline(transaction=False) as pipe:
                for partition in range(PARTITIONS):
                    pipe.xlen(stream_key(TOPIC, partition))
                return sum(await pipe.execute())
        except (RedisError, OSError) as away:
            raise Postponed("Redis does not answer.") from away

    return waiting
