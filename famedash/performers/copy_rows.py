"""Groups -> blocks of PostgreSQL's binary COPY format, whole columns at once. Pure numpy.

A row of the format is a count of fields, then a length and the bytes of each. Rows whose ids have the same
lengths differ only in their bytes, so they are laid out as one matrix.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from struct import Struct

import numpy as np
from numpy.typing import NDArray

from famedash.performers.copy_order import pieces
from famedash.performers.digits import WORD, words_of
from famedash.performers.groups import Groups
from famedash.performers.model import LONGEST_CAPTION, LONGEST_PLATFORM

COLUMNS = (
    "campaign_id",
    "influencer_id",
    "posts",
    "views",
    "likes",
    "comments",
    "shares",
    "platform",
    "caption",
)
HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TAIL = b"\xff\xff"

_Bytes = NDArray[np.uint8]
_COUNTS = Struct(">" + "iq" * 5)
_ABSENT = b"\xff\xff\xff\xff"
_NUMBER_OF_FIELDS = len(COLUMNS).to_bytes(2, "big")
_LEAST_ALIKE = 16


@dataclass(frozen=True, slots=True)
class Source:
    """Where the texts are: the file, and what was set aside while it was read."""

    file: memoryview
    aside: memoryview
    platform: int | None
    caption: int | None

    def text(self, at: int, size: int) -> bytes:
        if at < 0:
            return bytes(self.aside[-1 - at : -1 - at + size])
        return bytes(self.file[at : at + size])


def encoded(parts: Sequence[Groups], source: Source) -> Iterator[bytes]:
    """The whole COPY, head and tail included."""
    yield HEAD
    for groups in pieces(parts, source.file):
        if source.platform is None and source.caption is None:
            yield from _alike(groups, source)
        else:
            yield _one_by_one(groups, np.arange(len(groups)), source)
    yield TAIL


def _alike(groups: Groups, source: Source) -> Iterator[bytes]:
    """Rows by the lengths of their ids: a matrix for many alike, one by one for the few others."""
    lengths = groups.size[0].astype(np.int64) << 32 | groups.size[1]
    reach = groups.at + -(-groups.size // WORD) * WORD
    lengths[(groups.at < 0).any(axis=0) | (reach > len(source.file)).any(axis=0)] = -1
    order = np.argsort(lengths, kind="stable")
    kinds, begins = np.unique(lengths[order], return_index=True)
    rest = []
    for kind, rows in zip(kinds.tolist(), np.split(order, begins[1:]), strict=True):
        if kind < 0 or len(rows) < _LEAST_ALIKE:
            rest.append(rows)
        else:
            yield _matrix(groups, rows, source, (kind >> 32, kind & 0xFFFFFFFF))
    if rest:
        yield _one_by_one(groups, np.concatenate(rest), source)


def _matrix(groups: Groups, rows: NDArray[np.intp], source: Source, sizes: Sequence[int]) -> bytes:
    words = words_of(source.file)
    fields: list[bytes | _Bytes] = [_NUMBER_OF_FIELDS]
    for place, size in enumerate(sizes):
        at = groups.at[place, rows]
        text = np.stack([words[at + offset] for offset in range(0, size, WORD)], axis=1)
        fields += [size.to_bytes(4, "big"), text.view(np.uint8)[:, :size]]
    for column in groups.sums:
        fields += [(8).to_bytes(4, "big"), column[rows].astype(">i8").view(np.uint8).reshape(-1, 8)]
    fields += [_ABSENT, _ABSENT]
    matrix = np.empty((len(rows), sum(_width(each) for each in fields)), np.uint8)
    at = 0
    for each in fields:
        matrix[:, at : at + _width(each)] = np.frombuffer(each, np.uint8) if isinstance(each, bytes) else each
        at += _width(each)
    return matrix.tobytes()


def _width(field: bytes | _Bytes) -> int:
    return len(field) if isinstance(field, bytes) else field.shape[1]


def _one_by_one(groups: Groups, rows: NDArray[np.intp], source: Source) -> bytes:
    found = bytearray()
    at, size = groups.at[:, rows].T.tolist(), groups.size[:, rows].T.tolist()
    for places, sizes, sums in zip(at, size, groups.sums[:, rows].T.tolist(), strict=True):
        texts = [source.text(*each) for each in zip(places, sizes, strict=True)]
        found += _NUMBER_OF_FIELDS
        for text in texts[:2]:
            found += len(text).to_bytes(4, "big") + text
        found += _COUNTS.pack(*(value for each in sums for value in (8, each)))
        found += _kept(texts, source.platform, LONGEST_PLATFORM)
        found += _kept(texts, source.caption, LONGEST_CAPTION)
    return bytes(found)


def _kept(texts: list[bytes], place: int | None, most: int) -> bytes:
    """A field for a text that may be missing, without the space around it."""
    text = b"" if place is None else texts[place].decode().strip()[:most].encode()
    return len(text).to_bytes(4, "big") + text if text else _ABSENT
