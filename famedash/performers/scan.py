"""`scan(path, start, end)`: what a part of a file says. The seam: any executor could drive it.

A part is cut where a row begins that is one by itself, so no record reaches across, and parts can be read in
any order. A record of many lines is at most `LONGEST_RECORD` long, so behind that much text without a quote
any line will do too. Where no such row is in sight, the strict parser says where a record ends.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import BinaryIO

import numpy as np

from famedash.performers import records, sure_rows
from famedash.performers.digits import Numbers, words_of
from famedash.performers.groups import Groups, Hashes, by_bucket, hashes, joined
from famedash.performers.model import (
    LONGEST_RAW,
    LONGEST_RECORD,
    Columns,
    Reason,
    Rejected,
    Row,
    Tally,
    UnreadableFile,
)
from famedash.performers.sure_rows import PAD, SureRows

_LINES_AT_ONCE = 4_096
PART = 1 << 22
"""Bytes. Measured from 0.25 to 8 MiB: threads get in each other's way below, and memory is wasted above."""
IN_SIGHT = 1 << 16
"""Bytes behind the wanted place in which a row by itself is looked for."""
_VECTORS_UP_TO = 32 << 20


@dataclass(frozen=True, slots=True)
class Plan:
    """How a file is read; `seed` of the pairs' hashes."""

    columns: Columns
    human: bool
    seed: int


@dataclass(slots=True)
class Scanned:
    """What a part says. Lines of `rejected` are counted from the start of the part, from 0.

    `aside`: the texts of rows that the strict parser read; `groups` say where in it.
    """

    groups: Groups
    aside: bytes
    tally: Tally
    rejected: list[Rejected]


def parts(path: str, begins: int, plan: Plan, *, size: int = PART) -> Iterator[tuple[int, int]]:
    """Where to cut: `(start, end)` of every part, from `begins` to the end of the file."""
    total = os.path.getsize(path)
    with open(path, "rb") as file:
        start = begins
        while start < total:
            end = _border(file, start, start + size, total, plan) if start + size < total else total
            yield start, end
            start = end


def scan(
    path: str,
    start: int,
    end: int,
    plan: Plan,
    *,
    strictly: bool = False,
    go_on: Callable[[], None] = lambda: None,
) -> Scanned:
    """Read one part. `strictly`: by the strict parser alone. `go_on` is called every few thousand lines that
    this parser reads, and may raise.

    Raises `UnreadableFile` for NUL bytes.
    """
    buffer = _buffer(path, start, end)
    if strictly or len(buffer) > _VECTORS_UP_TO:
        rest = _read_strictly(buffer, [_line_starts(buffer)], plan, go_on)
        return Scanned(by_bucket(rest.groups(plan)), rest.aside(), rest.tally, rest.rejected)
    sure = sure_rows.read(buffer, plan.columns)
    rest = _read_strictly(buffer, _gaps(sure), plan, go_on)
    found, flagged = _groups_of(sure, start - PAD, plan)
    rest.tally.lines += len(sure.lines)
    rest.tally.accepted += len(sure.lines)
    rest.tally.flagged += flagged
    groups = joined([found, rest.groups(plan)]) if rest.rows else found
    return Scanned(by_bucket(groups), rest.aside(), rest.tally, rest.rejected)


def _buffer(path: str, start: int, end: int) -> bytearray:
    """Whole lines between two pads; a last line without a newline gets one."""
    buffer = bytearray(PAD + end - start + 1 + PAD)
    with open(path, "rb", buffering=0) as file:
        file.seek(start)
        got = file.readinto(memoryview(buffer)[PAD : PAD + end - start])
    if got != end - start:
        raise UnreadableFile("The file became shorter while it was read.")
    if buffer.find(b"\0", PAD, PAD + end - start) >= 0:
        raise UnreadableFile("The file has NUL bytes in it: it is damaged, or no CSV.")
    if buffer[PAD + end - start - 1] == ord("\n"):
        del buffer[PAD + end - start]
    else:
        buffer[PAD + end - start] = ord("\n")
    return buffer


def _line_starts(buffer: bytearray) -> tuple[int, Numbers]:
    ends = np.flatnonzero(np.frombuffer(buffer, np.uint8) == ord("\n"))
    return 0, np.concatenate(([PAD], ends + 1))


def _gaps(sure: SureRows) -> Iterator[tuple[int, Numbers]]:
    """The runs of lines between the certain ones: the number of the first, and where each starts and the
    last one ends. A certain line is a row, so no record reaches across it.
    """
    lines = np.concatenate(([-1], sure.lines, [len(sure.starts) - 1]))
    for place in np.flatnonzero(np.diff(lines) > 1):
        first, behind = int(lines[place]) + 1, int(lines[place + 1])
        yield first, sure.starts[first : behind + 1]


@dataclass(slots=True)
class _Rest:
    """What the strict parser made of its lines."""

    tally: Tally
    rows: list[Row]
    rejected: list[Rejected]
    texts: list[bytes]

    def groups(self, plan: Plan) -> Groups:
        """The rows as columns, their texts set aside."""
        for row in self.rows:
            self.texts += [text.encode() for text in _texts_of(row, plan.columns)]
        each = 2 + sum(place is not None for place in plan.columns.texts)
        size = np.array([len(text) for text in self.texts], np.int64)
        end = np.cumsum(size)
        size, start = size.reshape(-1, each).T, (end - size).reshape(-1, each).T
        padded = b"".join([*self.texts, bytes(PAD)])
        ids = [(start[place], start[place] + size[place]) for place in range(2)]
        key, check = hashes(words_of(padded), ids, plan.seed)
        counts = np.array([row.counts for row in self.rows], np.int64).reshape(-1, 4).T
        return _columns(key, check, -1 - start, size, counts, keeps_texts=each > 2)

    def aside(self) -> bytes:
        return b"".join(self.texts)


def _read_strictly(
    buffer: bytearray, runs: Iterable[tuple[int, Numbers]], plan: Plan, go_on: Callable[[], None]
) -> _Rest:
    rest = _Rest(Tally(), [], [], [])
    tally = rest.tally
    for first, starts in runs:
        edges = starts.tolist()
        lines = [bytes(buffer[start : end - 1]) for start, end in pairwise(edges)]
        tally.lines += len(lines)
        for number, found in enumerate(records.read(lines, plan.columns, first=first, human=plan.human)):
            if number % _LINES_AT_ONCE == 0:
                go_on()
            if isinstance(found, Row):
                rest.rows.append(found)
                tally.accepted += 1
                tally.continuation += found.lines - 1
                tally.flagged += found.is_flagged
            elif isinstance(found, Rejected):
                rest.rejected.append(found)
                tally.rejected[found.reject.reason] += 1
            else:
                tally.blank += 1
    return rest


def _texts_of(row: Row, columns: Columns) -> list[str]:
    texts = [row.campaign_id, row.influencer_id]
    if columns.platform is not None:
        texts.append(row.platform or "")
    if columns.caption is not None:
        texts.append(row.caption or "")
    return texts


def _groups_of(sure: SureRows, offset: int, plan: Plan) -> tuple[Groups, int]:
    """The certain rows as columns, and how many are flagged; `offset` leads from the buffer to the file."""
    at = np.array([start for start, _ in sure.texts]) + offset
    size = np.array([end - start for start, end in sure.texts])
    key, check = hashes(sure.words, sure.texts[:2], plan.seed)
    counts = np.array(sure.counts)
    flagged = int(np.count_nonzero(counts[1] + counts[2] + counts[3] > counts[0]))
    return _columns(key, check, at, size, counts, keeps_texts=len(sure.texts) > 2), flagged


def _columns(
    key: Hashes, check: Hashes, at: Numbers, size: Numbers, counts: Numbers, *, keeps_texts: bool
) -> Groups:
    sums = np.empty((5, len(key)), np.int64)
    sums[0], sums[1:] = 1, counts
    best = (counts[1] + counts[2] + counts[3]) * 100.0 / counts[0] if keeps_texts else None
    return Groups(key, check, at, size.astype(np.int32), sums, best)


def _border(file: BinaryIO, start: int, target: int, total: int, plan: Plan) -> int:
    """The first safe place to cut at or behind `target`."""
    end = _behind_line(file, target, total)
    if not _has_quotes(file, max(start, end - LONGEST_RECORD), end):
        return end
    in_sight = end + IN_SIGHT
    while end < min(total, in_sight):
        file.seek(end)
        line = file.readline(LONGEST_RECORD + 2)
        if records.is_row(line.removesuffix(b"\n"), plan.columns, human=plan.human):
            return end
        end = _behind_line(file, end, total)
    return end if end == total else _behind_record(file, start, target, total, plan)


def _behind_record(file: BinaryIO, start: int, target: int, total: int, plan: Plan) -> int:
    """Where a record ends, by the strict parser from the start of the part on.

    Slow, and only needed where row after row takes many lines, or where there are none.
    """
    file.seek(start)
    lines = file.read(target - start + IN_SIGHT + LONGEST_RECORD).split(b"\n")[:-1]
    end, at = start, 0
    for found in records.read(lines, plan.columns, human=plan.human):
        first, at = at, at + (found.lines if isinstance(found, Row) else 1)
        end += sum(len(line) + 1 for line in lines[first:at])
        if end >= target and (_is_said_without_the_next(found) or end >= target + IN_SIGHT):
            return end
    return _behind_line(file, target, total)


def _is_said_without_the_next(found: Row | Rejected | records.Blank) -> bool:
    """Would the record be judged alike if the file ended with it? (A rejected one with a quote may not.)"""
    if not isinstance(found, Rejected) or found.reject.reason is Reason.UNBALANCED_QUOTE:
        return True
    return b'"' not in found.raw and len(found.raw) < LONGEST_RAW


def _behind_line(file: BinaryIO, inside: int, total: int) -> int:
    """Where the line behind the one at `inside` starts, or the end of the file."""
    file.seek(inside)
    while line := file.readline(LONGEST_RECORD):
        inside += len(line)
        if line.endswith(b"\n"):
            return inside
    return total


def _has_quotes(file: BinaryIO, start: int, end: int) -> bool:
    file.seek(start)
    return b'"' in file.read(end - start)
