"""Performance files as creators' tools export them, seeded, and what must become of each line. Pure.

`lines` is an oracle: it knows no parser. `text` is the same file in blocks, and without malformed lines it is
fast: a microsecond a row. The same arguments give the same bytes.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from random import Random
from typing import NamedTuple

from famedash.practice.engagement import Draw
from famedash.practice.performance_cases import Case, cases, leaves_open
from famedash.practice.performance_layout import (
    REQUIRED,
    Accepted,
    Draft,
    Expected,
    Kind,
    Layout,
    Pen,
)
from famedash.practice.performance_rows import blocks, written

BATCH = 50_000
MALFORMED = 0.02
HUGE_BYTES = 5_000
"""More characters than are kept of a caption; from 1 MiB on a line is rejected for it."""

ALL_COLUMNS = Layout()
WITHOUT_TEXTS = Layout(REQUIRED)


class Line(NamedTuple):
    """A line with its end, what must become of it, and the name of its case; '' where nothing is special."""

    text: bytes
    expected: Expected
    case: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What file to make. `malformed`: the part of its rows that are cases, malformed or awkward; all cases
    stand also together at its start, middle and end; 0 for a clean file.

    `pairs` of (campaign, creator) to draw from (where None, as many as rows: then a third of the rows repeat
    one). With `border_every`, in bytes of the file, a case lies on each of these borders
    and another one behind it.
    """

    rows: int
    seed: int
    malformed: float = MALFORMED
    layout: Layout = ALL_COLUMNS
    pairs: int | None = None
    border_every: int = 0
    huge_bytes: int = HUGE_BYTES


def lines(plan: Plan) -> Iterator[Line]:
    """The file line by line, from its header on; accepted and rejected lines together are `plan.rows`."""
    last: Line | None = None
    for line in chain([Line(_header(plan.layout), Kind.HEADER)], _Composer(plan).lines()):
        if last:
            yield last
        last = line
    if last:
        bare = last.text if plan.layout.ends_in_newline else last.text.rstrip(b"\r\n") or last.text
        yield last._replace(text=bare)


def text(plan: Plan) -> Iterator[bytes]:
    """The same bytes, in blocks."""
    if plan.malformed or not plan.layout.ends_in_newline:
        yield from _joined(lines(plan))
        return
    yield _header(plan.layout)
    for columns in blocks(plan.seed, pairs=_pairs(plan), rows=plan.rows):
        yield "".join(written(columns, plan.layout)).encode()


def _joined(found: Iterable[Line]) -> Iterator[bytes]:
    block: list[bytes] = []
    for line in found:
        block.append(line.text)
        if len(block) == BATCH:
            yield b"".join(block)
            block.clear()
    yield b"".join(block)


class _Composer:
    """Puts good rows and cases in order, and knows where in the file it is."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._draw: Draw = Random(f"cases/{plan.seed}").random  # noqa: S311 - nothing secret
        self._pen = Pen(plan.layout, self._draw, plan.huge_bytes)
        self._cases = cases(plan.layout)
        self._waiting: deque[str] = deque()
        self._rows = _rows(plan)
        self._offset = self._offset_before = len(_header(plan.layout))

    def lines(self) -> Iterator[Line]:
        plan = self._plan
        run = min(len(self._cases), max(1, plan.rows // 8)) if plan.malformed and plan.rows > 2 else 0
        end = self._run_at_end(run)
        left = plan.rows - _number(end)
        due = deque(self._shuffled()[:run])
        middle = left // 2
        while left > 0:
            if run and left <= middle:
                due.extend(self._shuffled()[:run])
                run = 0
            written = self._next(due, left)
            left -= _number(written)
            self._offset_before = self._offset
            self._offset += sum(len(line.text) for line in written)
            yield from written
        yield from end

    def _next(self, due: deque[str], left: int) -> list[Line]:
        row = next(self._rows)
        if due or self._at_border(len(row.text)) or self._draw() < self._plan.malformed:
            written = self._written(due.popleft() if due else self._any())
            if _number(written) <= left:
                return written
        return [row]

    def _written(self, name: str, *, at_end: bool = False) -> list[Line]:
        """The case's lines. Behind a quote that stays open comes a good row, or the end of the file."""
        case: Case = self._cases[name]
        row = next(self._rows).expected
        assert isinstance(row, Accepted)  # noqa: S101 - `_rows` has no others
        drafts = case(self._pen, row)
        found = [line for draft in drafts for line in self._physical(draft, name)]
        return [*found, next(self._rows)] if leaves_open(drafts) and not at_end else found

    def _physical(self, draft: Draft, name: str) -> Iterator[Line]:
        written = draft.text.encode("utf-8", "surrogateescape") + (draft.newline or self._plan.layout.newline)
        for number, line in enumerate(written.split(b"\n")[:-1]):
            yield Line(line + b"\n", Kind.CONTINUATION if number else draft.expected, name)

    def _run_at_end(self, run: int) -> list[Line]:
        order = self._shuffled()[:run]
        found: list[Line] = []
        for name in order:
            written = self._written(name, at_end=name == order[-1])
            if _number(found) + _number(written) <= self._plan.rows // 2:
                found += written
        return found

    def _at_border(self, size: int) -> bool:
        """Has a border just been passed, or would a row of this size reach the next one?"""
        every = self._plan.border_every
        if not every:
            return False
        here = self._offset // every
        return self._offset_before // every < here or here < (self._offset + size) // every

    def _any(self) -> str:
        """Each name once before one comes again."""
        if not self._waiting:
            self._waiting.extend(self._shuffled())
        return self._waiting.popleft()

    def _shuffled(self) -> list[str]:
        return sorted(self._cases, key=lambda _: self._draw())


def _number(found: Iterable[Line]) -> int:
    return sum(map(_counts, found))


def _counts(line: Line) -> bool:
    """Is it one of the rows that were asked for?"""
    return not isinstance(line.expected, Kind)


def _header(layout: Layout) -> bytes:
    mark = b"\xef\xbb\xbf" if layout.bom else b""
    return mark + ",".join(map(layout.cell, layout.columns)).encode() + layout.newline


def _pairs(plan: Plan) -> int:
    return plan.pairs or max(1, plan.rows)


def _rows(plan: Plan) -> Iterator[Line]:
    """Good rows, as many as it takes."""
    has_platform, has_caption = (name in plan.layout.names for name in ("platform", "caption"))
    for columns in blocks(plan.seed, pairs=_pairs(plan)):
        for row, values in zip(written(columns, plan.layout), zip(*columns, strict=True), strict=True):
            campaign, prefix, creator, platform, caption, views, likes, comments, shares = values
            yield Line(
                row.encode(),
                Accepted(
                    campaign,
                    f"{prefix}{creator:010}",
                    (views, likes, comments, shares),
                    platform if has_platform else None,
                    caption or None if has_caption else None,
                ),
            )
