"""What a log is, whatever broker carries it: partitions of entries, read by position, with loud gaps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

START = "0-0"


@dataclass(frozen=True, slots=True)
class Position:
    """Everything up to `entry` was taken in, and `lines` lines of the entry `within` after it."""

    entry: str = START
    lines: int = 0
    within: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """What is published: to a partition of a log, or (partition None) to a plain capped stream.

    `origin` travels beside the data: what a reader noted that appends an entry again.
    """

    topic: str
    partition: int | None
    data: bytes
    origin: bytes = b""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as the broker holds it; `arrived_ms` is the broker's clock, Unix milliseconds."""

    id: str
    arrived_ms: int
    data: bytes
    origin: bytes = b""


@dataclass(frozen=True, slots=True)
class Gap:
    """The entry at the reader's position is gone: trimmed, reset or lost. Reading goes on at `resumed_at`."""

    expected: str
    resumed_at: str | None


@dataclass(frozen=True, slots=True)
class Batch:
    """What one look at one partition found, in order. `gap` is set with or without entries.

    Column by column, because an object an entry costs more than reading it; `entries` makes them.
    `origins` holds those of the few entries (by index) that have one.
    """

    partition: int
    ids: Sequence[bytes]
    payloads: Sequence[bytes]
    origins: Mapping[int, bytes]
    gap: Gap | None = None

    @property
    def entries(self) -> list[Entry]:
        pairs = enumerate(zip(self.ids, self.payloads, strict=True))
        return [
            Entry(entry.decode(), arrived_ms(entry), data, self.origins.get(index, b""))
            for index, (entry, data) in pairs
        ]


def arrived_ms(entry: bytes) -> int:
    """When the broker took an entry: every id begins with that, in Unix milliseconds, and a dash."""
    return int(entry.partition(b"-")[0])


@dataclass(frozen=True, slots=True)
class Standing:
    """A position row as its owner last knew it.

    `suspects`: so many of the first deliveries after the position, of events before `suspect_before`,
    may have been sent by an owner that died.
    """

    partition: int
    epoch: int
    position: Position
    write_id: UUID | None
    suspect_before: datetime | None = None
    suspects: int = 0
    gap_noted: bool = False


@dataclass(frozen=True, slots=True)
class Move:
    """One partition's part in a write: from what was read to where the reader stands afterwards."""

    standing: Standing
    to: Position
    settled_suspects: int = 0
    gap: Gap | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """What lies beyond a position: when its oldest entry arrived (None: nothing), by the broker's clock."""

    now_ms: int
    oldest_ms: int | None


class Log(Protocol):
    """A reader's side of one topic. Every implementation passes `tests/log/test_contract.py`."""

    async def read(self, cursors: Mapping[int, str], *, limit: int, wait_seconds: float) -> Sequence[Batch]:
        """Entries after each cursor (partition -> entry id), at most `limit` a partition.

        Waits up to `wait_seconds` for the first one. Proves by the same look that the entry at each
        cursor still stands; where it does not, the batch carries a `Gap` and starts at the oldest entry.
        Raises `Postponed` when the broker is away.
        """
        ...

    async def trim(self, partition: int, *, position: str, older_than_ms: int) -> int:
        """Drop entries that arrived before `older_than_ms`, never the one at `position` or a later one.

        Answers how many; does nothing where the entry at `position` no longer stands.
        """
        ...

    async def oldest_after(self, partition: int, entry: str) -> Progress:
        """The time and the oldest entry after `entry`, both of one instant. Safe from any task.

        Raises `Postponed` when the broker is away.
        """
        ...


class Appender(Protocol):
    """Who appends without a session: the API's events, what a reader moves or copies, a replay."""

    async def append(self, records: Sequence[Record]) -> None:
        """Append all; what the broker answers for is as durable as it is set up to be.

        Raises `Postponed` when it does not answer: some of the records may be there then.
        """
        ...


class Publisher(Protocol):
    """The relay's side: one session with the broker, closed for good by its first error."""

    async def publish(self, records: Sequence[Record]) -> None:
        """Append in order, stopping at the first failure. Raises `Postponed`."""
        ...

    async def confirm(self) -> None:
        """Return once everything published in this session is on the broker's disk. Raises `Postponed`."""
        ...
