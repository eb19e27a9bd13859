"""Lines -> rows and rejected lines, by the strict parser alone: the specification of a whole file. Pure.

A quoted field may go on over the next lines, but an unbalanced quote must not swallow rows: lines are joined
only while none of them is a row by itself, and only into a record that is valid. Where that fails the first
line is rejected, and the next one is judged on its own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from famedash.performers.csv_rows import Open, parse
from famedash.performers.model import LONGEST_RAW, LONGEST_RECORD, Columns, Reason, Reject, Rejected, Row

MOST_LINES = 1_000
"""Of one record."""


class Blank(NamedTuple):
    """A line without anything in it."""


BLANK = Blank()


def read(
    lines: Sequence[bytes], columns: Columns, *, first: int = 0, human: bool = False
) -> Iterator[Row | Rejected | Blank]:
    """Judge every line; `lines` are without `\\n`, and `first` is the number of the first one."""
    at = 0
    while at < len(lines):
        line = lines[at].rstrip(b"\r")
        found = BLANK if not line.strip(b" \t") else parse(line, columns, human=human)
        if isinstance(found, Open):
            found = _joined(lines, at, columns, human=human)
        if isinstance(found, Reject):
            yield Rejected(first + at, found, line[:LONGEST_RAW])
            at += 1
        else:
            yield found
            at += found.lines if isinstance(found, Row) else 1


def is_row(line: bytes, columns: Columns, *, human: bool = False) -> bool:
    """Is the line a row by itself? Then it never belongs to the record before it: files may be cut here."""
    return isinstance(parse(line.rstrip(b"\r"), columns, human=human), Row)


def _joined(lines: Sequence[bytes], at: int, columns: Columns, *, human: bool) -> Row | Reject:
    """The record that begins at an open line. A quote that closes inside a field was another's quote."""
    joined, size, quotes = [lines[at]], len(lines[at]), lines[at].count(b'"')
    for line in lines[at + 1 : at + MOST_LINES]:
        size += 1 + len(line)
        if size > LONGEST_RECORD or is_row(line, columns, human=human):
            break
        joined.append(line)
        quotes += line.count(b'"')
        if quotes % 2 == 0:
            found = parse(b"\n".join(joined).rstrip(b"\r"), columns, human=human)
            if isinstance(found, Row):
                return replace(found, lines=len(joined))
            if isinstance(found, Reject) and found.reason is not Reason.STRAY_QUOTE:
                return found
            break
    return Reject(Reason.UNBALANCED_QUOTE)
