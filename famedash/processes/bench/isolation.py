"""What hangs or waits slows nobody else: one endpoint of five that never answers, and rows in back-off."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import pairwise

from famedash.campaigns.events import CREATED
from famedash.infra.database import Database, open_database
from famedash.infra.log.partitions import PARTITIONS
from famedash.processes.bench import usage
from famedash.processes.bench.backlog import Backlog, check, new_backlog, truth
from famedash.processes.bench.counted import Miscounted
from famedash.processes.bench.delivered import (
    LONGEST_SECONDS,
    Delivered,
    deliver,
    delivering,
    endpoints_at,
    paths,
    received,
)
from famedash.processes.bench.endpoints import Endpoint, make
from famedash.processes.bench.ground import Ground, Seen, SinkAddress, open_ground, open_sink
from famedash.processes.bench.report import Figure, Pair

CAP = 8
"""The product's default for an endpoint."""

CAMPAIGNS, AHEAD = 1_000, 10_000
LOOK_SECONDS = 0.1
LONGEST_FILL_SECONDS = 600.0
*HEALTHY, HANGING = paths(5)

EVENTS, QUICK_EVENTS = 20_000, 1_000
SOME, QUICK_SOME = 50_000, 2_000
MILLION, QUICK_MILLION = 1_000_000, 10_000


@dataclass(frozen=True)
class Spans:
    """Seconds: of a try's time-out, until the fifth hangs, and of what is measured from then on."""

    timeout: int
    warm_up: int
    early: int
    late: int


FULL, QUICK = Spans(10, 15, 60, 20), Spans(2, 1, 2, 2)


def _rate(name: str, limit: str, least: float) -> Figure:
    return Figure(
        name=f"deliveries/s {name}",
        limit=limit,
        unit="/s",
        reach=f"≥ {least:g}",
        score=lambda limit, product: product / limit,
        reached=lambda score: score >= least,
    )


LATE = _rate(
    "of 4 endpoints, a fifth hangs, from 60 s after its first time-out", "the 4, all 5 healthy", 0.95
)
EARLY = _rate("of 4 endpoints, a fifth hangs, until then", "the 4, all 5 healthy", 0.8)
WAITING = _rate(f"with {SOME:,} deliveries in back-off", "none waiting", 0.9)
MEMORY = Figure(
    name=f"peak memory of the worker with {MILLION:,} deliveries waiting",
    limit="none waiting",
    unit=" MB",
    reach="≤ limit + 50 MB",
    score=lambda limit, product: product - limit,
    reached=lambda score: score <= 50,
    score_unit=" MB",
)


async def pair(*, quick: bool) -> list[Pair]:
    async with _fresh() as (ground, database):
        waiting = await _waiting(ground, database, quick=quick)
    spans = QUICK if quick else FULL
    healthy = await _four(spans, one_hangs=False)
    beside = await _four(spans, one_hangs=True)
    return [Pair(LATE, healthy.late, beside.late), Pair(EARLY, healthy.early, beside.early), *waiting]


@asynccontextmanager
async def _fresh() -> AsyncIterator[tuple[Ground, Database]]:
    async with (
        open_ground() as ground,
        open_database(ground.endpoints.database_url, application="bench") as database,
    ):
        yield ground, database


@dataclass(frozen=True)
class Rates:
    """Deliveries a second of four endpoints: up to a while after a hang's first time-out, and after that."""

    early: float
    late: float


async def _four(spans: Spans, *, one_hangs: bool) -> Rates:
    """Both runs take equally long from empty tables on: tables that grow slow down either."""
    backlog = new_backlog(CAMPAIGNS)
    async with _fresh() as (ground, database), open_sink(ground) as sink:
        endpoints = [replace(each, max_in_flight=CAP) for each in endpoints_at(sink, 5)]
        await make(ground, database, backlog.workspace, endpoints)
        async with (
            _fed(database, backlog, sink),
            delivering(ground, database, 2, webhook_timeout_seconds=spans.timeout, log_level="error"),
        ):
            await received(sink, 1)
            moments = [await _after(spans.warm_up)]
            if one_hangs:
                await sink.hang(HANGING)
                await _until_timed_out(database, backlog.workspace, spans.timeout)
            else:
                await asyncio.sleep(spans.timeout)
            moments += [await _after(spans.early), await _after(spans.late)]
            seen = await sink.seen()
            await sink.answer()  # so that nothing is open when the workers stop
        written = await truth(database, backlog.workspace)
    for path in HEALTHY:
        check(written, seen.ids_at(path), complete=False)
    return Rates(*rates(seen, moments))


async def _after(seconds: float) -> float:
    await asyncio.sleep(seconds)
    return time.monotonic()


def rates(seen: Seen, moments: Sequence[float]) -> list[float]:
    """Deliveries a second of the healthy endpoints between each moment and the next."""
    at = [at for at, path in zip(seen.at, seen.paths, strict=True) if path in HEALTHY]
    return [sum(since <= each < until for each in at) / (until - since) for since, until in pairwise(moments)]


@asynccontextmanager
async def _fed(database: Database, backlog: Backlog, sink: SinkAddress) -> AsyncIterator[None]:
    """Keep the backlog `AHEAD` of the healthy endpoints: none of them ever waits for an event."""

    async def feed() -> None:
        while True:
            done = (await sink.count() - await sink.count(HANGING)) // len(HEALTHY)
            if backlog.events - done < AHEAD:
                await backlog.grow(database)
            else:
                await asyncio.sleep(LOOK_SECONDS)

    while backlog.events < AHEAD:
        await backlog.grow(database)
    async with asyncio.TaskGroup() as tasks:
        feeding = tasks.create_task(feed())
        yield
        feeding.cancel()


async def _until_timed_out(database: Database, workspace: str, seconds: float) -> None:
    """Return after the first time-out, in `seconds` at the earliest. Raises `Miscounted` without one."""
    await asyncio.sleep(seconds)
    deadline = time.monotonic() + LONGEST_SECONDS
    while not await has_timed_out(database, workspace):
        if time.monotonic() > deadline:
            raise Miscounted("no try of the endpoint that hangs timed out")
        await asyncio.sleep(0.5)


async def has_timed_out(database: Database, workspace: str) -> bool:
    """Has a try of the endpoint that hangs?"""
    sql = """
        select exists (
            select from webhook_attempts
            where workspace_id = $1 and endpoint_id = $2 and error_class = 'timeout'
        )
    """
    return bool(await database.fetchval(sql, workspace, HANGING[1:]))


async def _waiting(ground: Ground, database: Database, *, quick: bool) -> list[Pair]:
    """One backlog with no rows beside it, one with some, one with a million."""
    events = QUICK_EVENTS if quick else EVENTS
    some, million = (QUICK_SOME, QUICK_MILLION) if quick else (SOME, MILLION)
    workspaces: list[str] = []

    async def measure(rows: int) -> Delivered:
        async def prepare(workspace: str) -> None:
            workspaces.append(workspace)
            await park(ground, database, workspace, rows)

        return await deliver(ground, database, endpoints=1, workers=1, events=events, prepare=prepare)

    none, beside_some, beside_million = await measure(0), await measure(some), await measure(million - some)
    await check_waiting(database, workspaces, million)
    found = [Pair(WAITING, none.per_second, beside_some.per_second)]
    if usage.IS_KNOWN:
        return [*found, Pair(MEMORY, none.peak_mb, beside_million.peak_mb)]
    print("  skipped: this system does not tell the memory of other processes", flush=True)
    return found


async def park(ground: Ground, database: Database, workspace: str, rows: int) -> None:
    """Rows that are due in an hour: other campaigns' to the measured endpoint, and as many to another one."""
    away = Endpoint("away", "http://127.0.0.1:9/", event_types=[CREATED])  # the backlog has none of these
    await make(ground, database, workspace, [away])
    async with database.connection() as connection:
        await connection.execute(_PARK, workspace, rows, PARTITIONS, timeout=LONGEST_FILL_SECONDS)
        await connection.execute("vacuum (analyze) webhook_waiting", timeout=LONGEST_FILL_SECONDS)


async def check_waiting(database: Database, workspaces: Sequence[str], number: int) -> None:
    """Raises `Miscounted` where the rows were touched: then the figures are not of rows that wait."""
    found = await database.fetchval(
        "select count(*) from webhook_waiting"
        " where workspace_id = any($1::text[]) and tries = 1 and due_at > now() and not sending",
        list(workspaces),
    )
    if found != number:
        raise Miscounted(f"{found:,} deliveries wait, not {number:,}")


_PARK = """
    insert into webhook_waiting
        (workspace_id, campaign_id, endpoint_id, version, event_id, event_type, occurred_at, partition,
         tries, due_at, body)
    select $1, 'waiting-' || number, case number % 2 when 0 then 'e1' else 'away' end, 1, uuidv7(),
           'CampaignUpdated', now(), number / 2 % $3::int, 1, now() + interval '1 hour',
           convert_to(repeat('x', 200), 'UTF8')
    from generate_series(1, $2::int) number
"""
