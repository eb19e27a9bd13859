"""When every event is a write over HTTP: how many are delivered a second, and how soon after the answer.

`port` is that of the API, which runs already.
"""

import json
import time

import aiohttp

from famedash.infra.database import Database
from famedash.infra.ids import uuid7
from famedash.processes.bench.backlog import check, truth
from famedash.processes.bench.delivered import all_audited, delivering, endpoints_at, paths
from famedash.processes.bench.endpoints import make
from famedash.processes.bench.ground import CAMPAIGN, WORKSPACE, Ground, answers, open_sink
from famedash.processes.bench.latency import open_loop, percentile, receipts

CONNECTIONS = 32


async def patched_per_second(
    ground: Ground, database: Database, port: int, *, endpoints: int, workers: int, seconds: int
) -> float:
    """Deliveries of `PATCH /campaigns/{id}`, from the first at the sink to the last audit row."""
    workspace = f"bench-{uuid7()}"
    async with open_sink(ground) as sink, delivering(ground, database, workers):
        await make(ground, database, workspace, endpoints_at(sink, endpoints))
        async with _client(ground, workspace) as session:
            campaigns = [await _create(session, port) for _ in range(CONNECTIONS)]
        created = CONNECTIONS * endpoints
        await all_audited(database, sink, workspace, created)
        arguments = (port, seconds, ground.token(workspace))
        async with ground.own("patches", *arguments) as load:
            found = json.loads(await answers(load, "\n".join(campaigns).encode()))
        if found["failed"]:
            raise RuntimeError(f"{found['failed']} requests were not answered with 2xx")
        number = found["answered"] * endpoints
        ended_at = await all_audited(database, sink, workspace, created + number)
        seen = await sink.seen()
    written = await truth(database, workspace)
    for path in paths(endpoints):
        check(written, seen.ids_at(path))
    return float(number / (ended_at - seen.at[created]))


async def answered_to_received(
    ground: Ground, database: Database, port: int, *, seconds: int, per_second: int
) -> tuple[float, float]:
    """Of `POST /campaigns`, p50 and p99 in ms; the writes of the first second are not counted.

    Less than zero: it was there before its writer had the answer.
    """
    answered: dict[str, float] = {}

    async def write() -> None:
        campaign_id = await _create(session, port)
        answered[campaign_id] = time.monotonic()

    async with (
        open_sink(ground) as sink,
        delivering(ground, database, 1, webhook_url=f"{sink.url}/campaign"),
        _client(ground, WORKSPACE) as session,
    ):
        await open_loop(1, write, per_second)
        await receipts(database, sink, answered)
        answered.clear()
        await open_loop(seconds, write, per_second)
        received = await receipts(database, sink, answered)
    delays = [(received[campaign] - at) * 1000 for campaign, at in answered.items()]
    return percentile(delays, 50), percentile(delays, 99)


def _client(ground: Ground, workspace: str) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(headers={"Authorization": f"Bearer {ground.token(workspace)}"})


async def _create(session: aiohttp.ClientSession, port: int) -> str:
    """Its id. Raises where it is not created."""
    async with session.post(f"http://127.0.0.1:{port}/campaigns", json=CAMPAIGN) as response:
        response.raise_for_status()
        return str((await response.json())["id"])
