"""What processes cost, as Linux tells it: CPU seconds with their children's, and the peak of their memory."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

PROC = Path("/proc")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
IS_KNOWN = (PROC / "self/stat").exists()
"""Elsewhere than on Linux nobody tells."""


def cpu_seconds(roots: Iterable[int]) -> float:
    """User and system time of these processes and of all below them, those that have ended too."""
    found = dict(_stats())
    wanted, ticks = list(roots), 0
    while wanted:
        process = wanted.pop()
        ticks += sum(found[process][1])
        wanted += [child for child, (parent, _) in found.items() if parent == process]
    return ticks / TICKS_PER_SECOND


def peak_mb(process: int) -> float:
    """The most resident memory it has had."""
    lines = (PROC / str(process) / "status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def _stats() -> Iterator[tuple[int, tuple[int, list[int]]]]:
    """(pid, (parent, ticks)); the ticks: its own user and system, its ended children's user and system."""
    for folder in PROC.iterdir():
        if folder.name.isdigit():
            try:
                after_name = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # it has ended
                continue
            yield int(folder.name), (int(after_name[1]), [int(ticks) for ticks in after_name[11:15]])
