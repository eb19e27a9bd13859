"""The ranking of a large workspace, asked for by the product's query and over HTTP; first and deep pages.

Every answer is compared with what a plain query finds.
"""

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

import aiohttp
import msgspec

from famedash.infra.database import Database
from famedash.infra.embedded import free_port
from famedash.performers import queries
from famedash.performers.ranking import Place, Sort
from famedash.processes.bench.counted import Miscounted
from famedash.processes.bench.ground import WORKSPACE, Ground, listens

PAGE = 10
PLACES = 500
"""Different ones, behind each other, at a depth."""

Campaign = str | None
"""None: all of the workspace together."""
Pairs = list[tuple[str, str]]
Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


async def sizes(database: Database) -> dict[str, int]:
    """How many pairs each campaign has, the largest first."""
    rows = await database.fetch(
        """
        select campaign_id, count(*) from performances where workspace_id = $1 and home in ('', $1)
        group by campaign_id order by count(*) desc
        """,
        WORKSPACE,
    )
    return dict(map(tuple, rows))


async def by_query(database: Database, asked: Sequence[Campaign]) -> float:
    """p99 in ms of the first page, from a pooled connection."""
    truth = await _first_pages(database, asked)
    times = await _times(
        lambda campaign: _page(database, campaign, None),
        lambda campaign, rows: _check(_pairs(rows), truth[campaign]),
        asked,
    )
    return _p99(times)


async def over_http(ground: Ground, database: Database, asked: Sequence[Sequence[Campaign]]) -> list[float]:
    """p99 in ms for each of these lists, by one client that keeps its connection."""
    port, found = free_port(), []
    headers = {"Authorization": f"Bearer {ground.token()}"}
    async with ground.product("api", port=port), aiohttp.ClientSession(headers=headers) as session:
        await listens(port)

        async def get(campaign: Campaign) -> bytes:
            query = {"limit": str(PAGE)} | ({} if campaign is None else {"campaignId": campaign})
            async with session.get(f"http://127.0.0.1:{port}/top-performers", params=query) as response:
                response.raise_for_status()
                return await response.read()

        truth = await _first_pages(database, (campaign for each in asked for campaign in each))
        for each in asked:
            times = await _times(get, lambda campaign, body: _check(_shown(body), truth[campaign]), each)
            found.append(_p99(times))
    return found


async def deep(database: Database, campaign: Campaign, depth: int, number: int) -> tuple[float, float]:
    """p99 in ms of the first page and of pages behind so many results, asked for in turn, so often each."""
    rows = await _ranking(database, campaign, depth, PLACES + PAGE)
    places, truth = [_place(*row) for row in rows], _pairs(rows)
    (first,) = (await _first_pages(database, [campaign])).values()
    asked = [None if turn % 2 else (turn // 2) % PLACES for turn in range(2 * number)]
    times = await _times(
        lambda at: _page(database, campaign, None if at is None else places[at]),
        lambda at, found: _check(_pairs(found), first if at is None else truth[at + 1 : at + 1 + PAGE]),
        asked,
    )
    return _p99(times[1::2]), _p99(times[0::2])


async def _page(database: Database, campaign: Campaign, after: Place | None) -> queries.Rows:
    return await queries.top(
        database,
        WORKSPACE,
        campaign_id=campaign,
        sort=Sort.ENGAGEMENT_RATE,
        min_views=0,
        after=after,
        limit=PAGE,
    )


async def _times(
    ask: Callable[[Asked], Awaitable[Answer]], check: Callable[[Asked, Answer], None], asked: Sequence[Asked]
) -> list[float]:
    """In ms, one after the other; before them the first tenth, to warm up."""
    times = []
    warm_up = len(asked) // 10
    for each in [*asked[:warm_up], *asked]:
        began = time.perf_counter()
        answer = await ask(each)
        times.append((time.perf_counter() - began) * 1000)
        check(each, answer)
    return times[warm_up:]


async def _first_pages(database: Database, campaigns: Iterable[Campaign]) -> dict[Campaign, Pairs]:
    return {each: _pairs(await _ranking(database, each, 0, PAGE)) for each in set(campaigns)}


async def _ranking(database: Database, campaign: Campaign, depth: int, number: int) -> queries.Rows:
    return await database.fetch(
        """
        select campaign_id, influencer_id, engagements, engagement_rate from performances
        where workspace_id = $1 and home in ('', $1) and ($2::text is null or campaign_id = $2)
        order by engagement_rate desc, engagements desc, influencer_id, campaign_id
        limit $3 offset $4
        """,
        WORKSPACE,
        campaign,
        number,
        depth,
    )


def _place(campaign: str, creator: str, engagements: int, rate: float) -> Place:
    return Place(Sort.ENGAGEMENT_RATE, 0, rate, engagements, creator, campaign)


def _pairs(rows: queries.Rows) -> Pairs:
    return [(row["campaign_id"], row["influencer_id"]) for row in rows]


def _shown(body: bytes) -> Pairs:
    return [(each["campaignId"], each["influencerId"]) for each in msgspec.json.decode(body)["items"]]


def _check(found: Pairs, truth: Pairs) -> None:
    """Raises `Miscounted`."""
    if found != truth:
        raise Miscounted("a page of the ranking is not what a plain query finds")


def _p99(times: Sequence[float]) -> float:
    return sorted(times)[len(times) * 99 // 100]
