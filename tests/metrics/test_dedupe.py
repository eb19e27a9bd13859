"""A repeat is recognised days later, by the next consumer, by whatever way it comes, or refused."""
# ruff: noqa: S311 - chance is seeded here

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from famedash.infra.database import Database
from famedash.metrics import consumer, service
from famedash.metrics.fingerprints import Memory, MinuteKey
from famedash.metrics.retention import look_after
from tests.flow.system import until
from tests.metrics.counting import (
    ago,
    append,
    append_together,
    caught_up,
    event,
    home_of,
    hours,
    ingester,
    letters,
    minutes,
    totals,
)
from tests.metrics.lives import Flaky, Life, Lost, impatient, live

__all__ = ["impatient"]
HOME = home_of(event(0))
AWAY = (HOME + 5) % 16


# --- days later


async def test_a_repeat_six_days_old_is_recognised_by_the_next_consumer_too(
    database: Database, redis: Redis
) -> None:
    """PROMISE: within FAMEDASH_DEDUPE_DAYS a repeat counts once, whoever counted the first."""
    old = event(1, timestamp=ago(days=6))
    await look_after(database, dedupe_days=7)
    await append(redis, old, event(2, timestamp=old["timestamp"]))
    await live(database, redis)

    await append(redis, old)
    await live(database, redis)
    await look_after(database, dedupe_days=7)
    await append(redis, event(3), old)
    await live(database, redis)

    assert await totals(database) == {"views": 3}
    assert await letters(database) == []


async def test_what_lies_behind_the_horizon_is_refused_also_after_the_setting_was_raised(
    database: Database, database_url: str, redis: Redis, redis_url: str
) -> None:
    """PROMISE: the horizon is what is known, not what the setting says now: what was forgotten stays so."""
    old = event(1, timestamp=ago(days=4))
    await append(redis, old)
    async with ingester(database_url, redis_url):
        await caught_up(database, redis)

        await look_after(database, dedupe_days=2)
        await append(redis, old)
        await caught_up(database, redis)
        await look_after(database, dedupe_days=30)
        await append(redis, old, event(2, timestamp=ago(days=5)), event(3, timestamp=ago(days=1)))
        await caught_up(database, redis)
    await append(redis, old)
    await live(database, redis)

    assert await totals(database) == {"views": 2}
    assert [reason for reason, _ in await letters(database)] == ["too_late"] * 4


async def test_a_horizon_that_moves_between_draft_and_commit_refuses_what_was_drafted(
    database: Database, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PROMISE: nothing is judged by fingerprints that were dropped meanwhile."""
    old = event(1, timestamp=ago(days=4))
    await append(redis, old)
    await live(database, redis)
    load = service.journal_of

    async def slow(*asked: Any, **more: Any) -> Any:
        found = await load(*asked, **more)
        await look_after(database, dedupe_days=2)
        return dict.fromkeys(found, b"") if found else found

    monkeypatch.setattr(service, "journal_of", slow)
    await append(redis, old, event(2))
    await live(database, redis)

    assert await totals(database) == {"views": 2}
    assert [reason for reason, _ in await letters(database)] == ["too_late"]


async def test_without_a_horizon_years_of_history_count_and_their_repeats_do_not(
    database: Database, redis: Redis
) -> None:
    history = [event(year, timestamp=f"{year}-02-28T23:59:59.999Z") for year in (2000, 2001, 2016, 2024)]
    await append(redis, *history)
    await live(database, redis)
    await append(redis, *history)
    await live(database, redis)

    assert await totals(database) == {"views": 4} == await hours(database)
    assert await minutes(database) == {}


async def test_a_table_that_a_time_lacks_is_made_on_demand(database: Database, redis: Redis) -> None:
    """Of hours, creators, hashtags and fingerprints; of minutes only where they are kept."""
    await append(redis, event(1, type="like", hashtags=["sun"], timestamp=ago(days=40)), event(2))
    tables = ("hours", "creator_hours", "hashtag_hours", "fingerprints", "minutes")
    assert [await children(database, f"metric_{table}") for table in tables] == [0] * 5

    await live(database, redis)

    assert [await children(database, f"metric_{table}") for table in tables] == [2, 2, 2, 2, 1]
    assert await hours(database) == {"views": 1, "likes": 1}
    assert await minutes(database) == {"views": 1}


async def children(database: Database, table: str) -> int:
    return int(
        await database.fetchval(
            "select count(*) from pg_inherits where inhparent = $1::text::regclass", table
        )
    )


# --- by another way


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize(
    "ways", [[AWAY, HOME], [HOME, AWAY], [AWAY, AWAY], [AWAY, HOME, AWAY, (AWAY + 1) % 16]], ids=str
)
async def test_a_line_in_the_wrong_partition_counts_once_by_whatever_ways_it_comes(
    database: Database, redis: Redis, ways: list[int], *, together: bool, known: bool
) -> None:
    """PROMISE: a campaign's fingerprints lie in its own partition, so no way round leads past them.

    Breaks if a consumer that owns both partitions counts the line where it found it.
    """
    if known:
        await append(redis, event("before"))
    for way in ways:
        await append(redis, event("warm-up"), event(1, timestamp=ago(hours=3)), partition=way)
    one = event("one")
    for way in ways:
        await append(redis, one, partition=way)
        if not together:
            await live(database, redis)
    await live(database, redis)

    journal = await database.fetch("select distinct partition from metric_fingerprints")
    assert [row["partition"] for row in journal] == [HOME]
    ids = {"before"} if known else set()
    repeats = await database.fetchval("select sum(octet_length(fingerprints)) / 8 from metric_fingerprints")
    assert repeats == (await totals(database))["views"] == len(ids) + 1 + 2 * len(ways)


async def test_a_stray_that_is_wrong_is_set_aside_by_where_it_was_first_read(
    database: Database, redis: Redis
) -> None:
    await append_together(redis, [event(1), event(2, timestamp=ago(minutes=-9)), event(3)], AWAY)
    ((entry, _),) = await redis.xrange(f"famedash:engagement:{AWAY}")

    await live(database, redis)

    row = await database.fetchrow("select partition, entry, line, reason from metric_dead_letters")
    assert row
    assert tuple(row) == (AWAY, entry.decode(), 1, "future")
    assert await totals(database) == {"views": 2}


async def test_a_stray_that_was_moved_twice_counts_once(database: Database, redis: Redis) -> None:
    """Its position did not move, though it had been appended to its own partition already."""
    wrong = event(1, timestamp=ago(minutes=-9))
    await append(redis, event(2), wrong, partition=AWAY)

    await live(database, redis, Life(writes=1, lost="the write"))
    await live(database, redis)

    assert await redis.xlen(f"famedash:engagement:{HOME}") >= 4
    assert await totals(database) == {"views": 1}
    assert [reason for reason, _ in await letters(database)] == ["future"]


# --- by a write that may have happened


@pytest.mark.parametrize("lost", ["the write", "the answer"])
@pytest.mark.parametrize("writes", [1, 2, 3, 5])
async def test_a_write_that_is_lost_or_whose_answer_is_counts_once(
    database: Database, redis: Redis, lost: Lost, writes: int
) -> None:
    """PROMISE: a commit in doubt counts once. Breaks if memory survives it, or the position is guessed."""
    events = [event(number) for number in range(60)]
    await append_together(redis, [*events[:40], b"no event"], HOME)
    await append(redis, *events[30:])

    await live(database, redis, Life(writes=writes, lost=lost, most_events=11))
    await live(database, redis)

    assert await totals(database) == {"views": 60}
    assert await letters(database) == [("not_json", b"no event")]


@pytest.mark.parametrize("lost", ["the write", "the answer"])
async def test_a_worker_goes_on_by_itself_after_a_write_in_doubt(
    database: Database, database_url: str, redis: Redis, redis_url: str, lost: Lost
) -> None:
    events = [event(number) for number in range(4)]
    async with ingester(database_url, redis_url) as worker:
        await append(redis, events[0])
        await caught_up(database, redis)
        flaky = Flaky(worker.database, Life(writes=1, lost=lost))
        worker.consumer.database = flaky
        await append(redis, events[1], events[1], events[2])
        await until_over(flaky)
        worker.consumer.database = worker.database
        await append(redis, events[2], events[3])
        await caught_up(database, redis)

    assert await totals(database) == {"views": 4}


async def until_over(flaky: Flaky) -> None:
    async def over() -> bool:
        return flaky.over

    await until(over)


# --- in little memory


class Recorded(Memory):
    """Remembers how large it ever was, and how many minutes it held then."""

    peak = 0
    loads = 0

    def load(self, key: MinuteKey, journal: bytes) -> None:
        super().load(key, journal)
        Recorded.loads += 1
        Recorded.peak = max(Recorded.peak, self.size)

    def add(self, key: MinuteKey, fresh: Any) -> None:
        super().add(key, fresh)
        Recorded.peak = max(Recorded.peak, self.size)


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> type[Recorded]:
    monkeypatch.setattr(consumer, "Memory", Recorded)
    monkeypatch.setattr(Recorded, "peak", 0)
    monkeypatch.setattr(Recorded, "loads", 0)
    return Recorded


async def test_memory_stays_bounded_while_a_week_is_replayed_in_random_order(
    database: Database, redis: Redis, recorded: type[Recorded]
) -> None:
    """PROMISE: memory has a bound, exactness has none. Breaks if minutes go while they are needed."""
    chance = random.Random(6)
    now = datetime.now(UTC)
    week = [
        event(n, timestamp=(now - timedelta(minutes=chance.randrange(10_000))).isoformat())
        for n in range(900)
    ]
    replayed = [*week, *week]
    chance.shuffle(replayed)
    await append_together(redis, replayed, HOME)

    await live(database, redis, Life(most_fingerprints=60))

    assert await totals(database) == {"views": 900} == await hours(database)
    assert 0 < recorded.peak <= 60
    assert recorded.loads > 900


async def test_a_minute_larger_than_the_memory_is_counted_line_by_line(
    database: Database, redis: Redis, recorded: type[Recorded]
) -> None:
    at = ago(hours=2)
    crowd = [event(number, timestamp=at) for number in range(40)]
    await append_together(redis, [*crowd, *crowd, event("elsewhere")], HOME)

    await live(database, redis, Life(most_fingerprints=15))

    assert await totals(database) == {"views": 41}
    assert recorded.peak <= 40


async def test_minutes_that_are_too_much_together_are_counted_one_after_the_other(
    database: Database, redis: Redis, recorded: type[Recorded]
) -> None:
    """What is in memory already counts as well: a batch needs its minutes at the same time."""
    times = ago(hours=2), ago(hours=3)
    crowd = [event(number, timestamp=at) for number in range(14) for at in times]
    await append_together(redis, [*crowd, *crowd], HOME)

    await live(database, redis, Life(most_events=2, most_fingerprints=15))

    assert await totals(database) == {"views": 28}
    assert recorded.peak <= 15
