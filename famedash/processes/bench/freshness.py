"""From appended to answered: how old an event is when `GET /campaigns/{id}/metrics` first shows it."""

import asyncio
import json
import time
from asyncio.subprocess import Process
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

import aiohttp

from famedash.infra.database import Database, open_database
from famedash.infra.embedded import free_port
from famedash.processes.bench.counted import Miscounted, owns_everything, start_anew
from famedash.processes.bench.feed import TICKS_PER_SECOND as VIEWS_PER_SECOND
from famedash.processes.bench.ground import WORKSPACE, Ground, answers, listens
from famedash.processes.bench.report import Figure, Pair

EVENTS_PER_SECOND, QUICK_EVENTS_PER_SECOND = 20_000, 2_000
SECONDS, QUICK_SECONDS = 10, 2
WARM_UP_SECONDS = 1.0
FLUSH_SECONDS = 0.1
LOOK_SECONDS = 0.005
LONGEST_SECONDS = 30.0
PROBE = "probe"

FRESH = Figure(
    name=f"appended → answered by GET, p99, {EVENTS_PER_SECOND:,} events/s",
    limit="flush interval",
    unit=" ms",
    reach="≤ 2 × limit + 50 ms",
    score=lambda limit, product: product - 2 * limit,
    reached=lambda score: score <= 50,
    score_unit=" ms",
)


async def pair(ground: Ground, *, quick: bool) -> Pair:
    rate = QUICK_EVENTS_PER_SECOND if quick else EVENTS_PER_SECOND
    delays = sorted(await _measure(ground, rate, QUICK_SECONDS if quick else SECONDS))
    return Pair(FRESH, FLUSH_SECONDS * 1000, delays[len(delays) * 99 // 100] * 1000)


async def _measure(ground: Ground, rate: int, seconds: int) -> list[float]:
    """One delay for each view of the probe's campaign, in seconds; those of the first second are left out."""
    port = free_port()
    settings = {"metrics_creators": False, "metrics_hashtags": False, "metrics_flush_seconds": FLUSH_SECONDS}
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(
            open_database(ground.endpoints.database_url, application="bench")
        )
        minute = int(time.time()) // 60
        await start_anew(ground, database, (minute, minute + 10))
        await stack.enter_async_context(ground.product("ingest", **settings))
        await stack.enter_async_context(ground.product("api", port=port))
        await listens(port)
        await owns_everything(database)
        async with (
            ground.own("feed", ground.endpoints.redis_url, rate, seconds, WORKSPACE, PROBE) as feed,
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {ground.token()}"}) as session,
        ):
            fed, seen = await asyncio.gather(_fed(feed), _watch(session, port, seconds))
        await _all_counted(database, fed["values"])
    return _delays(fed["appended"], seen)


async def _fed(feed: Process) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(await answers(feed, b""))
    return found


async def _all_counted(database: Database, values: int) -> None:
    deadline = time.monotonic() + LONGEST_SECONDS
    while (found := await database.fetchval(_VALUES, WORKSPACE)) != values:
        if time.monotonic() > deadline:
            raise Miscounted(f"{found:,} were counted of {values:,}")
        await asyncio.sleep(0.1)


_VALUES = """
    select coalesce(sum(views + likes + comments + shares + saves + clicks + conversions), 0)::bigint
    from metric_totals where workspace_id = $1
"""


async def _watch(session: aiohttp.ClientSession, port: int, seconds: int) -> list[tuple[float, int]]:
    """(when it was answered, how many views it showed), one GET after the other until all are there."""
    seen: list[tuple[float, int]] = [(0.0, 0)]
    deadline = time.monotonic() + seconds + LONGEST_SECONDS
    url = f"http://127.0.0.1:{port}/campaigns/{PROBE}/metrics"
    while seen[-1][1] < seconds * VIEWS_PER_SECOND:
        if time.monotonic() > deadline:
            raise Miscounted(f"GET shows {seen[-1][1]:,} views of {seconds * VIEWS_PER_SECOND:,}")
        async with session.get(url) as response:
            views = (await response.json())["total"]["views"] if response.status == 200 else 0
        seen.append((time.monotonic(), views))
        await asyncio.sleep(LOOK_SECONDS)
    return seen


def _delays(appended: Sequence[float], seen: Sequence[tuple[float, int]]) -> list[float]:
    answered = iter(seen)
    at, views = next(answered)
    delays = []
    for number, since in enumerate(appended, 1):
        while views < number:
            at, views = next(answered)
        if since > appended[0] + WARM_UP_SECONDS:
            delays.append(at - since)
    return delays
