"""Orphans of an earlier run: found by command line, not by a pid file, and ended before we start.

Needs the lock of the data dir: under it, whatever server names one of our paths has lost its parent.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from signal import SIGKILL, SIGQUIT, Signals

import structlog

from famedash.infra.embedded.data_dir import DataDirInUse

PROGRAMS = ("postgres", "initdb", "valkey-server", "redis-server")
PATIENCE_SECONDS = 5.0  # per signal

log = structlog.get_logger(__name__)


async def reap(mark: Path, signals: Sequence[Signals]) -> None:
    """End every server that names `mark` in its command line: each signal in turn, SIGKILL at last.

    Raises DataDirInUse where one of them is not ours to end, or does not end.
    """
    for pid in orphans(mark):
        log.warning("embedded.orphan_found", pid=pid, path=str(mark))
        await _end(pid, mark, (*signals, SIGKILL))


async def reap_backends(cluster: Path) -> None:
    """End what a killed postmaster or initdb left in the folder: without a path in their title, they stand
    in it. A backend that computes notices nothing, and PostgreSQL refuses to start beside it; initdb's child
    writes on while its folder is removed. Linux only (/proc).
    """
    for pid, command in processes():
        if _is_postgres(command) and _working_folder(pid) == str(cluster):
            log.warning("embedded.orphan_found", pid=pid, path=str(cluster))
            await _end(pid, cluster, (SIGQUIT, SIGKILL))


def orphans(mark: Path) -> list[int]:
    """The pids of the living server processes that name exactly this path."""
    return [pid for pid, command in processes() if names(command, mark)]


def names(command: str, mark: Path) -> bool:
    """Is this the command line of one of our server programs, on this path?"""
    return f" {mark} " in f"{command} " and any(f"/{program} " in command for program in PROGRAMS)


def processes() -> Iterator[tuple[int, str]]:
    """(pid, command line) of every process we may see; zombies and kernel threads have an empty one."""
    if sys.platform == "linux":
        for entry in os.listdir("/proc"):
            if entry.isdecimal():
                yield int(entry), _command_line(entry)
        return
    listing = subprocess.run(["/bin/ps", "-axww", "-o", "pid=,command="], capture_output=True, check=True)
    for line in listing.stdout.decode(errors="surrogateescape").splitlines():
        pid, _, command = line.strip().partition(" ")
        yield int(pid), command.strip()


def _command_line(pid: str) -> str:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return os.fsdecode(file.read().rstrip(b"\0").replace(b"\0", b" "))
    except OSError:  # it has just ended
        return ""


def _is_postgres(command: str) -> bool:
    return command.startswith("postgres: ") or "/postgres " in f"{command} "


def _working_folder(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return ""


async def _end(pid: int, mark: Path, signals: Sequence[Signals]) -> None:
    for signal in signals:
        try:
            os.kill(pid, signal)
        except ProcessLookupError:
            return
        except PermissionError as error:
            raise DataDirInUse(
                f"{mark} is used by process {pid} of another user. Stop it: sudo kill {pid}"
            ) from error
        if await _gone(pid):
            return
    raise DataDirInUse(f"{mark} is used by process {pid}, which does not end. Restart the machine.")


async def _gone(pid: int) -> bool:
    for _ in range(int(PATIENCE_SECONDS / 0.05)):
        if not dict(processes()).get(pid):
            return True
        await asyncio.sleep(0.05)
    return False
