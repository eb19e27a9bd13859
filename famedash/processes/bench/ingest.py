"""Events a second from the log into PostgreSQL, beside what only reads, only computes, or counts otherwise.

The limit, the twins and the product read the same streams, one after the other, on one pair of servers; the
product counts into empty tables each time.
"""

import json
from datetime import UTC, datetime
from importlib.util import find_spec

from famedash.processes.bench import counted, events, freshness
from famedash.processes.bench.fill import fill
from famedash.processes.bench.ground import Ground, answers, open_ground
from famedash.processes.bench.report import Figure, Pair
from famedash.processes.bench.stream import Stream, make

EVENTS, QUICK_EVENTS = 1_000_000, 10_000
CAMPAIGNS, MORE_CAMPAIGNS = 1_000, (10_000, 100_000)
EACH = 500
NAIVE_SECONDS, QUICK_NAIVE_SECONDS = 5.0, 0.2

Found = dict[str, float]


def _figure(name: str, limit: str, least: float, *, reach: str = "") -> Figure:
    return Figure(
        name=name,
        limit=limit,
        unit="/s",
        reach=reach or f"≥ {least}",
        score=lambda limit, product: product / limit,
        reached=lambda score: score >= least,
    )


DRAIN = "XREAD and hiredis, nothing done"
BYTEWAX = "Bytewax, keyed count in memory"
SINGLY = _figure("events/s, 1 an entry", DRAIN, 0.25)
SINGLY_FULL = _figure("events/s, 1 an entry, with creators and hashtags", DRAIN, 0.12)
TOGETHER = _figure(f"events/s, {EACH} an entry", "decode, validate, dedupe, add up in memory", 0.4)
NAIVELY = _figure("events/s, 1 an entry", "a transaction for each event", 200, reach="≥ 200 ×")
PEER = _figure("events/s, 1 an entry", BYTEWAX, 1.0)
PEER_FULL = _figure("events/s, 1 an entry, with creators and hashtags", BYTEWAX, 0.5)
WIDER = [
    Figure(
        name=f"time per event, {campaigns:,} campaigns",
        limit=f"{CAMPAIGNS:,} campaigns",
        unit=" us",
        reach="≤ 2 ×",
        score=lambda limit, product: product / limit,
        reached=lambda score: score <= 2,
        score_unit=" ×",
        digits=2,
    )
    for campaigns in MORE_CAMPAIGNS
]


async def pair(*, quick: bool) -> list[Pair]:
    number = QUICK_EVENTS if quick else EVENTS
    async with open_ground() as ground:
        stream = make(number, campaigns=CAMPAIGNS, now=datetime.now(UTC))
        ends = await fill(ground.endpoints.redis_url, stream)
        drain = _rate(await _own(ground, "drain", ground.endpoints.redis_url), stream.size)
        bytewax = await _bytewax(ground, stream)
        naive = await _naive(ground, QUICK_NAIVE_SECONDS if quick else NAIVE_SECONDS)
        singly = await counted.events_per_second(ground, stream, ends)
        ends = await fill(ground.endpoints.redis_url, stream)
        full = await counted.events_per_second(ground, stream, ends, creators=True, hashtags=True)
        ends = await fill(ground.endpoints.redis_url, stream, each=EACH)
        transform = await _transform(ground, stream)
        together = await counted.events_per_second(ground, stream, ends)
        del stream
        wider = [await _wide(ground, number, campaigns) for campaigns in MORE_CAMPAIGNS]
        fresh = await freshness.pair(ground, quick=quick)
        accepted = await events.pair(ground, quick=quick)
    pairs = [Pair(SINGLY, drain, singly), Pair(SINGLY_FULL, drain, full), Pair(TOGETHER, transform, together)]
    pairs.append(Pair(NAIVELY, naive, singly))
    if bytewax is not None:
        pairs += [Pair(PEER, bytewax, singly), Pair(PEER_FULL, bytewax, full)]
    pairs += [Pair(figure, 1e6 / singly, 1e6 / wide) for figure, wide in zip(WIDER, wider, strict=True)]
    return [*pairs, fresh, accepted]


async def _wide(ground: Ground, number: int, campaigns: int) -> float:
    stream = make(number, campaigns=campaigns, now=datetime.now(UTC))
    ends = await fill(ground.endpoints.redis_url, stream)
    return await counted.events_per_second(ground, stream, ends)


async def _transform(ground: Ground, stream: Stream) -> float:
    found = await _own(ground, "transform", ground.endpoints.redis_url)
    if (found["repeated"], found["broken"]) != (stream.repeated, stream.broken):
        raise counted.Miscounted("the transform alone does not find what the log holds")
    return _rate(found | {"number": sum(found[n] for n in ("counted", "repeated", "broken"))}, stream.size)


async def _bytewax(ground: Ground, stream: Stream) -> float | None:
    if find_spec("bytewax") is None:
        print("  skipped: Bytewax is not installed (pip install 'famedash[bench]')", flush=True)
        return None
    found = await _own(ground, "bytewax_flow", ground.endpoints.redis_url)
    return _rate(found | {"number": found["number"] + stream.broken}, stream.size)


async def _naive(ground: Ground, seconds: float) -> float:
    endpoints = ground.endpoints
    found = await _own(ground, "naive", endpoints.database_url, endpoints.redis_url, seconds)
    return found["number"] / found["seconds"]


async def _own(ground: Ground, name: str, *arguments: object) -> Found:
    """What one of our programs printed."""
    async with ground.own(name, *arguments) as program:
        found: Found = json.loads(await answers(program, b""))
    return found


def _rate(found: Found, number: int) -> float:
    if found["number"] != number:
        raise RuntimeError(f"{found['number']:,} of {number:,} lines were read")
    return found["number"] / found["seconds"]
