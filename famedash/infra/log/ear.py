"""Hears the pokes of writers (`famedash:wake:…`), so that a poller need not wait out its pause."""

import asyncio
from contextlib import suppress

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from famedash.infra.log.poke import CHANNELS


class Ear:
    """A poke is a hint: when Redis is away the pause simply runs its length."""

    def __init__(self, redis: Redis, name: str) -> None:
        self.redis = redis
        self.channel = CHANNELS + name
        self._pubsub: PubSub | None = None

    async def listen(self, seconds: float) -> None:
        """Return at the first poke, or after `seconds`; pokes that came meanwhile count as one."""
        try:
            pubsub = await self._subscribed()
            if await pubsub.get_message(timeout=seconds):
                while await pubsub.get_message(timeout=0):
                    pass
        except (RedisError, OSError):
            await self.close()
            await asyncio.sleep(seconds)

    async def _subscribed(self) -> PubSub:
        if self._pubsub is None:
            self._pubsub = self.redis.pubsub()
            await self._pubsub.subscribe(self.channel)
        return self._pubsub

    async def close(self) -> None:
        """Forget the subscription; the next `listen` makes a new one."""
        pubsub, self._pubsub = self._pubsub, None
        if pubsub is not None:
            with suppress(RedisError, OSError):
                await pubsub.aclose()  # type: ignore[no-untyped-call]
