"""A cache of bytes in Redis in which simultaneous twins cost one making, across processes.

A flight is one making and all who wait for it: in this process they share a task; in other processes they
poll for the value, or for the last word of the one who holds the lock. The lock is a lease: it saves work,
and nothing more rests on it. Without Redis there is one flight per process and nothing is kept.

Only a making is ever cancelled; questions to Redis are short and end by themselves, so that no lock is left
behind by one that was asked for and not heard.
"""

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Any

from redis.asyncio import Redis

from famedash.infra.errors import Unavailable
from famedash.infra.flight_store import WANTED_SECONDS, Away, FlightStore, Ours, Theirs, Told, Value

SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, GROWTH = 0.01, 0.25, 1.6
MOST_NEAR = 500
ANSWERED, FAILED = b"=", b"!"


class How(StrEnum):
    HIT = "HIT"
    MISS = "MISS"
    COALESCED = "COALESCED"


@dataclass(frozen=True)
class Landed:
    value: bytes
    how: How


@dataclass(frozen=True)
class Made:
    """`answer` is for the one who asked first, `kept` for the cache and everybody else.

    `kept` None: it is not cached, and those who wait now get `answer`.
    """

    answer: bytes
    kept: bytes | None


Make = Callable[[], Awaitable[Made]]


@dataclass(frozen=True)
class _Arrived:
    first: Landed
    others: Landed


@dataclass(frozen=True)
class _Crashed:
    error: Exception
    origin: TracebackType | None = None


_End = _Arrived | _Crashed


@dataclass(eq=False)
class _Flight:
    key: str
    make: Make
    token: str = field(default_factory=lambda: secrets.token_hex(8))
    callers: int = 0
    deserted: asyncio.Event = field(default_factory=asyncio.Event)

    def board(self) -> None:
        self.callers += 1
        self.deserted.clear()

    def leave(self) -> None:
        self.callers -= 1
        if not self.callers:
            self.deserted.set()


class Flights:
    """One per process and kind of thing. `ttl_seconds` is spread by 10 % either way.

    `lease_seconds`: how long others wait for a process that died. `longest_seconds`: how long they wait
    for one that lives, before they make it themselves. `encode_failure` answers None for a failure that
    other processes shall not take over: they try for themselves, one after another.
    `near_seconds`: how long this process answers a value without asking Redis again; only where a key never
    stands for another value.
    """

    def __init__(
        self,
        redis: Redis,
        *,
        prefix: str,
        ttl_seconds: float,
        lease_seconds: float = 8.0,
        longest_seconds: float = 60.0,
        near_seconds: float = 0.0,
        encode_failure: Callable[[Exception], bytes | None],
        decode_failure: Callable[[bytes], Exception],
    ) -> None:
        self._store = FlightStore(redis, prefix, ttl_seconds=ttl_seconds, lease_seconds=lease_seconds)
        self._lease_seconds = lease_seconds
        self._longest_seconds = longest_seconds
        self._near_seconds = near_seconds
        self._near: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._encode_failure = encode_failure
        self._decode_failure = decode_failure
        self._flights: dict[str, tuple[_Flight, asyncio.Task[_End]]] = {}

    async def get(self, key: str) -> bytes | None:
        """None on a miss, and where Redis is away."""
        until, value = self._near.get(key, (0.0, b""))
        if time.monotonic() < until:
            return value
        found = await self._store.get(key)
        if found is not None and self._near_seconds:
            self._near[key] = time.monotonic() + self._near_seconds, found
            while len(self._near) > MOST_NEAR:
                self._near.popitem(last=False)
        return found

    async def fly(self, key: str, make: Make) -> Landed:
        """The value of `key`: kept, or made by one of those who ask for it now.

        Raises what `make` raised, for everybody who waited for it; who comes later tries anew.
        Raises `Unavailable` where the making was cancelled from elsewhere.
        """
        under_way = self._flights.get(key)
        flight, task = under_way or self._begin(key, make)
        flight.board()
        try:
            end = await asyncio.shield(task)
        finally:
            flight.leave()
        return _landed(end, is_first=under_way is None)

    def _begin(self, key: str, make: Make) -> tuple[_Flight, asyncio.Task[_End]]:
        flight = _Flight(key, make)
        self._flights[key] = flight, asyncio.create_task(self._run(flight))
        return self._flights[key]

    def _forget(self, flight: _Flight) -> None:
        if self._flights.get(flight.key, (None,))[0] is flight:
            del self._flights[flight.key]

    async def _run(self, flight: _Flight) -> _End:
        try:
            return await self._find_or_make(flight)
        finally:
            self._forget(flight)

    async def _find_or_make(self, flight: _Flight) -> _End:
        until = time.monotonic() + self._longest_seconds
        seen = await self._store.ask(flight.key, flight.token)
        how = How.HIT
        for pause in _pauses():
            match seen:
                case Value(value):
                    return _same(Landed(value, how))
                case Told(word):
                    return self._read(word)
                case Ours() | Away():
                    return await self._lead(flight)
                case Theirs(token):
                    how = How.COALESCED
            if not flight.callers:
                return _cut_short()
            if time.monotonic() > until:
                return await self._lead(flight)
            await asyncio.sleep(pause)
            seen = await self._store.ask(flight.key, flight.token, awaited=token)
        raise AssertionError("pauses never end")

    async def _lead(self, flight: _Flight) -> _End:
        """Make it, with the lock or without (then nothing is kept); the lock is given back in any case."""
        try:
            if not flight.callers:
                return _cut_short()
            return await self._make(flight)
        finally:
            self._forget(flight)
            await self._store.release(flight.key, flight.token)

    async def _make(self, flight: _Flight) -> _End:
        making = asyncio.ensure_future(flight.make())
        try:
            async with _beside(self._renew(flight), self._cancel_unwanted(flight, making)):
                await asyncio.wait({making})
        finally:
            making.cancel()
        if making.cancelled():
            return _cut_short()
        error = making.exception()
        if error is None:
            return await self._arrive(flight, making.result())
        if isinstance(error, Exception):
            return await self._crash(flight, error)
        raise error

    async def _arrive(self, flight: _Flight, made: Made) -> _End:
        if made.kept is not None:
            await self._store.keep(flight.key, flight.token, made.kept)
        else:
            await self._store.tell(flight.key, flight.token, ANSWERED + made.answer)
        shared = made.answer if made.kept is None else made.kept
        return _Arrived(Landed(made.answer, How.MISS), Landed(shared, How.COALESCED))

    async def _crash(self, flight: _Flight, error: Exception) -> _End:
        word = self._encode_failure(error)
        if word is not None:
            await self._store.tell(flight.key, flight.token, FAILED + word)
        return _Crashed(error, error.__traceback__)

    def _read(self, word: bytes) -> _End:
        if word.startswith(FAILED):
            return _Crashed(self._decode_failure(word.removeprefix(FAILED)))
        return _same(Landed(word.removeprefix(ANSWERED), How.COALESCED))

    async def _renew(self, flight: _Flight) -> None:
        """Until the lock is lost, or so long that a making which hangs shall hold up nobody else."""
        until = time.monotonic() + self._longest_seconds
        held: bool | Away = True
        while held is not False and time.monotonic() < until:
            await asyncio.sleep(self._lease_seconds / 3)
            held = await self._store.renew(flight.key, flight.token)

    async def _cancel_unwanted(self, flight: _Flight, making: asyncio.Future[Made]) -> None:
        """Wait until nobody waits, here or in another process; who comes from then on flies anew."""
        while True:
            await flight.deserted.wait()
            if not await self._store.is_wanted(flight.key, flight.token) and not flight.callers:
                break
            await asyncio.sleep(WANTED_SECONDS / 2)
        self._forget(flight)
        making.cancel()


@asynccontextmanager
async def _beside(*works: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run `works` as long as the block lasts."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _pauses() -> Iterator[float]:
    """From short to long, each cut by up to a half at random, so that pollers do not march in step."""
    pause = SHORTEST_PAUSE_SECONDS
    while True:
        yield pause * (500 + secrets.randbelow(501)) / 1000
        pause = min(pause * GROWTH, LONGEST_PAUSE_SECONDS)


def _same(landed: Landed) -> _Arrived:
    return _Arrived(landed, landed)


def _cut_short() -> _Crashed:
    return _Crashed(Unavailable("The work was cut short before it had ended. Try again."))


def _landed(end: _End, *, is_first: bool) -> Landed:
    match end:
        case _Arrived(first, others):
            return first if is_first else others
        case _Crashed(error, origin):  # many raise the one error: each would lengthen its traceback
            raise error.with_traceback(origin)
