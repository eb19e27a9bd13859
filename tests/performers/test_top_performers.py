"""`GET /top-performers`: a total order, pages that make up the whole, honest refusals, safe tables."""

import base64
import csv
import io
import json
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from famedash.infra.database import Database
from tests.campaigns.api import Api
from tests.flow.system import System, running
from tests.performers.loads import HEAD, Post, load, ranking, text_of

PATH = "/top-performers"


@pytest.fixture
async def system(database_url: str, redis_url: str) -> AsyncIterator[System]:
    async with running(database_url, redis_url, workers=0) as system:
        yield system


@pytest.fixture
async def api(system: System) -> Api:
    return system.api


async def answer(api: Api, **query: object) -> dict[str, Any]:
    reply = await api.get(f"{PATH}?{urlencode(query)}")
    assert reply.status == 200, reply.body
    return dict(reply.json)


async def walk(api: Api, **query: object) -> list[dict[str, Any]]:
    """Every page, one after the other."""
    items: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await answer(api, **query, cursor=cursor)
        items += page["items"]
        cursor = page["nextCursor"]
    return items


def with_ties(seed: int = 1) -> list[Post]:
    """Many share a rate, many of these share their engagements too, and some have none at all."""
    dice = random.Random(seed)  # noqa: S311 - repeatable on purpose
    posts = []
    for campaign in ("autumn", "summer", "winter"):
        for number in range(120):
            size = dice.choice([1, 1, 2, 5])
            likes = dice.choice([0, 0, 1, 2, 3]) * size
            posts.append(Post(campaign, f"creator-{number:03}", 10 * size, likes))
    return posts


async def test_results_are_sorted_by_engagement_rate_descending(
    api: Api, database: Database, tmp_path: Path
) -> None:
    posts = [Post("summer", "low", 100, 1), Post("summer", "high", 100, 9), Post("summer", "middle", 100, 5)]
    await load(database, tmp_path, text_of(posts))

    items = (await answer(api, campaignId="summer", limit=2))["items"]

    assert [(each["rank"], each["influencerId"], each["engagementRate"]) for each in items] == [
        (1, "high", 9.0),
        (2, "middle", 5.0),
    ]


async def test_one_result_in_full(api: Api, database: Database, tmp_path: Path) -> None:
    await load(database, tmp_path, text_of([Post("s", "a", 100, 150, 2, 1), Post("s", "a", 50, 0, 2, 1)]))

    (item,) = (await answer(api, campaignId="s"))["items"]

    flags = item.pop("flags")
    assert item == {
        "rank": 1,
        "campaignId": "s",
        "influencerId": "a",
        "engagementRate": 104.0,
        "engagements": 156,
        "views": 150,
        "likes": 150,
        "comments": 4,
        "shares": 2,
        "posts": 2,
    }
    assert [flag["code"] for flag in flags] == ["engagement_above_views"]


@pytest.mark.parametrize("campaign", ["summer", None])
@pytest.mark.parametrize("limit", [1, 7, 50, 1000])
async def test_the_pages_together_are_the_whole_ranking(
    api: Api, database: Database, tmp_path: Path, campaign: str | None, limit: int
) -> None:
    """PROMISE: nobody is left out or shown twice, among ties too. Breaks if the order is not total."""
    posts = with_ties()
    await load(database, tmp_path, text_of(posts))
    query = {"limit": limit} | ({"campaignId": campaign} if campaign else {})

    items = await walk(api, **query)

    reference = ranking(posts, campaign=campaign)
    assert [(each["campaignId"], each["influencerId"]) for each in items] == [
        (each.campaign, each.creator) for each in reference
    ]
    assert [each["rank"] for each in items] == list(range(1, len(reference) + 1))
    assert [each["engagementRate"] for each in items] == [each.rate for each in reference]


@pytest.mark.parametrize("sort", ["engagements", "views"])
@pytest.mark.parametrize("campaign", ["summer", None])
async def test_sorted_by_a_count_the_order_is_total_too(
    api: Api, database: Database, tmp_path: Path, sort: str, campaign: str | None
) -> None:
    posts = with_ties(2)
    await load(database, tmp_path, text_of(posts))
    query = {"limit": 17, "sort": sort} | ({"campaignId": campaign} if campaign else {})

    items = await walk(api, **query)

    reference = sorted(
        ranking(posts, campaign=campaign),
        key=lambda each: (-getattr(each, sort), each.creator, each.campaign),
    )
    assert [(each["campaignId"], each["influencerId"]) for each in items] == [
        (each.campaign, each.creator) for each in reference
    ]


async def test_min_views_leaves_out_the_small(api: Api, database: Database, tmp_path: Path) -> None:
    posts = with_ties(3)
    await load(database, tmp_path, text_of(posts))

    items = await walk(api, minViews=20, limit=9)

    reference = [each for each in ranking(posts) if each.views >= 20]
    assert [each["influencerId"] for each in items] == [each.creator for each in reference]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        (f"limit={10**9}", "limit"),
        ("limit=abc", "limit"),
        ("minViews=-1", "minViews"),
        ("sort=likes", "sort"),
        ("cursor=abc", "cursor"),
    ],
)
async def test_a_wrong_parameter_is_named(api: Api, query: str, field: str) -> None:
    reply = await api.get(f"{PATH}?campaignId=summer&{query}")

    assert reply.status == 422
    assert reply.fields == [field]


async def test_a_cursor_belongs_to_its_sort(api: Api, database: Database, tmp_path: Path) -> None:
    await load(database, tmp_path, text_of(with_ties()))
    cursor = (await answer(api, limit=1))["nextCursor"]

    reply = await api.get(f"{PATH}?{urlencode({'cursor': cursor, 'sort': 'views'})}")

    assert (reply.status, reply.fields) == (422, ["cursor"])


async def test_nobody_is_in_an_unknown_campaign(api: Api) -> None:
    assert await answer(api, campaignId="nowhere") == {"items": [], "nextCursor": None}


async def test_rows_of_another_workspace_never_appear(api: Api, database: Database, tmp_path: Path) -> None:
    await load(database, tmp_path, text_of(with_ties()), workspace="globex")

    for query in ({}, {"campaignId": "summer"}, {"sort": "views"}):
        assert (await answer(api, **query))["items"] == []


async def test_a_table_is_safe_in_a_spreadsheet(api: Api, database: Database, tmp_path: Path) -> None:
    """PROMISE: no cell is a formula. Breaks if an id goes into the table as it is."""
    await load(
        database, tmp_path, HEAD + '"=cmd|1",@a,10,1,1,1\n"=cmd|1", -b,20,1,1,1\n"=cmd|1",007,30,1,1,1\n'
    )

    reply = await api.get(f"{PATH}?limit=2", accept="text/csv")

    assert reply.headers["Content-Type"] == "text/csv; charset=utf-8"
    header, *lines = csv.reader(io.StringIO(reply.body.decode()))
    assert header[:4] == ["rank", "campaignId", "influencerId", "engagementRate"]
    assert [line[:4] for line in lines] == [["1", "'=cmd|1", "'@a", "30.0"], ["2", "'=cmd|1", "'-b", "15.0"]]
    following = reply.headers["Link"].partition(">")[0].removeprefix("<")
    _, *lines = csv.reader(io.StringIO((await api.get(following, accept="text/csv")).body.decode()))
    assert [line[:3] for line in lines] == [["3", "'=cmd|1", "007"]]


@pytest.mark.parametrize(
    "place",
    [
        ["engagementRate", 1, 1.0, 1 << 63, "a", "b"],
        ["engagementRate", 1, 1 << 2000, 1, "a", "b"],
        ["views", 1, 1 << 63, 1, "a", "b"],
        ["views", 1, 1e18, 1, "a", "b"],
    ],
)
async def test_a_forged_cursor_is_refused(api: Api, place: list[object]) -> None:
    """Breaks if a number reaches PostgreSQL that it has no place for."""
    forged = base64.urlsafe_b64encode(json.dumps(place).encode()).rstrip(b"=").decode()

    reply = await api.get(f"{PATH}?{urlencode({'cursor': forged, 'sort': str(place[0])})}")

    assert (reply.status, reply.fields) == (422, ["cursor"])
