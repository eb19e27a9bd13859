"""How a performance file is written, and what may be expected of a line of it. Pure; imports no parser."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import NamedTuple, TypeAlias, TypeVar

from famedash.practice.engagement import Draw

T = TypeVar("T")

IDS = ("campaignId", "influencerId")
COUNTS = ("views", "likes", "comments", "shares")
REQUIRED = (*IDS, *COUNTS)
COLUMNS = (*IDS, "platform", *COUNTS, "caption")

FILLER = "n/a"


class Kind(Enum):
    HEADER = "header"
    BLANK = "blank"
    CONTINUATION = "continuation"


class Accepted(NamedTuple):
    """A good row: views, likes, comments and shares of a creator in a campaign."""

    campaign: str
    influencer: str
    counts: tuple[int, int, int, int]
    platform: str | None = None
    caption: str | None = None


class Rejected(NamedTuple):
    reason: str
    column: str | None = None


Expected: TypeAlias = Accepted | Rejected | Kind


class Draft(NamedTuple):
    """A record without its line end, which is the file's unless it has its own. Bytes that are no UTF-8 are
    written as Python's `surrogateescape` has them.
    """

    text: str
    expected: Expected
    newline: bytes | None = None


class Raw(str):
    """A cell that is written as it is, without quotes around it."""

    __slots__ = ()


@dataclass(frozen=True)
class Layout:
    """How a file is written. Columns stand in any order and spelling; those that nobody knows are filled."""

    columns: tuple[str, ...] = COLUMNS
    newline: bytes = b"\n"
    bom: bool = False
    quoted: bool = False
    ends_in_newline: bool = True

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The columns as we call them."""
        return tuple(_NAMES.get(_plain(column), column) for column in self.columns)

    def cell(self, text: str) -> str:
        if isinstance(text, Raw) or not (self.quoted or any(each in text for each in ',"\n')):
            return text
        return '"' + text.replace('"', '""') + '"'


@dataclass(frozen=True, slots=True)
class Pen:
    """Writes records of one file. `draw` chooses the column where a case fits several."""

    layout: Layout
    draw: Draw
    huge_bytes: int

    def cells(self, row: Accepted, changes: Mapping[str, str] | None = None) -> list[str]:
        values = {
            **dict(zip(IDS, row[:2], strict=True)),
            **dict(zip(COUNTS, map(str, row.counts), strict=True)),
            "platform": row.platform or "",
            "caption": row.caption or "",
            **(changes or {}),
        }
        return [self.layout.cell(values.get(name, FILLER)) for name in self.layout.names]

    def record(self, row: Accepted, changes: Mapping[str, str] | None = None) -> str:
        return ",".join(self.cells(row, changes))

    def one_of(self, choices: Sequence[T]) -> T:
        return choices[int(self.draw() * len(choices))]


def _plain(column: str) -> str:
    return "".join(each for each in column if each not in " _-").lower()


_NAMES = {_plain(name): name for name in COLUMNS}
