"""`famedash etl` as a child of the API: one file that came over HTTP, one process.

A file can neither hold up the API's loop nor take its memory; and the child does not outlive the API.
"""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, Process
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from signal import SIGKILL, SIGTERM

import structlog

from famedash.infra.embedded import DeadMansSwitch
from famedash.performers.inbox import Arrival, Launch
from famedash.processes.child_output import Output
from famedash.processes.settings import Settings

STOP_SECONDS = 4.0  # the API has 10 in all
LAST_WORDS_SECONDS = 0.5
LAST_LINES = 40
SETTLED = (0, 2, 3)
"""Exit codes of `famedash etl` that say: the load's row tells the outcome."""

_log = structlog.get_logger()


def launcher(settings: Settings) -> Launch:
    """`settings` have both addresses."""
    environment = child_environment(settings, os.environ)

    async def launch(arrival: Arrival) -> None:
        lines: deque[str] = deque(maxlen=LAST_LINES)
        code = await _run(_command(arrival), environment, lines)
        if code not in SETTLED:
            _log.warning(
                "import.process_failed", import_id=str(arrival.import_id), code=code, said="\n".join(lines)
            )

    return launch


def child_environment(settings: Settings, ours: Mapping[str, str]) -> dict[str, str]:
    """What a load needs of our settings, and no secret of ours: it verifies and signs nothing."""
    given = {
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "DATA_DIR": str(settings.data_path),
        "LOG_FORMAT": settings.log_format,
        "LOG_LEVEL": settings.log_level,
    }
    inherited = {
        name: value
        for name, value in ours.items()
        if not name.startswith("FAMEDASH_") and name != "PROMETHEUS_MULTIPROC_DIR"
    }
    return inherited | {f"FAMEDASH_{name}": value for name, value in given.items()}


def _command(arrival: Arrival) -> list[str]:
    options = arrival.options
    return [
        *(sys.executable, "-m", "famedash", "etl", str(arrival.path)),
        f"--workspace={arrival.workspace}",
        f"--import-id={arrival.import_id}",
        f"--max-reject-percent={options.most_rejects_percent}",
        *(["--human-numbers"] if options.human_numbers else []),
    ]


async def _run(argv: list[str], environment: Mapping[str, str], lines: deque[str]) -> int:
    """Its exit code. Cancelled, we end it first; killed, the switch does."""
    output = await Output.open()
    try:
        with DeadMansSwitch() as switch:
            process = await asyncio.create_subprocess_exec(
                *argv,
                env=environment,
                stdin=DEVNULL,
                stdout=DEVNULL,
                stderr=output.writing_end,
                start_new_session=True,
            )
            switch.watch(process.pid, SIGTERM)
            output.pass_on(lines.append)
            try:
                return await process.wait()
            finally:
                await _end(process)
                switch.forget(process.pid)
    finally:
        await output.close(LAST_WORDS_SECONDS)


async def _end(process: Process) -> None:
    """It settles its load within `STOP_SECONDS`, or is killed."""
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        process.send_signal(SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.send_signal(SIGKILL)
        await process.wait()
