"""`GET /campaigns/{id}/metrics` over 40 million minute rows: cold, with no data in memory, and warm.

The limit is the 300 ms of the specification. The rows are made once; each round starts PostgreSQL and the API
anew after all data files were dropped from the page cache.
"""

import os
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp

from famedash.infra.database import open_database
from famedash.infra.embedded import free_port
from famedash.processes.bench import rows
from famedash.processes.bench.counted import Miscounted
from famedash.processes.bench.ground import WORKSPACE, Ground, listens, open_ground
from famedash.processes.bench.report import Figure, Pair
from famedash.processes.bench.rows import DAY, HOUR, Filled

CAMPAIGNS, QUICK_CAMPAIGNS = 3_050, 30
HOURS, QUICK_HOURS = 73, 25
ASKED = 20
WARM_REQUESTS, QUICK_WARM_REQUESTS = 2_000, 40
SPECIFIED_MS = 300.0
POSTGRES_STOP_SECONDS = 120.0


def _figure(name: str, most: float) -> Figure:
    return Figure(
        name=f"GET /campaigns/{{id}}/metrics, 40 M minute rows, {name}",
        limit="the specification's 300 ms",
        unit=" ms",
        reach=f"≤ {most:.0f} ms",
        score=lambda _, product: product,
        reached=lambda score: score <= most,
        score_unit=" ms",
        digits=1,
    )


COLD = _figure(f"cold, slowest of {ASKED} campaigns", 150)
WARM = _figure(f"warm, p99 over the same {ASKED}", 25)


async def rounds(number: int, *, quick: bool) -> AsyncGenerator[list[Pair], None]:
    async with open_ground() as ground:
        filled = await _fill(ground, quick=quick)
        for turn in range(number):
            asked = _asked(filled, turn)
            async with _cold(ground) as port:
                cold = await _times(ground, port, filled, asked, anew=True)
                again = random.Random(turn).choices(asked, k=QUICK_WARM_REQUESTS if quick else WARM_REQUESTS)  # noqa: S311
                warm = sorted(await _times(ground, port, filled, again, anew=False))
            yield [
                Pair(COLD, SPECIFIED_MS, max(cold)),
                Pair(WARM, SPECIFIED_MS, warm[len(warm) * 99 // 100]),
            ]


async def _fill(ground: Ground, *, quick: bool) -> Filled:
    filled = rows.plan(
        WORKSPACE,
        campaigns=QUICK_CAMPAIGNS if quick else CAMPAIGNS,
        hours=QUICK_HOURS if quick else HOURS,
        now=datetime.now(UTC),
    )
    began = time.monotonic()
    async with open_database(ground.endpoints.database_url, application="bench") as database:
        await rows.fill(database, filled)
    print(f"  {filled.rows:,} minute rows made in {time.monotonic() - began:.0f} s", flush=True)
    return filled


def _asked(filled: Filled, turn: int) -> list[str]:
    """Campaigns far from each other in the tables, others in every round."""
    step = len(filled.campaigns) // ASKED
    asked = filled.campaigns[turn % step :: step][:ASKED]
    random.Random(turn).shuffle(asked)  # noqa: S311
    return asked


@asynccontextmanager
async def _cold(ground: Ground) -> AsyncIterator[int]:
    """PostgreSQL and the API started with empty caches: the API's port."""
    port = free_port()
    ground.postgres.stop_seconds = POSTGRES_STOP_SECONDS
    await ground.postgres.stop()
    forget(ground.folder)
    await ground.postgres.start()
    async with ground.product("api", port=port):
        await listens(port)
        yield port


def forget(folder: Path) -> None:
    """Drop every file below the folder from the page cache; who has it open must have ended."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)


async def _times(
    ground: Ground, port: int, filled: Filled, campaigns: Sequence[str], *, anew: bool
) -> list[float]:
    """How long each answer took, in ms, one after the other; `anew`: each on a connection of its own."""
    times = []
    headers = {"Authorization": f"Bearer {ground.token()}"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=anew)) as session:
        for campaign in campaigns:
            url = f"http://127.0.0.1:{port}/campaigns/{campaign}/metrics"
            began = time.monotonic()
            async with session.get(
                url, params={"asOf": f"{filled.until:%Y-%m-%dT%H:%M:%SZ}"}, headers=headers
            ) as response:
                answer = await response.json()
            times.append((time.monotonic() - began) * 1000)
            check(answer, filled)
    return times


def check(answer: dict[str, dict[str, int]], filled: Filled) -> None:
    """Raises `Miscounted`."""
    spans = {"window1h": HOUR, "window24h": DAY, "total": timedelta(days=365)}
    for name, span in spans.items():
        if answer[name]["views"] != filled.views(span):
            raise Miscounted(f"{name} shows {answer[name]['views']:,} views of {filled.views(span):,}")
