"""Whole commands by the clock, each in a process of its own, started by a small one that watches it."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from famedash.processes.bench.ground import Ground, answers, running


@dataclass(frozen=True)
class Took:
    """Wall seconds, peak bytes of resident memory, and what the command printed."""

    seconds: float
    peak_bytes: int
    said: str


async def clock(ground: Ground, *command: object, environment: Mapping[str, str]) -> Took:
    """Raises where the command fails."""
    module = "famedash.processes.bench.timed"
    async with running(
        ground.switch, module, *command, folder=ground.folder, environment=environment
    ) as program:
        return Took(**json.loads(await answers(program, b"")))


async def clock_product(ground: Ground, *arguments: object) -> Took:
    """`python -m famedash ARGUMENTS...` on the ground's running servers."""
    command = (sys.executable, "-m", "famedash", *arguments)
    return await clock(ground, *command, environment=ground.environment())
