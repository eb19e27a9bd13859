"""`POST /events`, 500 a request: accepted events a second beside a script that does the same without HTTP."""

import json
from datetime import UTC, datetime

from famedash.infra.embedded import free_port
from famedash.infra.log.partitions import PARTITIONS
from famedash.infra.log.redis_log import stream_key
from famedash.metrics.model import TOPIC
from famedash.processes.bench import stream
from famedash.processes.bench.counted import Miscounted
from famedash.processes.bench.fill import take_away
from famedash.processes.bench.ground import WORKSPACE, Ground, answers, listens
from famedash.processes.bench.raw import Raw
from famedash.processes.bench.report import Figure, Pair

EACH = 500
CAMPAIGNS = 1_000
IN_FLIGHT = 8
SECONDS, QUICK_SECONDS = 8, 0.5

ACCEPTED = Figure(
    name=f"POST /events, {EACH} a request: events/s accepted",
    limit="decode and XADD, no HTTP",
    unit="/s",
    reach="≥ 0.5",
    score=lambda limit, product: product / limit,
    reached=lambda score: score >= 0.5,
)


async def pair(ground: Ground, *, quick: bool) -> Pair:
    seconds = QUICK_SECONDS if quick else SECONDS
    take_away(ground.endpoints.redis_url)
    limit = await _script(ground, seconds)
    take_away(ground.endpoints.redis_url)
    return Pair(ACCEPTED, limit, await _product(ground, seconds))


def body() -> bytes:
    """An array of `EACH` events of this minute, none of them broken."""
    author, at_ms = stream.Author(CAMPAIGNS), int(datetime.now(UTC).timestamp() * 1000)
    return b"[" + b",".join(author.write(index, at_ms).line for index in author.choose(EACH)) + b"]"


async def _script(ground: Ground, seconds: float) -> float:
    arguments = (ground.endpoints.redis_url, WORKSPACE, IN_FLIGHT, seconds)
    async with ground.own("append", *arguments) as append:
        found = json.loads(await answers(append, body()))
    check(ground.endpoints.redis_url, found["per_second"] * seconds)
    return float(found["per_second"]) * EACH


async def _product(ground: Ground, seconds: float) -> float:
    """Nothing counts meanwhile: what is accepted is in the log."""
    port = free_port()
    async with ground.product("api", port=port):
        await listens(port)
        arguments = (port, "/events", IN_FLIGHT, seconds, ground.token())
        async with ground.own("load", *arguments) as load:
            found = json.loads(await answers(load, body()))
    if found["failed"]:
        raise RuntimeError(f"{found['failed']} requests were not answered with 2xx")
    check(ground.endpoints.redis_url, found["per_second"] * seconds)
    return float(found["per_second"]) * EACH


def check(redis_url: str, requests: float) -> None:
    """Whole requests are in the log, and not fewer than were answered. Raises `Miscounted`."""
    redis = Raw(redis_url)
    lines = sum(
        fields[1].count(b"\n") + 1
        for partition in range(PARTITIONS)
        for _, fields in redis.ask("XRANGE", stream_key(TOPIC, partition), "-", "+")
    )
    if lines % EACH or lines < round(requests) * EACH:
        raise Miscounted(f"the log holds {lines:,} events, {round(requests) * EACH:,} were accepted")
