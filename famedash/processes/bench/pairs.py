"""`famedash bench [NAME]`: five alternating pairs of limit and product for each benchmark, then the table."""

import asyncio
import platform
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Protocol

from famedash.infra.auth.settings import Misconfigured
from famedash.processes.bench import api, briefs, deliver, etl, ingest, isolation, latency, metrics
from famedash.processes.bench.report import Pair, line, table

PAIRS = 5
LONGEST_PAIR_SECONDS = 1200
"""What the first one prepares for all of them included."""


class Measure(Protocol):
    def __call__(self, *, quick: bool) -> Awaitable[list[Pair]]: ...


class Rounds(Protocol):
    def __call__(self, number: int, *, quick: bool) -> AsyncGenerator[list[Pair], None]: ...


def anew(measure: Measure) -> Rounds:
    """Rounds that share nothing."""

    async def rounds(number: int, *, quick: bool) -> AsyncGenerator[list[Pair], None]:
        for _ in range(number):
            yield await measure(quick=quick)

    return rounds


BENCHMARKS: dict[str, Rounds] = {
    "deliver": anew(deliver.pair),
    "isolation": anew(isolation.pair),
    "latency": anew(latency.pair),
    "api": anew(api.pair),
    "ingest": anew(ingest.pair),
    "metrics": metrics.rounds,
    "etl": etl.rounds,
    "briefs": briefs.rounds,
}


async def run(name: str | None, *, quick: bool) -> None:
    """Measure one benchmark or all. Asserts nothing about time: it prints. `quick`: one short pair."""
    if name is not None and name not in BENCHMARKS:
        raise Misconfigured(f"No such benchmark: {name}; there are {', '.join(BENCHMARKS)}.")
    measured: list[Pair] = []
    for each in [name] if name else BENCHMARKS:
        measured += await _measure(each, 1 if quick else PAIRS, quick=quick)
    print(f"\n{_circumstances(quick)}\n\n{table(measured)}")


async def _measure(name: str, pairs: int, *, quick: bool) -> list[Pair]:
    measured: list[Pair] = []
    async with aclosing(BENCHMARKS[name](pairs, quick=quick)) as rounds:
        for number in range(1, pairs + 1):
            print(f"{name}: pair {number} of {pairs}", flush=True)
            async with asyncio.timeout(LONGEST_PAIR_SECONDS):
                found = await anext(rounds)
            print("\n".join(map(line, found)), flush=True)
            measured += found
    return measured


def _circumstances(quick: bool) -> str:
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    short = "; one short pair, which says nothing about speed" if quick else ""
    return f"{when}, Python {platform.python_version()}, {platform.system()} {platform.machine()}{short}"
