"""Sums by (campaign, creator), of millions of rows, in columns. Pure numpy.

A pair is known by two 64-bit hashes of its ids, mixed with a secret seed drawn for each load: rows are sorted
and summed by the first, and the second proves that equal hashes meant equal ids. The ids themselves stay in
the file: a row only knows where. 80 bytes a pair, 112 with platform and caption.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import pairwise
from typing import IO

import numpy as np
from numpy.typing import NDArray

from famedash.performers.digits import WORD, Numbers, Words, first

Hashes = NDArray[np.uint64]
Sizes = NDArray[np.int32]

_SHIFTS = np.uint64(32), np.uint64(29)
BUCKETS = 64
_BUCKET_SHIFT = np.uint64(58)
_MOST_PIECES = 32
"""More small arrays than that would leave the memory in shreds."""
_WAITING = 50_000
"""Rows of a bucket; 3 million of all."""
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

    def take(self, rows: NDArray[np.intp] | slice) -> "Groups":
        """A copy of some of them."""
        return Groups(
            self.key[rows].copy(),
            self.check[rows].copy(),
            self.at[:, rows].copy(),
            self.size[:, rows].copy(),
            self.sums[:, rows].copy(),
            None if self.best is None else self.best[rows].copy(),
        )


class Accumulator:
    """All groups of a file, in buckets by the first bits of their keys.

    A bucket is summed up whenever it holds half as many rows more than it had pairs (later where that would
    not make it much smaller), so memory grows with the pairs and not with the rows. `aside` takes what is set
    aside.
    """

    def __init__(self, aside: IO[bytes], map_: Callable[..., Iterable[Groups]] = map) -> None:
        self._aside = aside
        self._map = map_
        self._buckets: list[list[Groups]] = [[] for _ in range(BUCKETS)]
        self._rows = [0] * BUCKETS
        self._most: list[float] = [_WAITING] * BUCKETS

    def add(self, part: Groups, aside: bytes) -> None:
        """Take in groups ordered by bucket, with the texts that they have set aside."""
        if aside:
            part = replace(part, at=np.where(part.at < 0, part.at - self._aside.tell(), part.at))
            self._aside.write(aside)
        edges = np.searchsorted(bucket_of(part.key), np.arange(BUCKETS + 1)).tolist()
        for bucket, (begin, end) in enumerate(pairwise(edges)):
            if begin < end:
                self._put(bucket, part.take(slice(begin, end)))

    def sum_up(self) -> list[Groups]:
        """Every pair once, in groups that are small enough for the processor's cache, ordered by key."""
        return [found for found in self._map(self._summed, range(BUCKETS)) if len(found)]

    def _put(self, bucket: int, rows: Groups) -> None:
        waiting = self._buckets[bucket]
        waiting.append(rows)
        if len(waiting) > _MOST_PIECES:
            waiting[:] = [joined(waiting)]
        self._rows[bucket] += len(rows)
        if self._rows[bucket] > self._most[bucket]:
            pairs = len(self._summed(bucket))
            few_repeat = pairs > self._rows[bucket] * 3 // 4
            self._rows[bucket], self._most[bucket] = pairs, _WAITING + pairs * (3 if few_repeat else 3 / 2)

    def _summed(self, bucket: int) -> Groups:
        rows = self._buckets[bucket]
        self._buckets[bucket] = found = [summed(joined(rows))] if rows else []
        return found[0] if found else NOTHING


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


def bucket_of(key: Hashes) -> NDArray[np.uint8]:
    """The first six bits."""
    return (key >> _BUCKET_SHIFT).astype(np.uint8)


def by_bucket(rows: Groups) -> Groups:
    """Rows in the order of their buckets, not summed."""
    return rows.take(np.argsort(bucket_of(rows.key), kind="stable"))


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


_NO_WORDS, _NO_PLACES = np.empty(0, np.uint64), np.empty((2, 0), np.int64)
NOTHING = Groups(
    _NO_WORDS, _NO_WORDS, _NO_PLACES, _NO_PLACES.astype(np.int32), np.empty((5, 0), np.int64), None
)
