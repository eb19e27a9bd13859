"""Windows from counted rows, against the plain sum over the same events; which tables are looked at."""

import random
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime, timedelta

import asyncpg
import pytest

from famedash.infra.database import Database
from famedash.metrics import queries
from famedash.metrics.windows import DAY, HOUR, MINUTE, Counts, Edges, Step, Windowed, floor, together
from tests.metrics.builders import NOON, Counted, Tagged, count, prepare, tag

MS = timedelta(milliseconds=1)
NOW = NOON + 29 * MINUTE + timedelta(seconds=37)
AS_OFS = (
    NOON + 30 * MINUTE,
    NOON,
    NOON - MINUTE,
    NOON + MINUTE,
    NOON - 17 * HOUR + 59 * MINUTE,
    NOON + 29 * MINUTE - 48 * HOUR,
    NOON - 48 * HOUR,
)
PLATFORMS = ("instagram", "tiktok", "youtube")


def random_events(seed: int) -> list[Counted]:
    """80 hours of events up to a minute ahead, corrections too, and some on every edge of a window."""
    rng = random.Random(seed)  # noqa: S311 - repeatable data, no secrets
    times = [NOW + timedelta(seconds=rng.uniform(-80 * 3600, 60)) for _ in range(1500)]
    edges = [as_of - width for as_of in AS_OFS for width in (timedelta(0), HOUR, DAY)]
    times += [
        edge + shift for edge in edges for shift in (-MS, timedelta(0), MS) if edge + shift <= NOW + MINUTE
    ]
    return [
        Counted(
            at,
            rng.choice(Counts._fields),
            rng.choice((1, 1, 7, -3)),
            platform=rng.choice(PLATFORMS),
            influencer=f"creator {rng.randrange(12)}",
        )
        for at in times
    ]


def brute(events: Iterable[Counted], start: datetime | None, end: datetime) -> Counts:
    sums = dict.fromkeys(Counts._fields, 0)
    for one in events:
        if (start is None or start <= one.at) and one.at < end:
            sums[one.counter] += one.value
    return Counts(**sums)


def brute_windows(events: Sequence[Counted], as_of: datetime) -> Windowed:
    return Windowed(
        brute(events, as_of - HOUR, as_of), brute(events, as_of - DAY, as_of), brute(events, None, as_of)
    )


def parts(events: Iterable[Counted], of: Callable[[Counted], str], as_of: datetime) -> dict[str, Windowed]:
    grouped: dict[str, list[Counted]] = {}
    for one in events:
        grouped.setdefault(of(one), []).append(one)
    return {name: brute_windows(grouped[name], as_of) for name in sorted(grouped)}


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_windows_equal_the_plain_sum_at_any_minute(database: Database, seed: int) -> None:
    """PROMISE: every window is exact for its from and to.

    Breaks with one edge that is off by a bucket, counted twice or not at all.
    """
    events = random_events(seed)
    await count(database, *events, now=NOW)
    await count(database, Counted(NOW, "likes", 999, campaign="winter"), Counted(NOW, workspace="rival"))

    for as_of in (*AS_OFS, *(floor(NOW, MINUTE) - n * 97 * MINUTE for n in range(1, 25))):
        found = await queries.platforms(database, "acme", "summer", Edges(as_of))

        assert found == parts(events, lambda one: one.platform, as_of), as_of
        assert list(found) == sorted(found)
        assert together(found.values()) == brute_windows(events, as_of), as_of


@pytest.mark.parametrize("seed", [1, 2])
async def test_creators_equal_the_plain_sum_at_any_hour(database: Database, seed: int) -> None:
    events = random_events(seed)
    await count(database, *events, now=NOW)
    await count(database, Counted(NOW, "likes", 999, campaign="winter"), Counted(NOW, workspace="rival"))

    for as_of in (NOON, NOON - HOUR, NOON - 13 * HOUR, NOON - 48 * HOUR):
        expected = parts(events, lambda one: one.influencer, as_of)
        best = sorted(expected, key=lambda name: (-expected[name].total.engagements, name))

        found = await queries.creators(database, "acme", "summer", Edges(as_of), limit=100)
        few = await queries.creators(database, "acme", "summer", Edges(as_of), limit=3)

        assert found == expected, as_of
        assert list(found) == best
        assert list(few) == best[:3]


async def test_creators_with_as_many_engagements_stand_by_name(database: Database) -> None:
    names = ["b", "a", "c"]
    await count(database, *(Counted(NOON - HOUR, "likes", 5, influencer=name) for name in names))
    await count(database, Counted(NOON - HOUR, "views", 500, influencer="viewed"))

    found = await queries.creators(database, "acme", "summer", Edges(NOON), limit=4)

    assert list(found) == ["a", "b", "c", "viewed"]


@pytest.mark.parametrize(
    ("step", "start", "end"),
    [
        (Step.MINUTE, NOON - 2 * HOUR, NOON + 30 * MINUTE),
        (Step.HOUR, NOON - 80 * HOUR, NOON + HOUR),
        (Step.DAY, floor(NOON, DAY) - 3 * DAY, floor(NOON, DAY) + DAY),
    ],
)
async def test_a_series_equals_the_plain_sum(
    database: Database, step: Step, start: datetime, end: datetime
) -> None:
    events = random_events(4)
    await count(database, *events, now=NOW)

    found = await queries.series(database, "acme", "summer", start=start, end=end, step=step)

    steps = (start + number * step.length for number in range((end - start) // step.length))
    expected = {at: brute(events, at, at + step.length) for at in steps}
    assert {at: found.get(at, Counts()) for at in expected} == expected
    assert set(found) <= set(expected)


async def test_a_campaign_is_known_by_its_events_within_its_workspace(database: Database) -> None:
    await count(database, Counted(NOON))

    assert await queries.is_known(database, "acme", "summer")
    assert not await queries.is_known(database, "rival", "summer")
    assert not await queries.is_known(database, "acme", "winter")
    assert await queries.platforms(database, "rival", "summer", Edges(NOON)) == {}


async def test_hashtags_are_told_with_their_past(database: Database) -> None:
    recent_from, past_from = NOON - 2 * HOUR, NOON - 170 * HOUR
    await tag(
        database,
        Tagged("trail", NOON, 6),
        Tagged("trail", recent_from, 1, platform="instagram"),
        Tagged("trail", recent_from - HOUR, 40),
        Tagged("trail", past_from, 2),
        Tagged("old", past_from - HOUR, 1000),
        Tagged("few", NOON, 4),
        Tagged("gone", recent_from - HOUR, 70),
        Tagged("theirs", NOON, 70, workspace="rival"),
    )

    async def heard(platform: str | None) -> tuple[datetime | None, list[queries.Heard]]:
        return await queries.hashtags(
            database, "acme", platform=platform, past_from=past_from, recent_from=recent_from, least=5
        )

    assert await heard(None) == (past_from, [("trail", 7, 42)])
    assert await heard("tiktok") == (past_from, [("trail", 6, 42)])
    assert await heard("instagram") == (None, [])


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
async def test_windows_look_only_at_the_days_they_need(database: Database, mode: str) -> None:
    """PROMISE: an answer costs the same whatever is kept, also with the plan that the sixth time brings."""
    times = [NOON + number * DAY for number in range(-40, 3)]
    await prepare(database, times)
    plan = await explained(
        database, mode, lambda asked: queries.platforms(asked, "acme", "summer", Edges(NOON + MINUTE))
    )

    assert set(re.findall(r"on metric_minutes_(\d+)", plan)) == {"20261124", "20261125"}
    assert set(re.findall(r"on metric_hours_(\d+)", plan)) == {"20261101"}


async def explained(database: Database, mode: str, ask: Callable[[Database], Awaitable[object]]) -> str:
    """The plan of the statement that `ask` sends, as it was carried out."""
    lines: list[str] = []

    class Explaining(Database):
        async def fetch(self, sql: str, *values: object) -> list[asyncpg.Record]:
            literals = ", ".join(f"'{value}'" for value in values)
            async with self.transaction() as tx:
                await tx.execute(f"set local plan_cache_mode = {mode}")
                await tx.execute(f"prepare asked as {sql}")
                lines.extend(
                    row[0]
                    for row in await tx.fetch(f"explain (analyze, costs off) execute asked ({literals})")
                )
            return []

    await ask(Explaining(database.pool))
    return "\n".join(lines)
