"""Sums by (campaign, creator), of millions of rows, in columns. Pure numpy.

A pair is known by two 64-bit hashes of its ids, mixed with a secret seed drawn for each load: rows are sorted
and summed by the first, and the second proves that equal hashes meant equal ids. The ids themselves stay in
the file: a row only knows where. 80 bytes a pair, 112 with platform and caption.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from famedash.performers.digits import WORD, Numbers, Words, first

Hashes = NDArray[np.uint64]
Sizes = NDArray[np.int32]

_SHIFTS = np.uint64(32), np.uint64(29)
_WAITING, _AT_ONCE = 2_000_000, 100_000
LARGEST_SUM = 1 << 61
"""So that likes + comments + shares fit into a bigint too. Fewer than 2 million rows cannot get there."""
_FEW_ROWS = 2_000_000


class Collision(Exception):
    """Two pairs share a hash: read the file again with another seed (1 in 2 million files of 4 M pairs)."""


class SumTooLarge(Exception):
    """A pair's counts add up to more than a 64-bit integer holds."""


@dataclass(frozen=True, slots=True)
class Groups:
    """One column a pair. `at` and `size` say where its texts are (campaign, influencer and what else is kept,
    a line of the array each): bytes of the file, or below 0 of the texts set aside, from -1 backwards.
    `sums`: rows, views, likes, comments, shares. `best`: the highest rate of its rows, where more texts than
    the ids are kept: they are that row's.
    """

    key: Hashes
    check: Hashes
    at: Numbers
    size: Sizes
    sums: Numbers
    best: NDArray[np.float64] | None

    def __len__(self) -> int:
        return len(self.key)

    def between(self, low: int, high: int) -> "Groups":
        """The pairs with `low <= key < high`, of groups that are ordered by key."""
        begin = np.searchsorted(self.key, np.uint64(low))
        end = np.searchsorted(self.key, np.uint64(high)) if high < 1 << 64 else len(self)
        part = slice(begin, end)
        best = None if self.best is None else self.best[part]
        return Groups(
            self.key[part], self.check[part], self.at[:, part], self.size[:, part], self.sums[:, part], best
        )


class Accumulator:
    """All groups of a file. At most half as many rows as there are pairs wait to be summed, and 2 million."""

    def __init__(self, map_: Callable[..., Iterable[Groups]] = map) -> None:
        self.aside = bytearray()
        self._map = map_
        self._parts: list[Groups] = []
        self._rows = 0
        self._summed = 0

    def add(self, part: Groups, aside: bytes) -> None:
        """Take in groups ordered by key, with the texts that they have set aside."""
        if aside:
            part = replace(part, at=np.where(part.at < 0, part.at - len(self.aside), part.at))
            self.aside += aside
        self._parts.append(part)
        self._rows += len(part)
        if self._rows > _WAITING + self._summed * 3 // 2:
            self.sum_up()

    def sum_up(self) -> list[Groups]:
        """Every pair once, in groups that are small enough for the processor's cache; none of no parts."""
        if not self._parts:
            return []
        ranges = max(1, self._rows // _AT_ONCE)
        edges = [(each << 64) // ranges for each in range(ranges + 1)]
        self._parts = list(self._map(self._between, edges[:-1], edges[1:]))
        self._rows = self._summed = sum(map(len, self._parts))
        return self._parts

    def _between(self, low: int, high: int) -> Groups:
        return summed(joined([part.between(low, high) for part in self._parts]))


def hashes(words: Words, ids: Sequence[tuple[Numbers, Numbers]], seed: int) -> tuple[Hashes, Hashes]:
    """Both hashes of each pair of ids, over their bytes and lengths: whatever other pairs are asked for."""
    start_and_factor = np.frombuffer(blake2b(b"%d" % seed, digest_size=4 * WORD).digest(), "<u8").reshape(
        2, 2
    )
    factors = start_and_factor[1] | np.uint64(1)
    state = [np.full(len(ids[0][0]), each, np.uint64) for each in start_and_factor[0]]
    for start, end in ids:
        size = end - start
        for offset in range(0, int(size.max(initial=0)), WORD):
            longer = np.flatnonzero(size > offset)
            if len(longer) == len(size):
                _stir(state, factors, first(words[start + offset], size - offset))
            else:
                part = [each[longer] for each in state]
                _stir(part, factors, first(words[start[longer] + offset], size[longer] - offset))
                for each, stirred in zip(state, part, strict=True):
                    each[longer] = stirred
        _stir(state, factors, size.astype(np.uint64))
    return state[0], state[1]


def _stir(state: list[Hashes], factors: Hashes, word: Words) -> None:
    """Twice, by a secret factor: one round lets the top bits of a word through as they are, in both hashes,
    and the next word can undo them (`aaaaaaa1aaa1aaa1` was `aaaaaaaqaaaqaaaq` for every fourth seed).
    """
    for place, factor in enumerate(factors):
        state[place] ^= word
        for shift in _SHIFTS:
            state[place] *= factor
            state[place] ^= state[place] >> shift


def joined(parts: Sequence[Groups]) -> Groups:
    """All columns side by side, without summing."""
    return Groups(
        np.concatenate([part.key for part in parts]),
        np.concatenate([part.check for part in parts]),
        np.concatenate([part.at for part in parts], axis=1),
        np.concatenate([part.size for part in parts], axis=1),
        np.concatenate([part.sums for part in parts], axis=1),
        None if parts[0].best is None else np.concatenate([p.best for p in parts if p.best is not None]),
    )


def summed(rows: Groups) -> Groups:
    """One column a pair, ordered by hash. Texts are those of the row with the highest rate.

    Raises `Collision` and `SumTooLarge`.
    """
    if not len(rows):
        return rows
    order = np.argsort(rows.key) if rows.best is None else np.lexsort((-rows.best, rows.key))
    key, check = rows.key[order], rows.check[order]
    same = key[1:] == key[:-1]
    if np.any(same & (check[1:] != check[:-1])):
        raise Collision
    begins = np.flatnonzero(np.concatenate(([True], ~same)))
    head = order[begins]
    sums = np.empty((len(rows.sums), len(begins)), np.int64)
    for place, column in enumerate(rows.sums):
        np.add.reduceat(column[order], begins, out=sums[place])
    if sums[0].max() > _FEW_ROWS:
        _refuse_overflow(rows.sums[1:, order], begins)
    return Groups(
        key[begins],
        check[begins],
        rows.at[:, head],
        rows.size[:, head],
        sums,
        None if rows.best is None else rows.best[head],
    )


def _refuse_overflow(columns: Numbers, begins: NDArray[np.intp]) -> None:
    """An integer that overflows wraps around in silence; a float does not."""
    if np.add.reduceat(columns.astype(np.float64), begins, axis=1).max() > LARGEST_SUM:
        raise SumTooLarge
