"""Any stream, however often its consumer dies: tables and windows are what brute force says."""

import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from famedash.infra.database import Database, open_database
from famedash.metrics import queries, service
from famedash.metrics.windows import Edges, Windowed
from tests.metrics import reference
from tests.metrics.counting import letters
from tests.metrics.lives import Life, cells, impatient, live
from tests.metrics.reference import Event
from tests.metrics.streams import DAY, HORIZON_DAYS, MINUTE, Put, Sketch, counted, edges, sketches, written

__all__ = ["impatient"]
SHOWN = ("minute", "hour", "hour ago", "day ago", "hour a day before", "midnight", "two days ago")
_numbers = itertools.count()

lives = st.lists(
    st.builds(
        Life,
        writes=st.integers(1, 5),
        lost=st.sampled_from(("", "the write", "the answer")),
        most_events=st.integers(1, 9),
        most_fingerprints=st.sampled_from((1, 5, 8_000_000)),
    ),
    max_size=5,
)


@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # to shrink what takes half a second would take minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    stream=sketches(20, 90),
    lives=lives,
    asked=st.lists(st.tuples(st.sampled_from(SHOWN), st.integers(-2, 1)), min_size=2, max_size=4),
)
async def test_windows_and_tables_are_what_brute_force_says(
    fresh: Callable[[], AbstractAsyncContextManager[Database]],
    redis: Redis,
    stream: list[Sketch],
    lives: list[Life],
    asked: list[tuple[str, int]],
) -> None:
    """PROMISE: each event counts once, whatever comes twice, late, broken, elsewhere, and whoever dies."""
    await redis.flushdb()
    async with fresh() as database:
        async with database.transaction() as tx:
            await service.move_horizon(tx, kept=HORIZON_DAYS * DAY)
        now = datetime.now(UTC)
        puts = written(stream, now)
        share = len(puts) // (len(lives) + 1) + 1
        for number, life in enumerate([*lives, Life()]):
            await append(redis, puts[number * share : (number + 1) * share])
            await live(database, redis, life)

        events = counted(puts)
        await check_tables(database, events, now)
        assert sorted(await letters(database)) == sorted(
            (line.reason, line.text) for put in puts for line in put.lines if line.reason
        )
        times = {edges(now)[edge] + minutes * MINUTE for edge, minutes in asked}
        oldest, latest = edges(now)["two days ago"], edges(now)["minute"] + MINUTE
        for as_of in sorted(time for time in times | {latest} if oldest <= time <= latest):
            await check_windows(database, events, as_of)


async def check_tables(database: Database, events: Sequence[Event], now: datetime) -> None:
    young = [event for event in events if reference.instant(event) > now - timedelta(hours=73)]
    for table, key, these, reference_key in (
        ("metric_minutes", ("minute", "platform"), young, reference.minutes),
        ("metric_hours", ("hour", "platform"), events, reference.hours),
        ("metric_totals", ("platform",), events, reference.totals),
        ("metric_creator_hours", ("hour", "influencer_id", "platform"), events, reference.creator_hours),
        ("metric_creator_totals", ("influencer_id", "platform"), events, reference.creator_totals),
    ):
        assert await cells(database, table, *key) == reference.sums(these, reference_key), table
    tags = await database.fetch("select * from metric_hashtag_hours where engagements <> 0")
    assert {
        (row["workspace_id"], row["platform"], row["hour"], row["hashtag"]): row["engagements"]
        for row in tags
    } == reference.hashtags(events)


async def check_windows(database: Database, events: Sequence[Event], as_of: datetime) -> None:
    whole_hour = as_of.replace(minute=0)
    for of in {reference.campaign(event) for event in events}:
        platforms = await queries.platforms(database, *of, Edges(as_of))
        assert shown(platforms) == reference.windows(events, of, reference.platform, as_of), as_of
        creators = await queries.creators(database, *of, Edges(whole_hour), limit=100)
        assert shown(creators) == reference.windows(events, of, reference.influencer, whole_hour), whole_hour


def shown(found: dict[str, Windowed]) -> dict[str, dict[str, dict[str, int]]]:
    return {
        name: {
            window: {counter: value for counter, value in counts._asdict().items() if value}
            for window, counts in windowed._asdict().items()
        }
        for name, windowed in found.items()
    }


async def append(redis: Redis, puts: Sequence[Put]) -> None:
    for put in puts:
        await redis.xadd(f"famedash:engagement:{put.partition}", {"data": put.data})


@pytest.fixture
def fresh(
    server_urls: dict[str, str], template_database: str
) -> Callable[[], AbstractAsyncContextManager[Database]]:
    """Opens another empty database each time: every example has its own."""
    return lambda: _fresh(server_urls, template_database)


@asynccontextmanager
async def _fresh(server_urls: dict[str, str], template: str) -> AsyncIterator[Database]:
    name = f"{template}_example_{next(_numbers)}"
    admin = await asyncpg.connect(server_urls["database_url"])
    try:
        await admin.execute(f"create database {name} template {template}")
        url = urlunsplit(urlsplit(server_urls["database_url"])._replace(path=f"/{name}"))
        async with open_database(url, application="test") as database:
            yield database
        await admin.execute(f"drop database {name} with (force)")
    finally:
        await admin.close()
