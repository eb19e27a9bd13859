"""The fast path: whole columns of a chunk at once, and only of the lines that are certainly rows. Pure numpy.

Certain means that `csv_rows.parse` would accept the line with just these fields; a differential fuzz holds
the two together. Every other line is left to it: wrong ones, and awkward ones that may be right.
"""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from famedash.performers.digits import Mask, Numbers, Words, numbers, words_of
from famedash.performers.model import LARGEST_COUNT, LONGEST_RECORD, Columns

PAD = 64
"""Bytes before and behind a chunk that may be looked at; the longest id that is certain has as many."""

_COMMA, _NEWLINE, _RETURN, _QUOTE, _SPACE, _PLUS, _DELETE = b',\n\r" +\x7f'
_PLAIN = bytes(each for each in range(0x20, 0x7F) if each not in (_QUOTE, _PLUS)) + b"\n"
_EXPONENT = re.compile(rb"[eE]\+")


@dataclass(frozen=True, slots=True)
class SureRows:
    """Columns of the rows that are certain; places are bytes from the start of the chunk's buffer.

    `lines` holds the number of each row's line (from 0), `starts` where every line of the chunk starts, with
    the end of the chunk as the last one. `texts` are campaign, influencer and, where the header has them,
    platform and caption: a start and an end each. `counts` are views, likes, comments and shares.
    """

    words: Words
    starts: Numbers
    lines: Numbers
    texts: list[tuple[Numbers, Numbers]]
    counts: list[Numbers]


def read(buffer: bytearray, columns: Columns) -> SureRows:
    """Look at a chunk of whole lines, ending in a newline, between two pads of `PAD` bytes."""
    chunk = np.frombuffer(buffer, np.uint8)[PAD:-PAD]
    separators = np.flatnonzero((chunk == _COMMA) | (chunk == _NEWLINE)) + PAD
    everything = np.frombuffer(buffer, np.uint8)
    ends = separators[everything[separators] == _NEWLINE]
    starts = np.concatenate(([PAD], ends + 1))
    look = _Look(buffer, everything, ends, starts)
    quotes = look.positions(_QUOTE) if b'"' in buffer else None
    if quotes is not None:
        separators = _outside_quotes(separators, quotes, look)
    fields, lines = _fields(separators, look, columns.size)
    sure = ~look.doubtful[lines]
    if quotes is not None:
        sure &= _unquote(fields, quotes, everything)
    counts = []
    for place in columns.counts:
        number, certain = numbers(look.words, *fields[place])
        sure &= certain & (number <= LARGEST_COUNT)
        counts.append(number)
    sure &= counts[0] > 0
    for place in columns.ids:
        sure &= look.is_sure_id(*fields[place])
    kept = np.flatnonzero(sure)
    places = [*columns.ids, *(place for place in columns.texts if place is not None)]
    if len(kept) == len(lines):
        return SureRows(look.words, starts, lines, [fields[place] for place in places], counts)
    texts = [(fields[place][0][kept], fields[place][1][kept]) for place in places]
    return SureRows(look.words, starts, lines[kept], texts, [number[kept] for number in counts])


class _Look:
    """What is seen of a chunk's bytes: which lines are doubtful whatever their fields say."""

    def __init__(
        self, buffer: bytearray, everything: NDArray[np.uint8], ends: Numbers, starts: Numbers
    ) -> None:
        self.buffer = buffer
        self.bytes = everything
        self.words = words_of(buffer)
        self.ends, self.starts = ends, starts
        self.doubtful = ends - starts[:-1] > LONGEST_RECORD
        self.high: Numbers | None = None
        self.spaces = b" " in buffer
        self.ends_in_return = bool(len(ends)) and b"\r" in buffer
        self._doubt_unusual_bytes()

    def positions(self, byte: int) -> Numbers:
        return np.flatnonzero(self.bytes == byte)

    def doubt(self, positions: Numbers) -> None:
        self.doubtful[np.searchsorted(self.ends, positions)] = True

    def _doubt_unusual_bytes(self) -> None:
        text = self.buffer[PAD:-PAD]
        unusual = set(text.translate(None, _PLAIN)) - {_QUOTE}
        if _PLUS in unusual and (exponents := [found.start() + PAD for found in _EXPONENT.finditer(text)]):
            self.doubt(np.array(exponents))
        if _RETURN in unusual:
            returns = self.positions(_RETURN)
            self.doubt(returns[self.bytes[returns + 1] != _NEWLINE])
        if any(each < _SPACE or each == _DELETE for each in unusual - {_RETURN}):
            odd = (self.bytes < _SPACE) & (self.bytes != _NEWLINE) & (self.bytes != _RETURN)
            odd |= self.bytes == _DELETE
            self.doubt(np.flatnonzero(odd[PAD:-PAD]) + PAD)
        if max(unusual, default=0) > _DELETE:
            high = np.flatnonzero(self.bytes > _DELETE)
            if _is_utf8(text):
                self.high = high
            else:
                self.doubt(high)

    def is_sure_id(self, start: Numbers, end: Numbers) -> Mask:
        """1 to 64 bytes of ASCII without a space at either end."""
        sure = (start < end) & (end - start <= PAD)
        if self.spaces:
            sure &= (self.bytes[start] != _SPACE) & (self.bytes[end - 1] != _SPACE)
        if self.high is not None:
            sure &= np.searchsorted(self.high, start) == np.searchsorted(self.high, end)
        return sure


def _is_utf8(text: bytearray) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _outside_quotes(separators: Numbers, quotes: Numbers, look: _Look) -> Numbers:
    """Without the commas inside quotes. A line that ends inside quotes is doubtful."""
    line = np.searchsorted(look.ends, separators)
    before = np.searchsorted(quotes, separators) - np.searchsorted(quotes, look.starts)[line]
    inside = before % 2 == 1
    newline = look.bytes[separators] == _NEWLINE
    look.doubtful[line[inside & newline]] = True
    kept: Numbers = separators[~inside | newline]
    return kept


def _fields(separators: Numbers, look: _Look, size: int) -> tuple[list[tuple[Numbers, Numbers]], Numbers]:
    """Start and end of each column, of the lines that have as many fields as the header; and those lines."""
    last = np.flatnonzero(look.bytes[separators] == _NEWLINE)
    fitting = np.flatnonzero(np.diff(last, prepend=-1) == size)
    last = last[fitting]
    fields = []
    start = look.starts[fitting]
    for column in range(size):
        end = separators[last - (size - 1 - column)]
        fields.append((start, end))
        start = end + 1
    if look.ends_in_return:
        start, end = fields[-1]
        fields[-1] = (start, end - (look.bytes[end - 1] == _RETURN))
    return fields, fitting


def _unquote(fields: list[tuple[Numbers, Numbers]], quotes: Numbers, everything: NDArray[np.uint8]) -> Mask:
    """Take the quotes off every field that has just two, around it; answers where that is all there is."""
    sure = np.ones(len(fields[0][0]), np.bool_)
    for place, (start, end) in enumerate(fields):
        number = np.searchsorted(quotes, end) - np.searchsorted(quotes, start)
        quoted = (number == 2) & (everything[start] == _QUOTE) & (everything[end - 1] == _QUOTE)
        sure &= quoted | (number == 0)
        fields[place] = (start + quoted, end - quoted)
    return sure
