"""`famedash bench [NAME]`: five alternating pairs of limit and product for each benchmark, then the table."""

import asyncio
import platform
from datetime import UTC, datetime

from famedash.infra.auth.settings import Misconfigured
from famedash.processes.bench import api, deliver, latency
from famedash.processes.bench.report import Pair, line, table

BENCHMARKS = {"deliver": deliver.pair, "latency": latency.pair, "api": api.pair}
PAIRS = 5
LONGEST_PAIR_SECONDS = 300


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
    for number in range(1, pairs + 1):
        print(f"{name}: pair {number} of {pairs}", flush=True)
        async with asyncio.timeout(LONGEST_PAIR_SECONDS):
            found = await BENCHMARKS[name](quick=quick)
        print("\n".join(map(line, found)), flush=True)
        measured += found
    return measured


def _circumstances(quick: bool) -> str:
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    short = "; one short pair, which says nothing about speed" if quick else ""
    return f"{when}, Python {platform.python_version()}, {platform.system()} {platform.machine()}{short}"
