"""Durable `POST /campaigns` a second beside a FastAPI route that only validates; same server, same load."""

import json
from asyncio.subprocess import Process
from contextlib import AbstractAsyncContextManager

from famedash.infra.embedded import free_port
from famedash.processes.bench.ground import CAMPAIGN, Ground, answers, listens, open_ground
from famedash.processes.bench.report import Figure, Pair

CONNECTIONS = 32
SECONDS, QUICK_SECONDS = 8, 1

PER_SECOND = Figure(
    name=f"durable POST /campaigns/s, {CONNECTIONS} connections",
    limit="an empty validated FastAPI POST",
    unit="/s",
    reach="≥ 0.18",
    score=lambda limit, product: product / limit,
    reached=lambda score: score >= 0.18,
)


async def pair(*, quick: bool) -> list[Pair]:
    seconds = QUICK_SECONDS if quick else SECONDS
    async with open_ground() as ground:
        port = free_port()
        limit = await _rate(ground, ground.own("empty_api", port), port, seconds)
        product = await _rate(ground, ground.product("api", port=port), port, seconds)
    return [Pair(PER_SECOND, limit, product)]


async def _rate(
    ground: Ground, server: AbstractAsyncContextManager[Process], port: int, seconds: int
) -> float:
    """Requests a second; every one of them must be answered with 2xx."""
    async with server:
        await listens(port)
        arguments = (port, "/campaigns", CONNECTIONS, seconds, ground.token())
        async with ground.own("load", *arguments) as load:
            found = json.loads(await answers(load, json.dumps(CAMPAIGN).encode()))
    if found["failed"]:
        raise RuntimeError(f"{found['failed']} requests were not answered with 2xx")
    return float(found["per_second"])
