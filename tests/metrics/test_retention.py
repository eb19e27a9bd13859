"""What `tend` makes, keeps, merges and drops; and that two of it at once do no harm."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from famedash.infra.database import Database, Transaction
from famedash.infra.loop import AGAIN_LATER
from famedash.metrics import service
from famedash.metrics.retention import look_after
from tests.flow.system import until
from tests.metrics.counting import ago, append, event, letters, totals
from tests.metrics.lives import impatient, live
from tests.metrics.streams import DAY

__all__ = ["impatient"]
DAILY = ("metric_minutes", "metric_fingerprints", "metric_hashtag_hours")


async def today(database: Database) -> datetime:
    return datetime.combine(
        await database.fetchval("select (now() at time zone 'UTC')::date"), datetime.min.time(), UTC
    )


async def days(database: Database, table: str) -> list[int]:
    """Which days the table of days has, counted from today."""
    names = await database.fetch(
        "select inhrelid::regclass::text as name from pg_inherits where inhparent = $1::text::regclass", table
    )
    starts = [datetime.strptime(f"{row['name'][-8:]}+0000", "%Y%m%d%z") for row in names]
    midnight = await today(database)
    return sorted((start - midnight).days for start in starts)


async def prepare_days(database: Database, *ago: int) -> None:
    midnight = await today(database)
    async with database.transaction() as tx:
        for table in DAILY:
            for day in ago:
                start = midnight - day * DAY
                await tx.execute("select prepare_time_partition($1, $2, $3)", table, start, start + DAY)


async def horizon(database: Database) -> datetime | None:
    found: datetime | None = await database.fetchval("select complete_from from metric_horizon")
    return found


async def test_tables_are_made_for_the_days_to_come(database: Database) -> None:
    await look_after(database, dedupe_days=7)

    for table in DAILY:
        assert await days(database, table) == [0, 1, 2], table
    later = await database.fetchval("select now() + interval '2 days'")
    async with database.transaction() as tx:
        for table in ("metric_hours", "metric_creator_hours"):
            holder = await tx.fetchval(
                "select count(*) from pg_inherits where inhparent = $1::text::regclass"
                " and right(inhrelid::regclass::text, 8) = to_char($2 at time zone 'UTC', 'YYYYMM01')",
                table,
                later,
            )
            assert holder == 1, table


async def test_tables_of_minutes_go_once_they_are_73_hours_old_and_no_sooner(database: Database) -> None:
    await prepare_days(database, *range(8))
    now = await database.fetchval("select clock_timestamp()")
    midnight = await today(database)

    await look_after(database, dedupe_days=7)

    kept = [-day for day in range(8) if midnight - day * DAY + DAY > now - timedelta(hours=73)]
    assert await days(database, "metric_minutes") == [*sorted(kept), 1, 2]
    assert len(kept) in (4, 5)


async def test_fingerprints_of_days_before_the_horizon_go_and_those_after_it_stay(database: Database) -> None:
    await prepare_days(database, *range(12))

    await look_after(database, dedupe_days=7)

    assert await horizon(database) == await today(database) - 7 * DAY
    assert await days(database, "metric_fingerprints") == list(range(-7, 3))


async def test_the_horizon_never_moves_back(database: Database) -> None:
    """PROMISE: what was forgotten does not come back when the setting grows."""
    await look_after(database, dedupe_days=3)
    await look_after(database, dedupe_days=30)

    assert await horizon(database) == await today(database) - 3 * DAY

    await look_after(database, dedupe_days=1)

    assert await horizon(database) == await today(database) - DAY


async def test_the_horizon_moves_only_with_the_tables_that_it_drops(database: Database) -> None:
    """PROMISE: no fingerprint is missing behind a horizon that says it is there, nor the other way round.

    Somebody reads the oldest table: the drop gives up, later it goes on. Breaks `tend` if that is no error
    a loop has patience with.
    """
    await prepare_days(database, 9)
    async with database.transaction() as reader:
        await reader.fetch("select * from metric_fingerprints")

        with pytest.raises(AGAIN_LATER):
            await look_after(database, dedupe_days=7)

    assert await horizon(database) is None
    assert -9 in await days(database, "metric_fingerprints")

    await look_after(database, dedupe_days=7)

    assert await horizon(database) is not None
    assert -9 not in await days(database, "metric_fingerprints")


async def test_letters_are_kept_for_30_days(database: Database, redis: Redis) -> None:
    await append(redis, b"one", b"two", partition=3)
    await live(database, redis)
    async with database.transaction() as tx:
        await tx.execute(
            "update metric_dead_letters set noted_at = now() - interval '30 days' +"
            " case payload when 'one' then interval '1 minute' else interval '-1 minute' end"
        )

    await look_after(database, dedupe_days=7)

    assert await letters(database) == [("not_json", b"one")]


async def test_hashtags_are_kept_for_30_days(database: Database) -> None:
    await prepare_days(database, 29, 30, 31, 32)

    await look_after(database, dedupe_days=60)

    assert await days(database, "metric_hashtag_hours") == [-30, -29, 0, 1, 2]


async def test_fingerprints_of_many_writes_are_merged_and_still_tell_repeats(
    database: Database, redis: Redis
) -> None:
    """PROMISE: merging forgets nothing, and what is still written to is left alone."""
    settled, recent, old = ago(minutes=60), ago(minutes=5), ago(days=2)
    events = [event(n, timestamp=at) for n in range(3) for at in (settled, recent, old)]
    for one in events:
        await append(redis, one)
        await live(database, redis)

    await look_after(database, dedupe_days=7)

    rows = await database.fetch(
        "select count(*) as writes from metric_fingerprints group by minute order by minute"
    )
    assert [row["writes"] for row in rows] == [3, 1, 3]
    await append(redis, *events)
    await live(database, redis)
    assert await totals(database) == {"views": 9}


@pytest.mark.parametrize(
    "step",
    [
        service.drop_minutes,
        lambda tx: service.drop_hashtags(tx, kept=30 * DAY),
        lambda tx: service.move_horizon(tx, kept=7 * DAY),
        service.merge_fingerprints,
        lambda tx: service.delete_letters(tx, kept=30 * DAY),
    ],
    ids=["minutes", "hashtags", "horizon", "merge", "letters"],
)
async def test_of_two_at_once_the_second_waits_and_finds_nothing_left(
    database: Database, redis: Redis, step: Callable[[Transaction], Awaitable[object]]
) -> None:
    """PROMISE: `tend` is safe with replicas, at the worst moment: the first has not committed yet."""
    await prepare_days(database, *range(28, 40))
    for one in (event(n, timestamp=ago(minutes=60)) for n in range(3)):
        await append(redis, one, b"no event")
        await live(database, redis)
    async with database.transaction() as tx:
        await tx.execute("update metric_dead_letters set noted_at = now() - interval '31 days'")

    async with holding(database, step) as second:
        pass
    await second

    await look_after(database, dedupe_days=7)
    assert await letters(database) == []
    assert (await days(database, "metric_minutes"))[0] >= -4
    assert (await days(database, "metric_fingerprints"))[0] >= -7


@asynccontextmanager
async def holding(
    database: Database, step: Callable[[Transaction], Awaitable[object]]
) -> AsyncIterator["asyncio.Task[None]"]:
    """One transaction has taken `step` and is open; another one takes it, waiting for the first."""

    async def take() -> None:
        async with database.transaction() as tx:
            await step(tx)

    async def waiting() -> bool:
        return second.done() or await database.fetchval(
            "select exists (select from pg_stat_activity where datname = current_database()"
            " and wait_event_type = 'Lock')"
        )

    async with database.transaction() as tx:
        await step(tx)
        second = asyncio.create_task(take())
        await until(waiting)
        yield second


async def test_many_at_once_leave_what_one_leaves(database: Database) -> None:
    await prepare_days(database, *range(40))

    await asyncio.gather(*(look_after(database, dedupe_days=7) for _ in range(4)))

    assert await days(database, "metric_fingerprints") == list(range(-7, 3))
    assert await days(database, "metric_hashtag_hours") == list(range(-30, 3))
    assert (await days(database, "metric_minutes"))[-3:] == [0, 1, 2]
