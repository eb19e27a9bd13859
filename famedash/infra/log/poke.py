"""A word on Redis after a commit, so that who waits for it looks at once; who hears nothing polls."""

import asyncio

import structlog
from redis.asyncio import Redis

CHANNELS = "famedash:wake:"
PAUSE_SECONDS = 0.002

_log = structlog.get_logger()


class Poke:
    """One word in flight a process: what is asked for meanwhile becomes one more word after it."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._wanted: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    def request(self, name: str) -> None:
        """Publish on `famedash:wake:{name}` soon. Never waits and never fails (`Database.listener`)."""
        self._wanted.add(name)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._say())

    async def close(self) -> None:
        """Say nothing more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _say(self) -> None:
        while self._wanted:
            name = self._wanted.pop()
            try:
                await self._redis.publish(CHANNELS + name, b"")
            except Exception as reason:
                _log.debug("poke.failed", channel=name, reason=type(reason).__name__)
            await asyncio.sleep(PAUSE_SECONDS)
