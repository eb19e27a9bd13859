"""Which events were counted: a set of 64-bit fingerprints for each minute of event time. Pure.

A repeat carries the same timestamp, so it can only be found in its own minute. The memory holds minutes
whole or not at all; what it lacks is loaded from the journal of committed writes, what is too much goes,
longest unused first. (Two different events collide with a chance of n / 2^64: 1e8 a week, 5e-12 each.)
"""

import sys
from array import array
from collections import OrderedDict
from collections.abc import Collection, Container, Iterable

from xxhash import xxh3_64_intdigest

MinuteKey = tuple[int, int]
"""(partition, minutes since 1970)"""

DAY_MICROSECONDS = 86_400_000_000


def campaign_seed(installation: int, workspace: str, campaign_id: str) -> int:
    """What the fingerprints of a campaign's events start from."""
    return xxh3_64_intdigest(f"{workspace}\0{campaign_id}".encode(), installation & (2**64 - 1))


def day_seed(campaign: int, day: int) -> int:
    """The seed of the events of a day (since 1970, UTC); add the microseconds within the day."""
    return (campaign + day * DAY_MICROSECONDS) & (2**63 - 1)


class Memory:
    """Fingerprints join it once their batch is committed. One that may be committed or not clears it."""

    def __init__(self, *, most: int) -> None:
        self.most = most
        self.size = 0
        self._minutes: OrderedDict[MinuteKey, set[int]] = OrderedDict()

    def clear(self) -> None:
        self._minutes.clear()
        self.size = 0

    def missing(self, needed: Iterable[MinuteKey]) -> list[MinuteKey]:
        return [key for key in needed if key not in self._minutes]

    def known(self, needed: Iterable[MinuteKey]) -> int:
        """How many fingerprints of these minutes are here."""
        return sum(len(self._minutes[key]) for key in needed if key in self._minutes)

    def make_room(self, wanted: int, *, but: Container[MinuteKey]) -> None:
        """Let minutes go, longest unused first, until `wanted` more fit; those of `but` stay."""
        if self.size + wanted <= self.most:
            return
        for key in list(self._minutes):
            if key not in but:
                self.size -= len(self._minutes.pop(key))
                if self.size + wanted <= self.most:
                    return

    def load(self, key: MinuteKey, journal: bytes) -> None:
        """A minute as the journal has it, whole."""
        counted = set(unpack(journal))
        self._minutes[key] = counted
        self.size += len(counted)

    def counted(self, key: MinuteKey) -> set[int]:
        """A minute that is here."""
        self._minutes.move_to_end(key)
        return self._minutes[key]

    def add(self, key: MinuteKey, fresh: Collection[int]) -> None:
        """A batch that is committed counted these."""
        self._minutes[key].update(fresh)
        self.size += len(fresh)


def pack(fingerprints: Iterable[int]) -> bytes:
    """8 bytes each, little-endian."""
    packed = array("Q", fingerprints)
    if sys.byteorder == "big":
        packed.byteswap()
    return packed.tobytes()


def unpack(blob: bytes) -> "array[int]":
    packed = array("Q")
    packed.frombytes(blob)
    if sys.byteorder == "big":
        packed.byteswap()
    return packed
