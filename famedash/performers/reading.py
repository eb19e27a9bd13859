"""A whole file, part by part on all cores: groups, tally, and its rejected lines in order."""

import os
import secrets
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from mmap import ACCESS_READ, mmap
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from famedash.performers import scan
from famedash.performers.groups import Accumulator, Collision, Groups, SumTooLarge
from famedash.performers.header import Header
from famedash.performers.model import Progress, Tally, UnreadableFile
from famedash.performers.rejects import Rejects
from famedash.performers.scan import Plan, Scanned

THREADS = max(1, min(8, os.cpu_count() or 1))
_AHEAD = 2 * THREADS


@dataclass(frozen=True, slots=True)
class Read:
    """The pairs of a file, in groups, and the texts that were set aside."""

    groups: list[Groups]
    aside: memoryview
    tally: Tally

    @property
    def pairs(self) -> int:
        return sum(map(len, self.groups))


def read(
    path: str, header: Header, progress: Progress, rejects: Rejects, *, folder: Path, human: bool
) -> Read:
    """Read everything behind the header. `rejects` keeps the rejected lines, in order, as they come.
    `folder` is for a temporary file.

    Raises `UnreadableFile`, and `CalledOff`.
    """
    while True:
        plan = Plan(header.columns, human, secrets.randbits(64))
        progress.bytes_done, progress.tally = header.begins, Tally(lines=1, header=1)
        try:
            with TemporaryFile(dir=folder) as aside:
                groups = _read(path, header.begins, plan, progress=progress, rejects=rejects, aside=aside)
                return Read(groups, _mapped(aside), progress.tally)
        except Collision:
            rejects.start_again()
        except SumTooLarge:
            raise UnreadableFile("The counts of a campaign's creator add up to more than 2^61.") from None


def _mapped(file: IO[bytes]) -> memoryview:
    file.flush()
    return memoryview(mmap(file.fileno(), 0, access=ACCESS_READ) if file.tell() else b"")


def _read(
    path: str, begins: int, plan: Plan, *, progress: Progress, rejects: Rejects, aside: IO[bytes]
) -> list[Groups]:
    progress.step = "reading"
    with ThreadPoolExecutor(THREADS, thread_name_prefix="scan") as threads:
        found = Accumulator(aside, threads.map)
        try:
            for end, part in _in_order(threads, path, scan.parts(path, begins, plan), plan, progress.go_on):
                before = progress.tally.lines
                if part.rejected:
                    rejects.keep([replace(each, line=before + 1 + each.line) for each in part.rejected])
                found.add(part.groups, part.aside)
                progress.tally.add(part.tally)
                progress.advance(end)
            return found.sum_up()
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise


def _in_order(
    threads: ThreadPoolExecutor,
    path: str,
    parts: Iterable[tuple[int, int]],
    plan: Plan,
    go_on: Callable[[], None],
) -> Iterator[tuple[int, Scanned]]:
    """The parts as they stand in the file, a few read ahead; each with where it ends."""
    waiting: deque[tuple[int, Future[Scanned]]] = deque()
    for start, end in parts:
        waiting.append((end, threads.submit(scan.scan, path, start, end, plan, go_on=go_on)))
        if len(waiting) > _AHEAD:
            yield _next(waiting)
    while waiting:
        yield _next(waiting)


def _next(waiting: deque[tuple[int, Future[Scanned]]]) -> tuple[int, Scanned]:
    end, future = waiting.popleft()
    return end, future.result()
