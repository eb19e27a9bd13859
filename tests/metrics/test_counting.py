"""From the log to the counters: each event once, whatever comes twice, late, wrong or elsewhere."""

from redis.asyncio import Redis

from famedash.infra.database import Database
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


async def test_events_are_counted_by_minute_hour_and_in_total(
    database: Database, database_url: str, redis: Redis, redis_url: str
) -> None:
    await append(redis, event(1), event(2, type="like", value=3), event(3, type="share"))

    async with ingester(database_url, redis_url):
        await caught_up(database, redis)

    counted = {"views": 1, "likes": 3, "shares": 1}
    assert await totals(database) == await hours(database) == await minutes(database) == counted


async def test_lines_of_one_entry_are_counted_like_entries(
    database: Database, database_url: str, redis: Redis, redis_url: str
) -> None:
    await append_together(redis, [event(n) for n in range(5)], home_of(event(1)))

    async with ingester(database_url, redis_url):
        await caught_up(database, redis)

    assert await totals(database) == {"views": 5}


async def test_a_repeat_counts_once_in_one_batch_across_batches_and_after_a_restart(
    database: Database, database_url: str, redis: Redis, redis_url: str
) -> None:
    """PROMISE: a duplicate is never counted. Breaks if the fingerprints live in memory alone."""
    one = event(1)
    await append(redis, one, one)

    async with ingester(database_url, redis_url):
        await caught_up(database, redis)
        await append(redis, one)
        await caught_up(database, redis)
    await append(redis, one)
    async with ingester(database_url, redis_url):
        await caught_up(database, redis)

    assert await totals(database) == {"views": 1}


async def test_the_same_id_at_another_time_is_another_event(
    database: Database, database_url: str, redis: Redis, redis_url: str
) -> None:
    noon = ago(hours=3)
    await append(redis, event(1, timestamp=noon), event(1, timestamp=ago(hours=2)))

    async with ingester(database_url, redis_url):
        await caught_up(database, redis)

    assert await totals(database) == {"views": 2}


async def test_a_line_in_the_wrong_partition_is_moved_and_counts_once(
    database: Database, database_url: str, redis: Redis, redis_url: str
) -> None:
    one = event(1)
    await append(redis, one)
    await append(redis, one, partition=(home_of(one) + 1) % 16)

    async with ingester(database_url, redis_url):
        await caught_up(database, redis)
        await caught_up(database, redis)

    assert await totals(database) == {"views": 1}


async def test_a_broken_line_is_set_aside_and_those_around_it_count(
    database: Database, database_url: str, redis: Redis, redis_url: str
) -> None:
    home = home_of(event(1))
    await append_together(redis, [event(1), b'{"eventId": "cut', event(2)], home)

    async with ingester(database_url, redis_url):
        await caught_up(database, redis)

    assert await totals(database) == {"views": 2}
    assert await letters(database) == [("not_json", b'{"eventId": "cut')]
