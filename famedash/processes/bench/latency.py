"""From the return of a commit to the receiver, at 200 campaign writes a second; the limit is the commit."""

import asyncio
import time
from collections.abc import Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass, field

from famedash.campaigns import service as campaigns
from famedash.campaigns.model import Plan
from famedash.campaigns.schemas import NewCampaign
from famedash.infra.database import Database, open_database
from famedash.infra.log.poke import Poke
from famedash.infra.redis import open_redis
from famedash.processes.bench.backlog import truth
from famedash.processes.bench.ground import (
    CAMPAIGN,
    WORKSPACE,
    Ground,
    SinkAddress,
    open_ground,
    open_sink,
    worker_is_ready,
)
from famedash.processes.bench.report import Figure, Pair

WRITES_PER_SECOND = 200
SECONDS, QUICK_SECONDS = 10, 2
LONGEST_SECONDS = 30.0

P50 = Figure(
    name="commit → received, p50, 200 writes/s",
    limit="p50 of COMMIT",
    unit=" ms",
    reach="≤ limit + 3 ms",
    score=lambda limit, product: product - limit,
    reached=lambda score: score <= 3,
    score_unit=" ms",
    digits=2,
)
P99 = Figure(
    name="commit → received, p99, 200 writes/s",
    limit="p99 of COMMIT",
    unit=" ms",
    reach="≤ 2 × limit + 10 ms",
    score=lambda limit, product: product - 2 * limit,
    reached=lambda score: score <= 10,
    score_unit=" ms",
    digits=2,
)


@dataclass
class Written:
    """Per campaign: when its commit returned (monotonic), and how long the COMMIT took, in seconds."""

    at: dict[str, float] = field(default_factory=dict)
    took: list[float] = field(default_factory=list)


async def pair(*, quick: bool) -> list[Pair]:
    async with open_ground() as ground, open_sink(ground) as sink:
        commits, delays = await _measure(ground, sink, QUICK_SECONDS if quick else SECONDS)
    return [
        Pair(P50, percentile(commits, 50), percentile(delays, 50)),
        Pair(P99, percentile(commits, 99), percentile(delays, 99)),
    ]


async def _measure(ground: Ground, sink: SinkAddress, seconds: int) -> tuple[list[float], list[float]]:
    """Two lists in ms; writes of the first second are not counted."""
    async with (
        open_database(ground.endpoints.database_url, application="bench") as database,
        open_redis(ground.endpoints.redis_url) as redis,
        ground.product("deliver", webhook_url=f"{sink.url}/campaign"),
        ground.product("relay"),
    ):
        poke = Poke(redis)
        database.listener = poke.request
        await worker_is_ready(database)
        await receipts(database, sink, (await _write(database, 1)).at)
        written = await _write(database, seconds)
        received = await receipts(database, sink, written.at)
        await poke.close()
    delays = [(received[campaign] - at) * 1000 for campaign, at in written.at.items()]
    return [took * 1000 for took in written.took], delays


async def _write(database: Database, seconds: int) -> Written:
    written = Written()
    plan = NewCampaign.model_validate(CAMPAIGN).plan()
    await open_loop(seconds, lambda: _write_one(database, plan, written))
    return written


async def open_loop(
    seconds: int, write: Callable[[], Coroutine[None, None, None]], per_second: int = WRITES_PER_SECOND
) -> None:
    """The next write begins when it is time, however long the last one takes."""
    began = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        for number in range(seconds * per_second):
            await asyncio.sleep(max(0.0, began + number / per_second - time.monotonic()))
            tasks.create_task(write())


async def _write_one(database: Database, plan: Plan, written: Written) -> None:
    async with database.transaction() as tx:
        campaign = await campaigns.create(tx, plan, workspace=WORKSPACE, actor="bench")
        asked_at = time.monotonic()
        tx.after_commit(lambda: _note(written, campaign.id, asked_at))


def _note(written: Written, campaign_id: str, asked_at: float) -> None:
    now = time.monotonic()
    written.at[campaign_id] = now
    written.took.append(now - asked_at)


async def receipts(database: Database, sink: SinkAddress, campaigns: Collection[str]) -> dict[str, float]:
    """When the sink received each campaign's event, once it has those of all of these."""
    deadline = time.monotonic() + LONGEST_SECONDS
    received: dict[str, float] = {}
    while not set(campaigns) <= received.keys():
        if time.monotonic() > deadline:
            raise RuntimeError(f"events were not delivered within {LONGEST_SECONDS:.0f} s")
        await asyncio.sleep(0.1)
        seen, written = await sink.seen(), await truth(database, WORKSPACE)
        for event_id, at in zip(seen.ids, seen.at, strict=True):
            received.setdefault(written[event_id][0], at)
    return received


def percentile(values: Sequence[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
