"""The metrics' addresses over HTTP: shapes, times, refusals by name, workspaces, how far reading came."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote

import pytest
from redis.asyncio import Redis

from famedash.infra.auth.principal import SCOPES
from famedash.infra.auth.settings import AuthSettings
from famedash.infra.auth.tokens import open_authenticator
from famedash.infra.database import Database
from famedash.infra.log.partitions import partition_of
from famedash.infra.log.redis_log import stream_key
from famedash.infra.redis import open_redis
from famedash.metrics import queries
from famedash.metrics.windows import DAY, HOUR, MINUTE, Counts, after, floor
from famedash.processes.api import Resources, create_app
from famedash.processes.settings import Settings
from tests.campaigns.api import Api
from tests.flow.system import System, running
from tests.metrics.builders import Counted, Tagged, count, tag
from tests.secrets import JWT_SECRET, SEAL
from tests.serving import serving

METRICS = "/campaigns/summer/metrics"
SERIES = f"{METRICS}/series"
TRENDS = "/trends/hashtags"
STREAM = stream_key("engagement", partition_of("acme", "summer"))
PATIENCE_SECONDS = 5


@pytest.fixture
async def system(database_url: str, redis_url: str) -> AsyncIterator[System]:
    async with running(database_url, redis_url, workers=0) as system:
        yield system


@pytest.fixture
async def api(system: System) -> Api:
    return system.api


@pytest.fixture
async def now(database: Database) -> datetime:
    return await queries.now(database)


def text(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def time(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def answer(api: Api, path: str) -> dict[str, Any]:
    reply = await api.get(path)
    assert reply.status == 200, reply.body
    return dict(reply.json)


def only(shown: dict[str, Any]) -> dict[str, int]:
    """The counters that are not zero."""
    return {name: shown[name] for name in Counts._fields if shown[name]}


async def test_a_campaigns_metrics_have_three_windows(system: System, now: datetime) -> None:
    await system.create(budget={"amount": 30, "currency": "EUR"})
    await count(
        system.database,
        Counted(now, "views", 10),
        Counted(now, "likes", 2),
        Counted(now - 2 * HOUR, "comments", 1, platform="youtube"),
        Counted(now - 2 * DAY, "saves", 5),
        now=now,
    )

    found = await answer(system.api, METRICS)

    as_of = time(found["asOf"])
    assert as_of in (after(now, MINUTE), after(now, MINUTE) + MINUTE)
    assert found["campaignId"] == "summer"
    assert found["flags"] == []
    assert found["window1h"] == {
        "from": text(as_of - HOUR),
        "to": text(as_of),
        "views": 10,
        "likes": 2,
        "comments": 0,
        "shares": 0,
        "saves": 0,
        "clicks": 0,
        "conversions": 0,
        "engagements": 2,
        "engagementRate": 20.0,
    }
    assert (found["window24h"]["from"], found["window24h"]["to"]) == (text(as_of - DAY), text(as_of))
    assert only(found["window24h"]) == {"views": 10, "likes": 2, "comments": 1}
    assert (found["total"]["from"], found["total"]["to"]) == (None, text(as_of))
    assert only(found["total"]) == {"views": 10, "likes": 2, "comments": 1, "saves": 5}
    costs = {name: found["total"][name] for name in ("cpe", "cpm", "basis", "currency")}
    assert costs == {"cpe": 10.0, "cpm": 3000.0, "basis": "budget", "currency": "EUR"}


async def test_a_campaign_without_events_has_zeros_and_no_rates(system: System) -> None:
    await system.create()

    found = await answer(system.api, f"{METRICS}?by=platform")
    creators = await answer(system.api, f"{METRICS}?by=influencer")

    for name in ("window1h", "window24h", "total"):
        assert only(found[name]) == {}
        assert (found[name]["engagements"], found[name]["engagementRate"]) == (0, None)
    costs = {found["total"][name] for name in ("cpe", "cpm", "basis", "currency")}
    assert costs == {None}
    assert (found["platforms"], creators["influencers"], found["flags"]) == ([], [], [])


async def test_a_campaign_that_famedash_did_not_create_is_answered(system: System, now: datetime) -> None:
    await count(system.database, Counted(now), now=now)

    assert only((await answer(system.api, METRICS))["total"]) == {"views": 1}
    assert len((await answer(system.api, SERIES))["points"]) == 24


@pytest.mark.parametrize("path", [METRICS, SERIES])
async def test_an_unknown_campaign_and_a_foreign_one_are_not_found(
    system: System, now: datetime, path: str
) -> None:
    """PROMISE: a workspace cannot find out what is counted in another one."""
    await system.create()
    await count(system.database, Counted(now), now=now)
    rival = system.api_of("rival")

    foreign, unknown = await rival.get(path), await rival.get(path.replace("summer", "nowhere"))
    elsewhere = await rival.get("/campaigns/nowhere")

    assert (foreign.status, unknown.status) == (404, 404)
    assert foreign.body == unknown.body == elsewhere.body


@pytest.mark.parametrize("path", [METRICS, SERIES, TRENDS])
async def test_metrics_need_their_scope(system: System, path: str) -> None:
    await system.create()

    assert (await system.api_of("acme", SCOPES - {"metrics:read"}).get(path)).status == 403
    assert (await system.api_of("acme", frozenset({"metrics:read"})).get(path)).status == 200


async def test_platforms_are_shown_one_by_one(system: System, now: datetime) -> None:
    await count(
        system.database,
        Counted(now, "views", 10, platform="youtube"),
        Counted(now, "likes", 1_000, platform="tiktok"),
        Counted(now, "views", 100, platform="tiktok"),
        now=now,
    )

    found = await answer(system.api, f"{METRICS}?by=platform")

    assert [one["platform"] for one in found["platforms"]] == ["tiktok", "youtube"]
    tiktok, youtube = found["platforms"]
    assert only(tiktok["window1h"]) == {"views": 100, "likes": 1000}
    assert only(youtube["total"]) == {"views": 10}
    assert [flag["code"] for flag in tiktok["flags"]] == ["engagement_above_views", "likes_above_views"]
    assert youtube["flags"] == []
    assert only(found["total"]) == {"views": 110, "likes": 1000}
    assert "influencers" not in found


async def test_creators_are_shown_in_whole_hours(system: System, now: datetime) -> None:
    hour = floor(now, HOUR)
    await count(
        system.database,
        Counted(hour - MINUTE, "likes", 3, influencer="maya"),
        Counted(hour - MINUTE, "likes", 3, influencer="007", platform="youtube"),
        Counted(hour - 2 * HOUR, "shares", 1, influencer="zoe"),
        Counted(hour, "likes", 50, influencer="zoe"),
        now=now,
    )

    found = await answer(system.api, f"{METRICS}?by=influencer&asOf={text(floor(now, MINUTE))}&limit=2")

    assert [one["influencerId"] for one in found["influencers"]] == ["007", "maya"]
    first = found["influencers"][0]
    assert (first["window1h"]["from"], first["window1h"]["to"]) == (text(hour - HOUR), text(hour))
    assert first["window24h"]["from"] == text(hour - DAY)
    assert (first["total"]["from"], first["total"]["to"]) == (None, text(hour))
    assert only(first["window1h"]) == only(first["total"]) == {"likes": 3}
    assert "platforms" not in found


async def test_as_of_may_lie_in_any_offset(system: System, now: datetime) -> None:
    await count(system.database, Counted(now - 3 * HOUR), Counted(now), now=now)
    as_of = floor(now, MINUTE) - HOUR
    indian = as_of.astimezone(timezone(timedelta(hours=5, minutes=30))).isoformat()

    for asked in (text(as_of), quote(indian), indian, text(as_of).replace(":00Z", "Z")):
        found = await answer(system.api, f"{METRICS}?asOf={asked}")

        assert found["asOf"] == text(as_of)
        assert only(found["total"]) == {"views": 1}
        assert only(found["window1h"]) == {}


@pytest.mark.parametrize(
    ("path", "field"),
    [
        (f"{METRICS}?asOf=yesterday", "asOf"),
        (f"{METRICS}?asOf=2026-11-25T12:00:00", "asOf"),
        (f"{METRICS}?asOf=2026-13-25T12:00:00Z", "asOf"),
        (f"{METRICS}?asOf=9999-12-31T23:59:00Z", "asOf"),
        (f"{METRICS}?asOf=0001-01-01T00:00:00%2B14:00", "asOf"),
        (f"{METRICS}?asOf=2020-01-01T00:00:00Z", "asOf"),
        (f"{METRICS}?asOf=2020-01-01T00:00:30Z", "asOf"),
        (f"{METRICS}?by=moon", "by"),
        (f"{METRICS}?by=influencer&limit=0", "limit"),
        (f"{METRICS}?by=influencer&limit=1001", "limit"),
        (f"{SERIES}?step=week", "step"),
        (f"{SERIES}?from=2026-11-25T12:30:00Z", "from"),
        (f"{SERIES}?to=2026-11-25T12:30:00Z", "to"),
        (f"{SERIES}?from=2020-01-01T00:00:00Z", "step"),
        (f"{SERIES}?from=2020-01-01T00:00:00Z&to=2020-01-01T01:00:00Z&step=minute", "from"),
        (f"{SERIES}?from=2999-12-31T23:00:00Z", "from"),
        (f"{SERIES}?to=2000-01-01T00:00:00Z&from=2000-01-02T00:00:00Z", "from"),
        (f"{TRENDS}?limit=0", "limit"),
        (f"{TRENDS}?limit=101", "limit"),
        (f"{TRENDS}?platform={'x' * 201}", "platform"),
    ],
)
async def test_a_question_that_cannot_be_answered_is_refused_by_name(
    system: System, path: str, field: str
) -> None:
    await system.create()

    reply = await system.api.get(path)

    assert (reply.status, reply.fields) == (422, [field])
    assert reply.headers["Content-Type"] == "application/problem+json"


async def test_a_series_shows_every_step(system: System, now: datetime) -> None:
    await count(system.database, Counted(now, "likes", 3), Counted(now - HOUR, "views", 2), now=now)
    start, end = floor(now, HOUR) - 2 * HOUR, floor(now, HOUR) + HOUR

    found = await answer(system.api, f"{SERIES}?from={text(start)}&to={text(end)}&step=hour")
    minutes = await answer(system.api, f"{SERIES}?from={text(start)}&to={text(end)}&step=minute")

    head = {name: found[name] for name in ("campaignId", "from", "to", "step")}
    assert head == {"campaignId": "summer", "from": text(start), "to": text(end), "step": "hour"}
    assert [(one["at"], only(one)) for one in found["points"]] == [
        (text(start), {}),
        (text(start + HOUR), {"views": 2}),
        (text(start + 2 * HOUR), {"likes": 3}),
    ]
    assert (found["points"][1]["engagementRate"], found["points"][2]["engagementRate"]) == (0.0, None)
    assert len(minutes["points"]) == 180
    assert {one["at"]: only(one) for one in minutes["points"] if only(one)} == {
        text(floor(now - HOUR, MINUTE)): {"views": 2},
        text(floor(now, MINUTE)): {"likes": 3},
    }


async def test_rising_hashtags_are_listed(system: System, now: datetime) -> None:
    hour = floor(now, HOUR)
    past = [Tagged("love", hour - number * HOUR, 100) for number in range(3, 171)]
    await tag(
        system.database,
        *past,
        Tagged("love", hour, 1),
        Tagged("trail", hour, 30),
        Tagged("trail", hour - HOUR, 30, platform="youtube"),
        Tagged("theirs", hour, 500, workspace="rival"),
    )

    everywhere = await answer(system.api, TRENDS)
    youtube = await answer(system.api, f"{TRENDS}?platform=youtube")

    trail = {"hashtag": "trail", "engagements": 60, "expected": 0.0, "score": 60.0}
    assert everywhere == {"items": [{**trail, "platform": None}], "nextCursor": None}
    (item,) = youtube["items"]
    assert (item["platform"], item["engagements"]) == ("youtube", 30)


async def test_what_is_unread_limits_what_the_data_go_through(system: System, redis: Redis) -> None:
    """PROMISE: a count that is behind says so.

    Breaks if the answer looks at the clock and not at what the reader has yet to read.
    """
    await system.create()
    first, second = [await redis.xadd(STREAM, {b"data": b"{}"}, id=id) for id in ("1000-0", "2000-5")]

    assert await through(system) == datetime.fromtimestamp(1, UTC)
    await stand(system.database, first)
    assert await through(system) == datetime.fromtimestamp(2, UTC)
    await stand(system.database, second)
    before = await redis.time()
    assert await through(system) >= datetime.fromtimestamp(before[0], UTC)


async def test_with_an_empty_log_the_data_go_through_now(system: System, redis: Redis) -> None:
    await system.create()
    before = await redis.time()

    assert await through(system) >= datetime.fromtimestamp(before[0], UTC)


async def test_without_redis_only_the_data_through_is_missing(api: Api, system: System) -> None:
    """PROMISE: metrics are answered, and soon, while Redis is down or hangs."""
    await system.create()

    async with silent_server() as hanging:
        for url in ("redis://127.0.0.1:1/0", hanging):
            async with open_redis(url) as redis, api_with(system, redis) as lonely:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    found = await answer(lonely, METRICS)

                assert found["dataThrough"] is None
                assert only(found["total"]) == {}


async def through(system: System) -> datetime:
    return time((await answer(system.api, METRICS))["dataThrough"])


async def stand(database: Database, entry: bytes) -> None:
    """The reader `metrics` has read `summer`'s partition up to `entry`."""
    async with database.transaction() as tx:
        await tx.execute(
            "insert into reader_positions (reader, partition, entry) values ('metrics', $1, $2)"
            " on conflict (reader, partition) do update set entry = excluded.entry",
            partition_of("acme", "summer"),
            entry.decode(),
        )


@asynccontextmanager
async def api_with(system: System, redis: Redis) -> AsyncIterator[Api]:
    """The same installation, served with another Redis."""
    authenticator = await open_authenticator(AuthSettings(JWT_SECRET, "", "famedash", "famedash"))
    app = create_app(Settings(), Resources(system.database, redis, authenticator, SEAL))
    async with serving(app) as base_url:
        yield Api(system.api.session, base_url, system.api.token)


@asynccontextmanager
async def silent_server() -> AsyncIterator[str]:
    """Takes connections and never says a word."""

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    try:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
    finally:
        server.close()
