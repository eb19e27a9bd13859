"""One backlog, delivered to the last audit row: how fast, and what it cost. It stands only if it is whole."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from famedash.infra.database import Database
from famedash.processes.bench import usage
from famedash.processes.bench.backlog import check, new_backlog, truth
from famedash.processes.bench.endpoints import Endpoint, make
from famedash.processes.bench.ground import Ground, SinkAddress, open_sink, worker_is_ready

VERSIONS = 20
LONGEST_SECONDS = 120.0

Prepare = Callable[[str], Awaitable[None]]
"""Called with the workspace of a backlog before anything runs."""


@dataclass(frozen=True)
class Delivered:
    """`cpu_seconds` per 1,000 deliveries: workers, relay and both stores, from the first POST on.

    Zero, like `peak_mb` of the worker that took most, where the system does not tell.
    """

    per_second: float
    cpu_seconds: float
    peak_mb: float


@dataclass(frozen=True)
class Running:
    workers: list[int]
    relay: int


def paths(number: int) -> list[str]:
    return [f"/e{each}" for each in range(1, number + 1)]


def endpoints_at(sink: SinkAddress, number: int) -> list[Endpoint]:
    return [Endpoint(path[1:], f"{sink.url}{path}") for path in paths(number)]


@asynccontextmanager
async def delivering(
    ground: Ground, database: Database, workers: int, **settings: object
) -> AsyncIterator[Running]:
    """Workers that own every partition, then the relay."""
    async with AsyncExitStack() as stack:
        deliverers = [
            await stack.enter_async_context(ground.product("deliver", **settings)) for _ in range(workers)
        ]
        await worker_is_ready(database, workers)
        relay = await stack.enter_async_context(ground.product("relay"))
        yield Running([worker.pid for worker in deliverers], relay.pid)


async def deliver(
    ground: Ground,
    database: Database,
    *,
    endpoints: int,
    workers: int,
    events: int,
    prepare: Prepare | None = None,
) -> Delivered:
    """The clock runs from the first POST at the sink until the last audit row is committed."""
    backlog = new_backlog(max(1, events // VERSIONS))
    async with open_sink(ground) as sink:
        await make(ground, database, backlog.workspace, endpoints_at(sink, endpoints))
        await backlog.grow(database, VERSIONS)
        if prepare:
            await prepare(backlog.workspace)
        await settle(database)
        number = backlog.events * endpoints
        async with delivering(ground, database, workers) as running:
            await received(sink, 1)
            before = _cpu_seconds(ground, running)
            ended_at = await all_audited(database, sink, backlog.workspace, number)
            cost = (_cpu_seconds(ground, running) - before) / number * 1000
            peak = max(map(usage.peak_mb, running.workers)) if usage.IS_KNOWN else 0.0
        seen = await sink.seen()
    written = await truth(database, backlog.workspace)
    for path in paths(endpoints):
        check(written, seen.ids_at(path))
    return Delivered(number / (ended_at - seen.at[0]), cost, peak)


def _cpu_seconds(ground: Ground, running: Running) -> float:
    stores = [pid for pid in (ground.postgres.pid, ground.valkey.pid) if pid is not None]
    return usage.cpu_seconds([*running.workers, running.relay, *stores]) if usage.IS_KNOWN else 0.0


async def settle(database: Database) -> None:
    """What was written before is on disk: what is measured next does not pay for it."""
    async with database.connection() as connection:
        await connection.execute("checkpoint", timeout=LONGEST_SECONDS)


async def received(sink: SinkAddress, number: int, *, look_seconds: float = 0.01) -> None:
    """Return once the sink has so many POSTs."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while await sink.count() < number:
        _not_after(deadline)
        await asyncio.sleep(look_seconds)


async def all_audited(database: Database, sink: SinkAddress, workspace: str, number: int) -> float:
    """When the last audit row could be read (monotonic). PostgreSQL is asked only after the last POST."""
    await received(sink, number, look_seconds=0.02)
    deadline = time.monotonic() + LONGEST_SECONDS
    while await _audited(database, workspace) < number:
        _not_after(deadline)
        await asyncio.sleep(0.002)
    return time.monotonic()


async def _audited(database: Database, workspace: str) -> int:
    sql = "select count(*) from webhook_attempts where workspace_id = $1 and status = 'delivered'"
    return int(await database.fetchval(sql, workspace))


def _not_after(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise RuntimeError(f"the backlog was not delivered within {LONGEST_SECONDS:.0f} s")
