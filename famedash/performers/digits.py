"""Eight bytes at a time: words of text, and the numbers that digits stand for. Pure numpy.

A word is the little-endian integer of eight bytes, so the first digit is the lowest byte. The arithmetic that
turns eight digits into a number in three multiplications is common knowledge ("SWAR").
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Words: TypeAlias = NDArray[np.uint64]
Numbers: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]

WORD = 8
MOST_DIGITS = 16

_ALL = (1 << 64) - 1
_FIRST = np.array([(1 << 8 * k) - 1 for k in range(WORD + 1)], np.uint64)
"""Keeps the first k bytes of a word."""
_LAST = np.array([_ALL ^ ((1 << 8 * (WORD - k)) - 1) for k in range(WORD + 1)], np.uint64)
"""Keeps the last k bytes of a word."""

_ZEROS = np.uint64(0x3030303030303030)
_FILL = _ZEROS & ~_LAST
_HIGH_HALVES = np.uint64(0xF0F0F0F0F0F0F0F0)
_SIX = np.uint64(0x0606060606060606)
_PAIRS = np.uint64(0x000000FF000000FF)
_TEN, _UPPER, _LOWER = np.uint64(10), np.uint64(100 + (1_000_000 << 32)), np.uint64(1 + (10_000 << 32))
_8, _16, _32 = np.uint64(8), np.uint64(16), np.uint64(32)


def words_of(text: bytes | bytearray | memoryview) -> Words:
    """The word at every byte of `text`: a view that overlaps itself, without a copy."""
    return np.ndarray(len(text) - WORD + 1, "<u8", text, strides=(1,))


def first(word: Words, size: Numbers) -> Words:
    """The first `size` bytes of each word (none where negative, all above 8); zeros behind them."""
    masked: Words = word & _FIRST[np.clip(size, 0, WORD)]
    return masked


def numbers(words: Words, start: Numbers, end: Numbers) -> tuple[Numbers, Mask]:
    """The numbers in `[start, end)`, and where they are nothing but 1 to 16 digits.

    The 8 bytes before each `end - 8` and `end` must exist.
    """
    value, sure = _up_to_eight(words, np.maximum(start, end - WORD), end)
    sure &= start < end
    longer = np.flatnonzero(end - start > WORD)
    if len(longer):
        upper, also = _up_to_eight(words, start[longer], end[longer] - WORD)
        value[longer] += upper * 10**WORD
        sure[longer] &= also & (end[longer] - start[longer] <= MOST_DIGITS)
    return value, sure


def _up_to_eight(words: Words, start: Numbers, end: Numbers) -> tuple[Numbers, Mask]:
    size = np.clip(end - start, 0, WORD)
    word = (words[end - WORD] & _LAST[size]) | _FILL[size]
    sure = ((word & _HIGH_HALVES) == _ZEROS) & (((word + _SIX) & _HIGH_HALVES) == _ZEROS)
    word -= _ZEROS
    word = word * _TEN + (word >> _8)
    word = ((word & _PAIRS) * _UPPER + ((word >> _16) & _PAIRS) * _LOWER) >> _32
    return word.astype(np.int64), sure
