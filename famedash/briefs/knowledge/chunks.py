"""Text or Markdown, cut where its structure has seams. Every word stays, in order, and once. Pure.

A chunk begins at a heading, holds whole paragraphs, lists, tables and code where they fit, and knows the
headings above it. What does not fit is cut between list items, lines, sentences, words, at last letters.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

PIECE, MOST = 150, 180
"""Weights (see `weight`) of a block that stays whole, and of a chunk: 256 tokens hold it, as a rule."""
PIECE_CHARACTERS, MOST_CHARACTERS = 1_600, 2_000
MOST_HEADING_CHARACTERS = 300
LEAST = 12
"""A section lighter than that goes on into the next one."""
MOST_CHUNKS = 1_000
"""A document of more, made of crumbs, is cut by weight alone."""
BETWEEN = " › "

_wide = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff"
_marks = r"\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0903\u093a-\u094f\u200c\u200d\ufe0f"
_weighed = re.compile(rf"[{_wide}]|[^\s{_wide}]{{1,10}}")
_letters = re.compile(rf"\s{{1,10}}|[{_wide}]|[^\s{_wide}]{{1,10}}[{_marks}]{{0,10}}")

_heading = re.compile(r" {0,3}(#{1,6})(?=\s|$)")
_underline = re.compile(r" {0,3}(?:=+|-{2,})\s*$")
_fence = re.compile(r" {0,3}(`{3,}|~{3,})")
_item = re.compile(r"[ \t]*(?:[-*+•]|\d{1,9}[.)])[ \t]")
_row = re.compile(r"[ \t]*\|")

_between_items = re.compile(rf"(?m)^(?={_item.pattern})")
_between_lines = re.compile(r"(?<=\n)")
_between_sentences = re.compile(r"(?<=[.!?…؟۔।])(?=\s)|(?<=[。！？])")
_between_words = re.compile(r"(?<=\S)(?=\s)")


@dataclass(frozen=True, slots=True)
class Chunk:
    """`heading`: the headings above its text, outermost first; empty where there is none."""

    heading: str
    text: str


class Sort(Enum):
    HEADING = auto()
    PROSE = auto()
    LIST = auto()
    TABLE = auto()
    CODE = auto()


SEAMS = {
    Sort.HEADING: (_between_sentences, _between_words),
    Sort.PROSE: (_between_sentences, _between_words),
    Sort.LIST: (_between_items, _between_lines, _between_sentences, _between_words),
    Sort.TABLE: (_between_lines, _between_words),
    Sort.CODE: (_between_lines, _between_words),
}
"""Where a block may be cut, the best seams first."""


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that belong together, and the blank ones behind them. `level` of a heading: 1 is outermost."""

    sort: Sort
    text: str
    level: int = 0

    @property
    def title(self) -> str:
        """What a heading says, without its marks."""
        lines = [line for line in self.text.strip().split("\n") if not _underline.match(line)]
        return " ".join(" ".join(lines).strip().strip("#").split())


def weight(text: str) -> int:
    """About its words: ten letters are one at most, and a letter of a script without blanks is one, too."""
    return sum(1 for _ in _weighed.finditer(text))


def cut(text: str) -> list[Chunk]:
    """The chunks of a document, in its order. Every line end becomes a newline; nothing else is changed."""
    found = list(blocks(text))
    chunks = list(_packed(found, LEAST))
    return chunks if len(chunks) <= MOST_CHUNKS else list(_packed(found, MOST))


def blocks(text: str) -> Iterator[Block]:
    """The blocks of a document; their texts together are the document."""
    gathering = _Gathering()
    for line in _lines(text):
        yield from gathering.take(line)
    yield from gathering.close()


def _lines(text: str) -> list[str]:
    return _between_lines.split(text.replace("\r\n", "\n").replace("\r", "\n"))


@dataclass
class _Gathering:
    """The block that is being read. It ends where a line of another sort begins, or behind a blank line."""

    lines: list[str] = field(default_factory=list)
    sort: Sort = Sort.PROSE
    fence: str = ""
    is_ended: bool = False

    def take(self, line: str) -> Iterable[Block]:
        if self.fence:
            return self._in_code(line)
        if not line.strip():
            self.lines.append(line)
            self.is_ended = True
            return ()
        if self._is_underlined_by(line):
            self.lines.append(line)
            return self.close(Sort.HEADING, level=1 if "=" in line else 2)
        return self._begin_or_go_on(line)

    def close(self, sort: Sort | None = None, *, level: int = 0) -> Iterable[Block]:
        text, block_sort = "".join(self.lines), sort or self.sort
        self.lines, self.sort, self.fence, self.is_ended = [], Sort.PROSE, "", False
        return (Block(block_sort, text, level),) if text else ()

    def _begin_or_go_on(self, line: str) -> Iterable[Block]:
        sort = self._sort_of(line)
        if sort is self.sort and sort is not Sort.HEADING and not self.is_ended:
            self.lines.append(line)
            return ()
        before = self.close()
        self.lines, self.sort = [line], sort
        if sort is Sort.CODE and (fence := _fence.match(line)):
            self.fence = fence[1]
        if sort is Sort.HEADING and (heading := _heading.match(line)):
            return (*before, *self.close(level=len(heading[1])))
        return before

    def _sort_of(self, line: str) -> Sort:
        for sort, pattern in (
            (Sort.CODE, _fence),
            (Sort.HEADING, _heading),
            (Sort.LIST, _item),
            (Sort.TABLE, _row),
        ):
            if pattern.match(line):
                return sort
        goes_on = self.sort is Sort.LIST and line[0].isspace()
        return Sort.LIST if goes_on else Sort.PROSE

    def _in_code(self, line: str) -> Iterable[Block]:
        self.lines.append(line)
        end = _fence.match(line)
        return self.close() if end and end[1].startswith(self.fence) else ()

    def _is_underlined_by(self, line: str) -> bool:
        """One line of prose is a heading if the next one underlines it."""
        is_one_line = len(self.lines) == 1 and self.sort is Sort.PROSE and bool(self.lines[0].strip())
        return is_one_line and not self.is_ended and _underline.match(line) is not None


class _Packing:
    """The chunk that is being filled."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.weight = 0
        self.characters = 0
        self.has_prose = False
        self.heading = ""

    def fits(self, weight: int, characters: int) -> bool:
        return self.weight + weight <= MOST and self.characters + characters <= MOST_CHARACTERS

    def add(self, text: str, weight: int, *, heading: str, is_prose: bool) -> None:
        if not self.has_prose:
            self.heading = heading
        self.texts.append(text)
        self.weight += weight
        self.characters += len(text)
        self.has_prose |= is_prose

    def chunks(self) -> Iterable[Chunk]:
        """Itself, unless it is blank."""
        text = "".join(self.texts).strip("\n").rstrip()
        return (Chunk(self.heading, text),) if text else ()


def _packed(found: Iterable[Block], least: int) -> Iterator[Chunk]:
    """Fill chunk after chunk; a heading begins one, unless what stands before it is lighter than `least`."""
    above: list[Block] = []
    packing = _Packing()
    for block in found:
        is_heading = block.sort is Sort.HEADING
        if is_heading:
            above = [*(each for each in above if each.level < block.level), block]
            if packing.has_prose and packing.weight >= least:
                yield from packing.chunks()
                packing = _Packing()
        for piece in _pieces(block.text, SEAMS[block.sort]):
            heavy = weight(piece)
            if not packing.fits(heavy, len(piece)):
                yield from packing.chunks()
                packing = _Packing()
            packing.add(piece, heavy, heading=_path(above), is_prose=heavy > 0 and not is_heading)
    yield from packing.chunks()


def _path(above: Sequence[Block]) -> str:
    return BETWEEN.join(each.title for each in above if each.title)[:MOST_HEADING_CHARACTERS]


def _pieces(text: str, seams: Sequence[re.Pattern[str]]) -> Iterator[str]:
    """`text` in pieces that are small enough, cut at the first of the seams where that will do."""
    if _is_small(weight(text), len(text)):
        yield text
        return
    parts = seams[0].split(text) if seams else _letters.findall(text)
    held, heavy = "", 0
    for part in parts:
        more = weight(part)
        if held and not _is_small(heavy + more, len(held) + len(part)):
            yield held
            held, heavy = "", 0
        if _is_small(more, len(part)):
            held, heavy = held + part, heavy + more
        else:
            yield from _pieces(part, seams[1:])
    if held:
        yield held


def _is_small(weight: int, characters: int) -> bool:
    return weight <= PIECE and characters <= PIECE_CHARACTERS
