"""What Redis knows of flights: kept values, who is making one, who waits for it, what was told at its end.

A Redis that is away, hangs or refuses is an outcome here (`AWAY`), never an error and never a long wait.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

TURN_SECONDS, TURNS = 0.025, 10
PAUSE_SECONDS = 1.0
WANTED_SECONDS = 1.0
TOLD_SECONDS = 5.0
JITTER = 0.1

ASK = """
local value = redis.call('get', KEYS[1])
if value then return {'value', value} end
if ARGV[3] ~= '' then
    local word = redis.call('get', KEYS[3] .. ARGV[3])
    if word then return {'told', word} end
end
if redis.call('set', KEYS[2], ARGV[1], 'nx', 'px', ARGV[2]) then return {'ours', ''} end
local holder = redis.call('get', KEYS[2])
if holder == ARGV[1] then return {'ours', ''} end
redis.call('set', KEYS[4] .. holder, '1', 'px', ARGV[4])
return {'theirs', holder}
"""

RENEW = "return redis.call('get', KEYS[1]) == ARGV[1] and redis.call('pexpire', KEYS[1], ARGV[2]) or 0"

LAND = """
if redis.call('get', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('set', KEYS[2], ARGV[2], 'px', ARGV[3])
return redis.call('del', KEYS[1])
"""

RELEASE = "return redis.call('get', KEYS[1]) == ARGV[1] and redis.call('del', KEYS[1]) or 0"

log = structlog.get_logger()


@dataclass(frozen=True)
class Value:
    """It is kept."""

    value: bytes


@dataclass(frozen=True)
class Told:
    """The flight that was waited for has ended, with these words and nothing kept."""

    word: bytes


@dataclass(frozen=True)
class Ours:
    """The lock is with the token that asked."""


@dataclass(frozen=True)
class Theirs:
    """Somebody is making it; that we wait for it has been noted."""

    token: str


@dataclass(frozen=True)
class Away:
    """Redis did not answer, or it was not worth asking."""


AWAY = Away()
Seen = Value | Told | Ours | Theirs | Away


class FlightStore:
    def __init__(self, redis: Redis, prefix: str, *, ttl_seconds: float, lease_seconds: float) -> None:
        self._redis = redis
        self._prefix = prefix
        self._ttl_seconds = ttl_seconds
        self._lease_seconds = lease_seconds
        self._breaker = Breaker()
        self._ask = redis.register_script(ASK)
        self._renew = redis.register_script(RENEW)
        self._land = redis.register_script(LAND)
        self._release = redis.register_script(RELEASE)

    async def get(self, key: str) -> bytes | None:
        found = await self._try(self._redis.get, self._key(key, "value"))
        return None if isinstance(found, Away) else found

    async def ask(self, key: str, token: str, *, awaited: str = "") -> Seen:
        """The value, the last word of the flight `awaited`, or the lock: ours now, or whose it is.

        One atomic look, so that the value is looked at again before the lock is taken. Asking twice with
        the same token does no harm: a driver that repeats a lost command must not wait for itself.
        """
        keys = [self._key(key, name) for name in ("value", "lock", "told:", "wanted:")]
        waits = (_milliseconds(self._lease_seconds), _milliseconds(WANTED_SECONDS))
        answer = await self._try(self._ask, keys, [token, waits[0], awaited, waits[1]])
        return answer if isinstance(answer, Away) else _seen(*answer)

    async def renew(self, key: str, token: str) -> bool | Away:
        """False: the lock is no longer ours."""
        lease = _milliseconds(self._lease_seconds)
        answer = await self._try(self._renew, [self._key(key, "lock")], [token, lease])
        return answer if isinstance(answer, Away) else bool(answer)

    async def is_wanted(self, key: str, token: str) -> bool:
        """Whether anybody has asked for this flight within the last second. False where Redis is away."""
        answer = await self._try(self._redis.exists, self._key(key, f"wanted:{token}"))
        return not isinstance(answer, Away) and bool(answer)

    async def keep(self, key: str, token: str, value: bytes) -> None:
        """Publish the value and give the lock back, if it is still ours."""
        spread = 1 + JITTER * (2 * secrets.randbelow(10_001) / 10_000 - 1)
        life = _milliseconds(self._ttl_seconds * spread)
        await self._try(self._land, [self._key(key, "lock"), self._key(key, "value")], [token, value, life])

    async def tell(self, key: str, token: str, word: bytes) -> None:
        """Say a last word to those who wait now, and give the lock back, if it is still ours."""
        names = ("lock", f"told:{token}")
        life = _milliseconds(TOLD_SECONDS)
        await self._try(self._land, [self._key(key, name) for name in names], [token, word, life])

    async def release(self, key: str, token: str) -> None:
        await self._try(self._release, [self._key(key, "lock")], [token])

    def _key(self, key: str, name: str) -> str:
        """The braces keep the keys of one flight in one slot of a cluster."""
        return f"{self._prefix}:{{{key}}}:{name}"

    async def _try(self, question: Callable[..., Awaitable[Any]], *words: Any) -> Any | Away:
        if not self._breaker.lets_pass():
            return AWAY
        try:
            async with _patience():
                answer = await question(*words)
        except ResponseError as refusal:  # it is there, and quick: out of memory, read only
            log.warning("flights.refused", reason=str(refusal))
            return AWAY
        except (RedisError, OSError, TimeoutError) as fault:
            self._breaker.open(type(fault).__name__)
            return AWAY
        self._breaker.close()
        return answer


class Breaker:
    """After a failure nobody asks for a second; then one goes ahead, and the others follow if it was well."""

    def __init__(self) -> None:
        self._quiet_until = 0.0

    def lets_pass(self) -> bool:
        now = time.monotonic()
        if now < self._quiet_until:
            return False
        if self._quiet_until:
            self._quiet_until = now + PAUSE_SECONDS
        return True

    def open(self, reason: str) -> None:
        if not self._quiet_until:
            log.warning("flights.redis_away", reason=reason)
        self._quiet_until = time.monotonic() + PAUSE_SECONDS

    def close(self) -> None:
        if self._quiet_until:
            log.info("flights.redis_back")
        self._quiet_until = 0.0


@asynccontextmanager
async def _patience() -> AsyncIterator[None]:
    """A quarter of a second, counted in turns of the event loop: raises TimeoutError.

    A plain time-out would blame Redis when it was our loop that stood still: its answer and the time-out
    are then both due in the same turn, and the time-out wins.
    """
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle

    def turn(left: int) -> None:
        nonlocal timer
        if left:
            timer = loop.call_later(TURN_SECONDS, turn, left - 1)
        else:
            limit.reschedule(loop.time())

    async with asyncio.timeout(None) as limit:
        timer = loop.call_later(TURN_SECONDS, turn, TURNS - 1)
        try:
            yield
        finally:
            timer.cancel()


def _seen(kind: bytes, word: bytes) -> Seen:
    match kind:
        case b"value":
            return Value(word)
        case b"told":
            return Told(word)
        case b"ours":
            return Ours()
        case _:
            return Theirs(word.decode())


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
