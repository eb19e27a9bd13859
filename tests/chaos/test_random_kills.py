"""A seeded run of random kills under load: what is accepted arrives, in order, with every try on record.

`FAMEDASH_CHAOS_SEED=7 pytest -m chaos tests/chaos/test_random_kills.py -s` repeats one;
`FAMEDASH_CHAOS_KILLS` makes it longer.
"""
# ruff: noqa: S311, T201 - chance is seeded here, and the run says its seed

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable

import pytest

from tests.chaos.processes import Process
from tests.chaos.receiver import Post
from tests.chaos.town import Town

pytestmark = [pytest.mark.chaos, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

CAMPAIGNS, VERSIONS = 20, 15


async def test_a_run_of_random_kills_loses_nothing(town: Town) -> None:
    """PROMISE: kill -9 of anything, at any time: nothing is lost, out of order or off the record."""
    seed = int(os.environ.get("FAMEDASH_CHAOS_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
    kills = int(os.environ.get("FAMEDASH_CHAOS_KILLS", "8"))
    chance = random.Random(seed)
    print(f"\nseed {seed}")
    await asyncio.gather(town.start("api"), town.start("relay"), town.start("relay"))
    workers = list(await asyncio.gather(*(town.start("deliver") for _ in range(2))))
    await town.ready()
    town.receiver.answer = _moody(random.Random(seed + 1))

    began = time.monotonic()
    pause = kills * 3.5 / VERSIONS
    driving = asyncio.gather(
        *(_drive(town, f"c{number}", random.Random(seed + 2 + number), pause) for number in range(CAMPAIGNS))
    )
    for turn in range(kills):
        await asyncio.sleep(chance.uniform(1.0, 4.0))
        blows = _blows(town, workers, chance)
        name, strike = blows[turn] if turn < len(blows) else chance.choice(blows)
        print(f"{time.monotonic() - began:6.1f} s  {name}")
        await strike()
    await driving
    await town.settled(60)
    verdict = await town.verdict()

    print(f"{time.monotonic() - began:6.1f} s  seed {seed}: {verdict}")
    assert verdict.accepted == CAMPAIGNS * VERSIONS
    await town.proves_clean(1)


def _moody(chance: random.Random) -> Callable[[Post], Awaitable[int]]:
    async def answer(_: Post) -> int:
        await asyncio.sleep(chance.choice((0, 0, 0.01, 0.05, 0.3)))
        return 503 if chance.random() < 0.15 else 200

    return answer


async def _drive(town: Town, name: str, chance: random.Random, pause: float) -> None:
    await town.create(name)
    for _ in range(VERSIONS - 1):
        await asyncio.sleep(chance.uniform(0, 2 * pause))
        await town.touch(name)


def _blows(
    town: Town, workers: list[Process], chance: random.Random
) -> list[tuple[str, Callable[[], Awaitable[None]]]]:
    async def kill_worker() -> None:
        victim = workers.pop(chance.randrange(len(workers)))
        await victim.kill()
        workers.append(await town.start("deliver"))

    async def kill_relay() -> None:
        relays = [process for process in town.processes if process.command == "relay" and process.is_alive]
        await chance.choice(relays).kill()
        await town.start("relay")

    async def kill_valkey() -> None:
        await town.servers.valkey.kill()
        await asyncio.sleep(chance.uniform(0, 0.5))
        await town.servers.valkey.start()

    async def stop_postgres() -> None:
        await town.servers.postgres.stop()
        await asyncio.sleep(chance.uniform(0, 1.0))
        await town.servers.postgres.start()

    return [
        ("kill -9 of a worker", kill_worker),
        ("kill -9 of a relay", kill_relay),
        ("kill -9 of Valkey", kill_valkey),
        ("immediate stop of PostgreSQL", stop_postgres),
    ]
