"""kill -9 of `famedash ingest` at every step of a batch: what was counted is counted once, cell by cell.

The steps are found on the wire: the process dies at the very moment when a statement, or its answer, passes.
"""
# ruff: noqa: S311 - chance is seeded here

import asyncio
import random
from collections import Counter
from dataclasses import dataclass

import pytest

from tests.chaos.ingest_town import FOLDED, Feed, feed
from tests.chaos.proxy import Proxy, proxied
from tests.chaos.town import Town

pytestmark = [pytest.mark.chaos, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(240)]


@dataclass(frozen=True)
class Moment:
    """When the process said these `words`, or got an answer to them; `lost`: they reached nobody.

    `first`: words that a process says only once (later, the statement goes by its name).
    """

    step: str
    on: str
    words: tuple[bytes, ...]
    answer: bytes = b""
    lost: bool = False
    first: bool = False


MOMENTS = (
    Moment("taken over", "postgres", (b"for update skip locked",), lost=True, first=True),
    Moment("taken over", "postgres", (b"for update skip locked", b"COMMIT"), answer=b"COMMIT\0", first=True),
    Moment("taken over", "postgres", (b"complete_from",), first=True),
    Moment("read", "redis", (b"XRANGE",), answer=b"eventId"),
    Moment("read", "redis", (b"XRANGE",)),
    Moment("decoded", "redis", (b"\r\norigin\r\n",), lost=True),
    Moment("decoded", "redis", (b"\r\norigin\r\n",)),
    Moment("decoded", "postgres", (b"octet_length",), lost=True, first=True),
    Moment("decoded", "postgres", (b"string_agg(fingerprints",), first=True),
    Moment("written", "postgres", (FOLDED,), lost=True),
    Moment("written", "postgres", (FOLDED,)),
    Moment("written", "postgres", (b"insert into metric_fingerprints",), first=True),
    Moment("written", "postgres", (FOLDED, b"COMMIT"), lost=True),
    Moment("committed", "postgres", (FOLDED, b"COMMIT")),
    Moment("committed", "postgres", (FOLDED, b"COMMIT"), answer=b"COMMIT\0"),
    Moment("committed", "redis", (b"dead:engagement",), lost=True),
    Moment("committed", "redis", (b"dead:engagement",), answer=b"-"),
    Moment("trimmed", "redis", (b"XTRIM",), lost=True),
    Moment("trimmed", "redis", (b"XTRIM",)),
    Moment("trimmed", "redis", (b"XTRIM",), answer=b":"),
)
STEPS = ("taken over", "read", "decoded", "written", "committed", "trimmed")
KILLS_A_STEP = 5


@pytest.mark.parametrize(
    ("seed", "settings"),
    [(1, {}), (2, {"metrics_most_events": "5", "metrics_most_fingerprints": "50"})],
    ids=["whole batches", "small ones, and little memory"],
)
async def test_30_kills_spread_over_the_steps_leave_every_cell_exact(
    town: Town, seed: int, settings: dict[str, str]
) -> None:
    """PROMISE: whatever dies when, each event counts once and each bad line is one letter.

    Breaks if counts, journal, letters and position are not one transaction, if a line of another partition is
    passed before it is there, or if a trim runs ahead of the position.
    """
    chance = random.Random(seed)
    fed = await feed(town, seed)
    fed.settings |= settings
    struck: Counter[str] = Counter()
    await fed.put()
    await (await fed.start_and_catch_up()).stop()
    async with proxied(town.database_url) as postgres, proxied(town.redis_url) as redis:
        for moment in _plan(chance):
            await _kill(fed, moment, postgres, redis, later=not moment.first and chance.random() < 0.3)
            struck[moment.step] += 1
    assert struck == dict.fromkeys(STEPS, KILLS_A_STEP)
    await fed.put()

    await fed.start()

    await fed.proves_exact()


def _plan(chance: random.Random) -> list[Moment]:
    """Every moment of a step in turn, until the step has its kills; all in disorder."""
    plan = []
    for step in STEPS:
        of_step = [moment for moment in MOMENTS if moment.step == step]
        chance.shuffle(of_step)
        plan += (of_step * KILLS_A_STEP)[:KILLS_A_STEP]
    chance.shuffle(plan)
    return plan


async def _kill(fed: Feed, moment: Moment, postgres: Proxy, redis: Proxy, *, later: bool) -> None:
    """Strike a new process in its first batch, or once it has caught up."""
    wire = postgres if moment.on == "postgres" else redis
    await fed.put()
    process = await fed.start(database_url=postgres.url, redis_url=redis.url)
    if later:
        await fed.caught_up()
    wire.arm(*moment.words, answer=moment.answer, lost=moment.lost, strike=process.strike)
    if later:
        await fed.put()
    try:
        await asyncio.wait_for(wire.fired.wait(), 20)
    except TimeoutError:
        raise AssertionError(f"{moment} never came\n{process.last_words()}") from None
    await process.ended()
    await fed.forget_the_dead()
