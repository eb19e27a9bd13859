"""`POST /generate-brief`: a repeat from the cache, the composer beside its tools, our share beside a model's.

Clients run in a process of their own where the cache is measured, else here. Every cold request names a
brand and a product that are new: neither the cache nor the memory of the embedder has them.
"""

import json
import time
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime
from itertools import count
from statistics import median
from typing import Any

from famedash.briefs.schemas import NewBrief
from famedash.briefs.tools import Toolbox
from famedash.processes.bench.briefs_stage import DELAY_SECONDS, Stage, answering, open_stage
from famedash.processes.bench.counted import Miscounted
from famedash.processes.bench.ground import WORKSPACE, answers
from famedash.processes.bench.report import Figure, Pair

CLIENTS = 20
SECONDS, QUICK_SECONDS = 2, 1
COLD, QUICK_COLD = 24, 2
ASKED, QUICK_ASKED = 5, 1
REQUESTS_PER_BRIEF = 2
"""Of a model that does what it is asked: its calls of tools, and the brief."""
SPECIFIED_MS = 100.0
PATH = "/generate-brief"
REQUEST = {
    "brand": "Lumiario",
    "product": "Glow serum with niacinamide",
    "goal": "Launch it with people who like short routines",
    "platform": "instagram",
}
SYLLABLES = ("ba", "ko", "li", "mu", "ne", "ro", "sa", "ti", "va", "zo")


def _ratio(name: str, limit: str, most: float) -> Figure:
    return Figure(
        name=name,
        limit=limit,
        unit=" ms",
        reach=f"≤ {most:g} ×",
        score=lambda limit, product: product / limit,
        reached=lambda score: score <= most,
        score_unit=" ×",
        digits=2,
    )


REPEAT = _ratio("a repeat over HTTP, one client, p50", "an empty validated FastAPI POST", 2)
CROWD = Figure(
    name=f"a repeat over HTTP, {CLIENTS} clients at once, p99",
    limit="the specification's 100 ms",
    unit=" ms",
    reach="≤ 50 ms",
    score=lambda _, product: product,
    reached=lambda score: score <= 50,
    score_unit=" ms",
    digits=1,
)
COMPOSER = _ratio("composer over HTTP, cold, p50", "its three tools alone", 1.5)
OVERHEAD = _ratio(
    "a brief of a model server, cold", f"the server's own {DELAY_SECONDS * 1000:.0f} ms a request", 1.1
)


async def rounds(number: int, *, quick: bool) -> AsyncGenerator[list[Pair], None]:
    async with open_stage(quick=quick) as stage:
        new = _names()
        await _begin(stage, new)
        for _ in range(number):
            yield [
                *await _repeats(stage, QUICK_SECONDS if quick else SECONDS),
                await _beside_tools(stage, new, QUICK_COLD if quick else COLD),
                await _beside_model(stage, new, QUICK_ASKED if quick else ASKED),
            ]


async def _begin(stage: Stage, new: Callable[[], str]) -> None:
    """Whatever is loaded at the first question has been loaded; the repeat has something to repeat."""
    await _write(stage, stage.composing, REQUEST)
    await _beside_tools(stage, new, 1)
    await _beside_model(stage, new, 1)


async def _repeats(stage: Stage, seconds: int) -> list[Pair]:
    written = await _written(stage)
    limit = await _load(stage, stage.empty, 1, seconds)
    alone = await _load(stage, stage.composing, 1, seconds)
    await _load(stage, stage.composing, CLIENTS, 1)  # opens the connections that a crowd needs
    crowd = await _load(stage, stage.composing, CLIENTS, seconds)
    check_repeats(written, await _written(stage))
    return [Pair(REPEAT, limit["p50_ms"], alone["p50_ms"]), Pair(CROWD, SPECIFIED_MS, crowd["p99_ms"])]


async def _load(stage: Stage, port: int, clients: int, seconds: int) -> dict[str, float]:
    """Kept-alive connections, each with one request under way."""
    arguments = (port, PATH, clients, seconds, stage.ground.token())
    async with stage.ground.own("load", *arguments) as load:
        found: dict[str, float] = json.loads(await answers(load, json.dumps(REQUEST).encode()))
    if found["failed"]:
        raise RuntimeError(f"{found['failed']} requests were not answered with 2xx")
    return found


async def _written(stage: Stage) -> int:
    return int(
        await stage.database.fetchval("select count(*) from briefs where workspace_id = $1", WORKSPACE)
    )


def check_repeats(before: int, after: int) -> None:
    """Raises `Miscounted` where briefs were written. One may be: at midnight, UTC, each is a new one."""
    if after - before > 1:
        raise Miscounted(f"{after - before} briefs were written that should have been repeated")


async def _beside_tools(stage: Stage, new: Callable[[], str], number: int) -> Pair:
    """In turn, so that whatever else this machine does slows both."""
    alone, whole = [], []
    for _ in range(number):
        alone.append(await _use_tools(stage, _request(new())))
        whole.append(await _write(stage, stage.composing, _request(new())))
    return Pair(COMPOSER, median(alone), median(whole))


async def _use_tools(stage: Stage, request: dict[str, str]) -> float:
    """How long all three took, in ms."""
    ask = NewBrief.model_validate(request).ask()
    began = time.monotonic()
    findings = await Toolbox(stage.tools, WORKSPACE, ask, datetime.now(UTC).date()).complete()
    took = (time.monotonic() - began) * 1000
    check_tools([{"error": call.error} for call in findings.calls])
    return took


async def _beside_model(stage: Stage, new: Callable[[], str], number: int) -> Pair:
    before, times = len(stage.provider.chats), []
    for _ in range(number):
        request = _request(new())
        stage.provider.behaviour = answering(
            f"A minute with {request['brand']}. Which step do you never skip?"
        )
        times.append(await _write(stage, stage.asking, request))
    requests = len(stage.provider.chats) - before
    check_requests(requests, number)
    return Pair(OVERHEAD, requests * DELAY_SECONDS * 1000 / number, sum(times) / number)


def check_requests(requests: int, briefs: int) -> None:
    """Raises `Miscounted` where a brief took more or fewer: our share would seem another."""
    if requests != briefs * REQUESTS_PER_BRIEF:
        raise Miscounted(f"{briefs} briefs took {requests} requests, not {REQUESTS_PER_BRIEF} each")


async def _write(stage: Stage, port: int, request: dict[str, str]) -> float:
    """How long a brief took that was in no cache, in ms."""
    began = time.monotonic()
    async with stage.http.post(f"http://127.0.0.1:{port}{PATH}", json=request) as response:
        body = await response.read()
    took = (time.monotonic() - began) * 1000
    if response.status != 200 or response.headers["X-Cache"] != "MISS":
        raise Miscounted(f"no new brief was written: {response.status} {body[:200]!r}")
    check_tools(json.loads(body)["toolCalls"])
    return took


def check_tools(calls: list[dict[str, Any]]) -> None:
    """Raises `Miscounted` where a tool was not called, or failed: that is quick."""
    if len(calls) != 3 or any(call["error"] for call in calls):
        raise Miscounted(f"not every tool did its work: {calls}")


def _request(name: str) -> dict[str, str]:
    return REQUEST | {"brand": name, "product": f"{name} glow serum"}


def _names() -> Callable[[], str]:
    """A new name at each call."""
    numbers = count(1000)
    return lambda: "".join(SYLLABLES[int(digit)] for digit in str(next(numbers))).capitalize()
