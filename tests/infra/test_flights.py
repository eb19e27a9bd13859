"""Simultaneous twins cost one making: in one process, across processes, and whatever happens to Redis.

`python -m tests.infra.test_flights URL CALLERS SECONDS` is one process that asks for the same key so often at
once; a making lasts SECONDS and is counted in Redis.
"""

import asyncio
import gc
import json
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from famedash.infra import flight_store
from famedash.infra.embedded import valkey
from famedash.infra.embedded.ports import free_port
from famedash.infra.errors import Unavailable
from famedash.infra.flights import Flights, How, Landed, Made

KEY = "a-brief"
VALUE, LOCK = f"test:{{{KEY}}}:value", f"test:{{{KEY}}}:lock"
ROOT = Path(__file__).parents[2]


class Burnt(Exception):
    """A making that failed, and says so to everybody."""


class Bug(Exception):
    """A failure that is nobody else's business."""


def encode(error: Exception) -> bytes | None:
    return str(error).encode() if isinstance(error, Burnt) else None


def decode(word: bytes) -> Exception:
    return Burnt(word.decode())


def flights_on(redis: Redis, **options: Any) -> Flights:
    settings = {"ttl_seconds": 60.0, "lease_seconds": 8.0} | options
    return Flights(redis, prefix="test", encode_failure=encode, decode_failure=decode, **settings)


class Kitchen:
    """Makes things when `door` is open; counts what was begun and what was given up."""

    def __init__(self, *, error: Exception | None = None, kept: bytes | None = b"kept") -> None:
        self.door = asyncio.Event()
        self.error = error
        self.kept = kept
        self.begun = self.cancelled = self.at_work = self.most_at_work = 0

    async def make(self) -> Made:
        self.begun += 1
        self.at_work += 1
        self.most_at_work = max(self.at_work, self.most_at_work)
        try:
            await self.door.wait()
            await asyncio.sleep(0.02)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.at_work -= 1
        if self.error:
            raise self.error
        return Made(b"answer", self.kept)


async def until(happened: Callable[[], Awaitable[Any] | Any]) -> None:
    async with asyncio.timeout(60):
        while True:
            found = happened()
            if await found if isinstance(found, Awaitable) else found:
                return
            await asyncio.sleep(0.005)


async def is_waited_for(redis: Redis) -> bool:
    return bool(await redis.keys("test:*:wanted:*"))


def hows(landings: list[Landed]) -> dict[str, int]:
    return dict(Counter(landed.how.value for landed in landings))


@asynccontextmanager
async def processes(url: str, count: int, **options: Any) -> AsyncIterator[list[Flights]]:
    """Stand-ins for processes: nothing is shared but Redis."""
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(Redis.from_url(url)) for _ in range(count)]
        yield [flights_on(client, **options) for client in clients]


@pytest.fixture(autouse=True)
async def nothing_is_left() -> AsyncIterator[None]:
    """PROMISE: no task outlives its flight, and no failure ends up nowhere."""
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    before = asyncio.all_tasks()

    yield

    await until(lambda: asyncio.all_tasks() <= before | {asyncio.current_task()})
    gc.collect()
    await asyncio.sleep(0)
    assert complaints == []


class OwnRedis:
    """A server of one test's own, to be killed, frozen and started again on its port."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        options = ("--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
        self.process = await asyncio.create_subprocess_exec(
            valkey.binary(), *options, stdout=DEVNULL, stderr=DEVNULL, cwd="/"
        )
        await until(self._answers)

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        return True

    def freeze(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGCONT)

    async def kill(self) -> None:
        if self.process and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


@pytest.fixture
async def own_redis() -> AsyncIterator[OwnRedis]:
    server = OwnRedis()
    await server.start()
    yield server
    await server.kill()


# Twins


@pytest.mark.parametrize("count", [2, 4])
async def test_two_hundred_twins_over_several_processes_cost_one_making(redis_url: str, count: int) -> None:
    """PROMISE: simultaneous twins cost one making, across processes."""
    kitchen = Kitchen()
    async with processes(redis_url, count) as planes, asyncio.TaskGroup() as group:
        calls = [group.create_task(planes[n % count].fly(KEY, kitchen.make)) for n in range(200)]
        await until(lambda: kitchen.begun)
        kitchen.door.set()
        landings = list(await asyncio.gather(*calls))
        later = [await plane.fly(KEY, kitchen.make) for plane in planes]

    assert kitchen.begun == 1
    assert hows(landings) == {"MISS": 1, "COALESCED": 199}
    assert {(landed.how, landed.value) for landed in landings} == {
        (How.MISS, b"answer"),
        (How.COALESCED, b"kept"),
    }
    assert later == [Landed(b"kept", How.HIT)] * count


async def test_what_is_kept_is_got_and_what_is_not_is_none(redis: Redis) -> None:
    kitchen, flights = Kitchen(), flights_on(redis)
    kitchen.door.set()

    before = await flights.get(KEY)
    await flights.fly(KEY, kitchen.make)

    assert before is None
    assert await flights.get(KEY) == b"kept"


async def test_what_is_near_is_got_without_redis_for_so_long_and_no_longer(redis: Redis) -> None:
    """PROMISE: an expired value is asked for again. Breaks if what is near never ages."""
    kitchen, flights = Kitchen(), flights_on(redis, near_seconds=0.2)
    kitchen.door.set()
    kept = (await flights.fly(KEY, kitchen.make), await flights.get(KEY))[1]
    await redis.flushdb()

    assert await flights.get(KEY) == kept is not None
    await asyncio.sleep(0.25)
    assert await flights.get(KEY) is None


async def test_what_shall_not_be_kept_is_given_to_all_who_wait_and_to_nobody_later(redis_url: str) -> None:
    kitchen = Kitchen(kept=None)
    async with processes(redis_url, 2) as (here, there), asyncio.TaskGroup() as group:
        calls = [group.create_task(here.fly(KEY, kitchen.make)) for _ in range(2)]
        await until(lambda: kitchen.begun)
        calls += [group.create_task(there.fly(KEY, kitchen.make)) for _ in range(2)]
        await until(lambda: is_waited_for(there._store._redis))
        kitchen.door.set()
        landings = list(await asyncio.gather(*calls))
        later = await there.fly(KEY, kitchen.make)

    assert [landed.value for landed in landings] == [b"answer"] * 4
    assert hows(landings) == {"MISS": 1, "COALESCED": 3}
    assert later == Landed(b"answer", How.MISS)
    assert kitchen.begun == 2


async def test_other_keys_do_not_wait(redis: Redis) -> None:
    slow, quick, flights = Kitchen(), Kitchen(), flights_on(redis)
    quick.door.set()
    waiting = asyncio.create_task(flights.fly(KEY, slow.make))
    await until(lambda: slow.begun)

    landed = await flights.fly("another", quick.make)

    assert landed.how is How.MISS
    slow.door.set()
    await waiting


async def test_lives_are_spread_by_ten_percent(redis: Redis) -> None:
    kitchen, flights = Kitchen(), flights_on(redis, ttl_seconds=1000.0)
    kitchen.door.set()

    for number in range(40):
        await flights.fly(str(number), kitchen.make)

    lives = [await redis.pttl(f"test:{{{number}}}:value") for number in range(40)]
    assert all(880_000 < life <= 1_100_000 for life in lives)
    assert max(lives) - min(lives) > 50_000


# The lease


async def test_a_making_longer_than_its_lease_is_made_once_and_kept(redis_url: str) -> None:
    """Breaks if the lease is not renewed."""
    kitchen = Kitchen()
    async with processes(redis_url, 2, lease_seconds=0.3) as planes, asyncio.TaskGroup() as group:
        calls = [group.create_task(plane.fly(KEY, kitchen.make)) for plane in planes]
        await asyncio.sleep(1.2)
        kitchen.door.set()
        landings = [await call for call in calls]

    assert kitchen.begun == 1
    assert hows(landings) == {"MISS": 1, "COALESCED": 1}


async def test_who_lost_the_lock_still_answers_but_publishes_nothing(redis: Redis) -> None:
    """PROMISE: only the holder of the lock publishes, and nobody gives back another one's lock."""
    kitchen, flights = Kitchen(), flights_on(redis, lease_seconds=0.2)
    call = asyncio.create_task(flights.fly(KEY, kitchen.make))
    await until(lambda: kitchen.begun)
    await redis.set(LOCK, "another")
    await asyncio.sleep(0.3)  # a renewal finds out
    kitchen.door.set()

    landed = await call

    assert landed == Landed(b"answer", How.MISS)
    assert await redis.get(VALUE) is None
    assert await redis.get(LOCK) == b"another"
    assert await redis.pttl(LOCK) == -1


async def test_a_lock_that_is_never_given_back_is_waited_for_so_long_and_no_longer(redis: Redis) -> None:
    kitchen, flights = Kitchen(), flights_on(redis, longest_seconds=0.3)
    kitchen.door.set()
    await redis.set(LOCK, "another")

    landed = await asyncio.wait_for(flights.fly(KEY, kitchen.make), 10)

    assert landed == Landed(b"answer", How.MISS)
    assert await redis.get(VALUE) is None


async def test_a_making_that_hangs_gives_up_its_lock(redis: Redis) -> None:
    """Breaks if a lease is renewed for ever: then everybody who comes waits as long as they may."""
    kitchen, flights = Kitchen(), flights_on(redis, lease_seconds=0.2, longest_seconds=0.4)
    call = asyncio.create_task(flights.fly(KEY, kitchen.make))
    await until(lambda: kitchen.begun)

    await until(lambda: _is_gone(redis))

    assert (kitchen.at_work, call.done()) == (1, False)
    kitchen.door.set()
    await call


async def test_a_lock_whose_holder_is_gone_is_taken_over_by_exactly_one(redis: Redis, redis_url: str) -> None:
    kitchen = Kitchen()
    await redis.set(LOCK, "gone", px=300)
    async with processes(redis_url, 4) as planes, asyncio.TaskGroup() as group:
        calls = [group.create_task(planes[n % 4].fly(KEY, kitchen.make)) for n in range(100)]
        await until(lambda: kitchen.begun)
        await asyncio.sleep(0.3)
        kitchen.door.set()
        landings = [await call for call in calls]

    assert kitchen.begun == 1
    assert hows(landings) == {"MISS": 1, "COALESCED": 99}


async def test_a_question_that_is_asked_twice_does_not_wait_for_itself(redis: Redis) -> None:
    """Breaks if the token that holds the lock is taken for a stranger's: a driver repeats a lost command."""
    store = flights_on(redis)._store
    first = await store.ask(KEY, "token")

    assert await store.ask(KEY, "token") == first


async def test_waiting_is_no_busy_loop(own_redis: OwnRedis) -> None:
    kitchen = Kitchen()
    async with processes(own_redis.url, 2) as planes, asyncio.TaskGroup() as group:
        calls = [group.create_task(plane.fly(KEY, kitchen.make)) for plane in planes for _ in range(50)]
        await asyncio.sleep(1.5)
        asked = await planes[0]._store._redis.info("commandstats")
        kitchen.door.set()
        await asyncio.gather(*calls)

    assert asked["cmdstat_evalsha"]["calls"] < 40


# Failures


async def test_a_failure_is_everybodys_who_waited_and_nobodys_later(redis: Redis, redis_url: str) -> None:
    """PROMISE: a failure costs one making and is never kept."""
    kitchen = Kitchen(error=Burnt("no answer"))
    async with processes(redis_url, 4) as planes:
        calls = [asyncio.create_task(planes[n % 4].fly(KEY, kitchen.make)) for n in range(100)]
        await until(lambda: kitchen.begun)
        await until(lambda: is_waited_for(redis))
        await asyncio.sleep(0.3)  # all three others wait
        kitchen.door.set()
        ends = await asyncio.gather(*calls, return_exceptions=True)
        kitchen.error = None
        later = [await planes[n].fly(KEY, kitchen.make) for n in (1, 0)]

    assert [(type(end), str(end)) for end in ends] == [(Burnt, "no answer")] * 100
    assert [landed.how for landed in later] == [How.MISS, How.HIT]
    assert kitchen.begun == 2


async def test_a_failure_that_many_raise_does_not_grow(redis: Redis) -> None:
    """Breaks if the one error collects the traceback of everybody who raised it."""
    kitchen, flights = Kitchen(error=Burnt()), flights_on(redis)
    calls = [asyncio.create_task(flights.fly(KEY, kitchen.make)) for _ in range(50)]
    await until(lambda: kitchen.begun)
    kitchen.door.set()
    await asyncio.gather(*calls, return_exceptions=True)

    traceback, length = kitchen.error.__traceback__, 0
    while traceback:
        traceback, length = traceback.tb_next, length + 1
    assert 0 < length < 10


async def test_a_failure_that_is_not_shared_is_tried_by_each_process_in_turn(redis_url: str) -> None:
    kitchen = Kitchen(error=Bug())
    async with processes(redis_url, 3) as planes:
        calls = [asyncio.create_task(planes[n % 3].fly(KEY, kitchen.make)) for n in range(30)]
        await until(lambda: kitchen.begun)
        kitchen.door.set()
        ends = await asyncio.gather(*calls, return_exceptions=True)

    assert {type(end) for end in ends} == {Bug}
    assert (kitchen.begun, kitchen.most_at_work) == (3, 1)


async def test_a_making_that_somebody_else_cancels_is_not_the_callers_cancellation(redis: Redis) -> None:
    async def give_up() -> Made:
        raise asyncio.CancelledError

    with pytest.raises(Unavailable):
        await flights_on(redis).fly(KEY, give_up)

    assert await redis.keys("test:*") == []


# Callers who go away


async def test_a_making_that_nobody_waits_for_is_cancelled(redis: Redis) -> None:
    """PROMISE: with nobody waiting the making ends, the lock is given back and nothing is kept."""
    kitchen, flights = Kitchen(), flights_on(redis)
    calls = [asyncio.create_task(flights.fly(KEY, kitchen.make)) for _ in range(3)]
    await until(lambda: kitchen.begun)

    for call in calls:
        call.cancel()
    await asyncio.wait(calls)

    await until(lambda: kitchen.cancelled == 1)
    await until(lambda: not flights._flights)
    await until(lambda: _is_gone(redis))
    assert all(call.cancelled() for call in calls)


async def _is_gone(redis: Redis) -> bool:
    return not await redis.exists(LOCK, VALUE)


async def test_a_making_goes_on_for_a_twin_in_the_same_process(redis: Redis) -> None:
    kitchen, flights = Kitchen(), flights_on(redis)
    first, second = [asyncio.create_task(flights.fly(KEY, kitchen.make)) for _ in range(2)]
    await until(lambda: kitchen.begun)

    first.cancel()
    await asyncio.wait([first])
    await asyncio.sleep(0.05)
    kitchen.door.set()

    assert await second == Landed(b"kept", How.COALESCED)
    assert (kitchen.begun, kitchen.cancelled) == (1, 0)


async def test_a_making_goes_on_for_a_twin_in_another_process_as_long_as_it_waits(
    redis: Redis, redis_url: str
) -> None:
    kitchen = Kitchen()
    async with processes(redis_url, 2) as (here, there):
        first = asyncio.create_task(here.fly(KEY, kitchen.make))
        await until(lambda: kitchen.begun)
        second = asyncio.create_task(there.fly(KEY, kitchen.make))
        await until(lambda: is_waited_for(redis))

        first.cancel()
        await asyncio.sleep(1.5)  # longer than one note of being wanted lasts
        assert (kitchen.begun, kitchen.cancelled) == (1, 0)
        second.cancel()

        await until(lambda: kitchen.cancelled == 1)
        await until(lambda: _is_gone(redis))
    assert kitchen.begun == 1


async def test_the_twin_in_another_process_gets_what_the_deserted_one_makes(
    redis: Redis, redis_url: str
) -> None:
    kitchen = Kitchen()
    async with processes(redis_url, 2) as (here, there):
        first = asyncio.create_task(here.fly(KEY, kitchen.make))
        await until(lambda: kitchen.begun)
        second = asyncio.create_task(there.fly(KEY, kitchen.make))
        await until(lambda: is_waited_for(redis))

        first.cancel()
        await asyncio.sleep(0.1)
        kitchen.door.set()

        assert await second == Landed(b"kept", How.COALESCED)
    assert kitchen.begun == 1


async def test_who_comes_after_a_cancellation_flies_anew(redis: Redis) -> None:
    kitchen, flights = Kitchen(), flights_on(redis)
    first = asyncio.create_task(flights.fly(KEY, kitchen.make))
    await until(lambda: kitchen.begun)
    first.cancel()
    await until(lambda: kitchen.cancelled)
    kitchen.door.set()

    landed = await flights.fly(KEY, kitchen.make)

    assert landed == Landed(b"answer", How.MISS)


async def test_who_comes_at_the_very_moment_of_a_cancellation_flies_anew_too(redis: Redis) -> None:
    """Breaks if a flight that is being given up still takes callers."""
    kitchen, flights, successors = Kitchen(), flights_on(redis), []
    kitchen.door.set()

    async def hang() -> Made:
        try:
            await asyncio.sleep(3600)
        finally:
            successors.append(asyncio.create_task(flights.fly(KEY, kitchen.make)))
        raise AssertionError

    first = asyncio.create_task(flights.fly(KEY, hang))
    await until(lambda: redis.exists(LOCK))
    await asyncio.sleep(0.05)
    first.cancel()
    await until(lambda: successors)

    assert await successors[0] == Landed(b"answer", How.MISS)


async def test_nothing_is_begun_for_a_caller_who_goes_before(redis: Redis) -> None:
    kitchen, flights = Kitchen(), flights_on(redis)
    await redis.ping()
    call = asyncio.create_task(flights.fly(KEY, kitchen.make))
    await asyncio.sleep(0)

    call.cancel()
    await until(lambda: not flights._flights)

    await until(lambda: _is_gone(redis))
    assert kitchen.begun == 0


@pytest.mark.parametrize("steps", range(6))
async def test_whenever_a_caller_goes_no_lock_stays_behind(redis: Redis, steps: int) -> None:
    """Breaks if the question that takes the lock is cancelled before its answer is heard."""
    kitchen, flights = Kitchen(), flights_on(redis)
    await redis.ping()
    call = asyncio.create_task(flights.fly(KEY, kitchen.make))
    for _ in range(steps):
        await asyncio.sleep(0)

    call.cancel()
    await asyncio.wait([call])

    await until(lambda: not flights._flights)
    await until(lambda: _is_gone(redis))
    await asyncio.sleep(0.05)
    assert await _is_gone(redis)


# Redis that is away


async def test_without_redis_each_process_makes_it_once(redis_url: str) -> None:
    """PROMISE: Redis down means slower, never broken."""
    kitchen = Kitchen()
    async with processes(f"redis://127.0.0.1:{free_port()}/0", 2) as planes:
        calls = [asyncio.create_task(planes[n % 2].fly(KEY, kitchen.make)) for n in range(40)]
        await until(lambda: kitchen.begun == 2)
        kitchen.door.set()
        landings = list(await asyncio.gather(*calls))
        got = await planes[0].get(KEY)

    assert hows(landings) == {"MISS": 2, "COALESCED": 38}
    assert (kitchen.begun, got) == (2, None)


@pytest.mark.parametrize("harm", ["kill", "freeze"])
async def test_redis_lost_in_the_middle_of_a_flight_leaves_nobody_without_an_answer(
    own_redis: OwnRedis, harm: str
) -> None:
    """PROMISE: all 200 are answered, at the price of at most one making per process."""
    kitchen = Kitchen()
    async with processes(own_redis.url, 4) as planes:
        calls = [asyncio.create_task(planes[n % 4].fly(KEY, kitchen.make)) for n in range(200)]
        await until(lambda: kitchen.begun)
        await until(lambda: is_waited_for(planes[0]._store._redis))
        await (own_redis.kill() if harm == "kill" else asyncio.to_thread(own_redis.freeze))
        await until(lambda: kitchen.begun == 4)
        kitchen.door.set()
        landings = list(await asyncio.wait_for(asyncio.gather(*calls), 30))
        if harm == "freeze":
            own_redis.thaw()

    assert hows(landings) == {"MISS": 4, "COALESCED": 196}
    assert kitchen.begun == 4


@pytest.mark.parametrize("harm", ["kill", "freeze"])
async def test_a_redis_that_comes_back_is_used_again(own_redis: OwnRedis, harm: str) -> None:
    kitchen = Kitchen()
    kitchen.door.set()
    async with processes(own_redis.url, 1, lease_seconds=1.0) as (flights,):
        await (own_redis.kill() if harm == "kill" else asyncio.to_thread(own_redis.freeze))
        without = await flights.fly(KEY, kitchen.make)
        await (own_redis.start() if harm == "kill" else asyncio.to_thread(own_redis.thaw))

        await until(lambda: _is_hit(flights, kitchen))

    assert without == Landed(b"answer", How.MISS)


async def _is_hit(flights: Flights, kitchen: Kitchen) -> bool:
    return (await flights.fly(KEY, kitchen.make)).how is How.HIT


async def test_a_redis_that_hangs_is_left_alone_for_a_while(
    own_redis: OwnRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Breaks if every caller waits out a time-out of its own."""
    questions, patience = [], flight_store._patience

    def counted() -> AbstractAsyncContextManager[None]:
        questions.append(1)
        return patience()

    kitchen = Kitchen()
    kitchen.door.set()
    async with processes(own_redis.url, 1) as (flights,):
        await flights.get(KEY)
        await asyncio.to_thread(own_redis.freeze)
        monkeypatch.setattr(flight_store, "_patience", counted)
        for number in range(10):
            await flights.fly(str(number), kitchen.make)
        own_redis.thaw()

    assert kitchen.begun == 10
    assert len(questions) <= 3


async def test_a_redis_that_refuses_to_write_still_serves_what_it_has(own_redis: OwnRedis) -> None:
    kitchen = Kitchen()
    kitchen.door.set()
    async with processes(own_redis.url, 1) as (flights,):
        await flights.fly(KEY, kitchen.make)
        await flights._store._redis.config_set("maxmemory", "1")

        kept = await flights.fly(KEY, kitchen.make)
        new = await flights.fly("another", kitchen.make)
        again = await flights.fly(KEY, kitchen.make)

    assert (kept.how, new.how, again.how) == (How.HIT, How.MISS, How.HIT)


@pytest.mark.parametrize("steps", range(1, 7))
async def test_redis_is_not_blamed_when_our_own_loop_stands_still(redis: Redis, steps: int) -> None:
    """Breaks with a plain time-out: it and the answer are due in the same turn, and it wins."""
    kitchen, flights = Kitchen(), flights_on(redis)
    kitchen.door.set()
    await flights.fly("warm", kitchen.make)
    call = asyncio.create_task(flights.fly(KEY, kitchen.make))
    for _ in range(steps):
        await asyncio.sleep(0)

    time.sleep(0.4)
    await call

    assert await redis.get(VALUE) == b"kept"


async def test_redis_is_not_blamed_when_a_busy_loop_takes_long_to_connect(redis: Redis) -> None:
    """Breaks if the time is not counted in turns: to connect takes several, and each may be slow."""
    kitchen, flights = Kitchen(), flights_on(redis)
    kitchen.door.set()
    call = asyncio.create_task(flights.fly(KEY, kitchen.make))
    for _ in range(6):
        await asyncio.sleep(0)
        time.sleep(0.1)
    await call

    assert await redis.get(VALUE) == b"kept"


# Real processes


Spawn = Callable[[int, float], Awaitable[asyncio.subprocess.Process]]


@pytest.fixture
async def spawn(redis_url: str) -> AsyncIterator[Spawn]:
    """Starts a process with so many callers, whose making lasts so many seconds; none is left behind."""
    children = []

    async def start(callers: int, seconds: float) -> asyncio.subprocess.Process:
        words = ("-m", "tests.infra.test_flights", redis_url, str(callers), str(seconds))
        child = await asyncio.create_subprocess_exec(sys.executable, *words, cwd=ROOT, stdout=PIPE)
        children.append(child)
        return child

    yield start
    for child in [child for child in children if child.returncode is None]:
        child.kill()
        await child.wait()


async def test_real_processes_share_one_making(redis: Redis, spawn: Spawn) -> None:
    children = [await spawn(100, 1.0) for _ in range(2)]
    await until(lambda: _are_ready(redis, 2))
    await redis.set("go", "1")

    said = [await child.communicate() for child in children]

    landings = [landed for out, _ in said for landed in json.loads(out)]
    assert await redis.get("makings") == b"1"
    assert Counter(how for how, _ in landings) == {"MISS": 1, "COALESCED": 199}
    assert Counter(value for _, value in landings) == {"answer": 1, "kept": 199}


async def _are_ready(redis: Redis, count: int) -> bool:
    return int(await redis.get("ready") or 0) == count


async def _has_begun(redis: Redis) -> bool:
    return bool(await redis.get("makings"))


async def test_a_killed_leader_costs_exactly_one_more_making(
    redis: Redis, redis_url: str, spawn: Spawn
) -> None:
    """PROMISE: a leader that dies is replaced by one of those who wait, and by one only."""
    leader = await spawn(1, 3600)
    await redis.set("go", "1")
    await until(lambda: _has_begun(redis))
    kitchen = Kitchen()
    kitchen.door.set()
    async with processes(redis_url, 3) as planes, asyncio.TaskGroup() as group:
        calls = [group.create_task(planes[n % 3].fly(KEY, kitchen.make)) for n in range(60)]
        await until(lambda: is_waited_for(redis))
        waited = kitchen.begun
        leader.kill()
        await leader.wait()
        landings = [await call for call in calls]

    assert (waited, kitchen.begun) == (0, 1)
    assert hows(landings) == {"MISS": 1, "COALESCED": 59}


async def _child(url: str, callers: int, seconds: float) -> None:
    async with Redis.from_url(url) as redis:
        flights = flights_on(redis, lease_seconds=1.0 if callers == 1 else 8.0)

        async def make() -> Made:
            await redis.incr("makings")
            await asyncio.sleep(seconds)
            return Made(b"answer", b"kept")

        await redis.incr("ready")
        while not await redis.get("go"):
            await asyncio.sleep(0.005)
        landings = await asyncio.gather(*(flights.fly(KEY, make) for _ in range(callers)))
        print(json.dumps([(landed.how, landed.value.decode()) for landed in landings]))  # noqa: T201


if __name__ == "__main__":
    asyncio.run(_child(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
