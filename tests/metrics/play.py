"""A consumer without servers: log, tables, a crash at any write, and nothing at the same time. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain, repeat
from typing import Any
from uuid import UUID

import msgspec

from famedash.infra.log.model import Batch, Position, Standing
from famedash.metrics.draft import Draft
from famedash.metrics.drafting import Drafter
from famedash.metrics.fingerprints import Memory, MinuteKey, pack
from famedash.metrics.tape import Tape
from tests.metrics import reference
from tests.metrics.streams import HORIZON_DAYS, Put

NOON = datetime(2026, 6, 1, 12, 34, 20, tzinfo=UTC)
ARRIVED_MS = int(NOON.timestamp() * 1000)
HORIZON = int((NOON - timedelta(days=HORIZON_DAYS)).timestamp()) // 60
COLUMNS = tuple(reference.COLUMN.values())


@dataclass(frozen=True)
class Cut:
    """One write: so many entries are read of each partition, so many lines drafted; does it happen?"""

    entries: int = 1000
    lines: int = 1000
    crashes: bool = False


@dataclass
class Play:
    """What is outside of the consumer's memory, and what it leaves there."""

    most_fingerprints: int = 1000
    streams: dict[int, list[tuple[bytes, bytes, bytes]]] = field(
        default_factory=lambda: {partition: [] for partition in range(16)}
    )
    standings: dict[int, Standing] = field(
        default_factory=lambda: {
            partition: Standing(partition, 1, Position(), None) for partition in range(16)
        }
    )
    journal: dict[MinuteKey, set[int]] = field(default_factory=lambda: defaultdict(set))
    sums: dict[str, Counter[Any]] = field(default_factory=lambda: defaultdict(Counter))
    letters: dict[tuple[int, str, int], tuple[str, bytes]] = field(default_factory=dict)
    largest_memory: int = 0

    def put(self, partition: int, data: bytes, origin: bytes = b"") -> str:
        stream = self.streams[partition]
        stream.append((f"{ARRIVED_MS}-{len(stream) + 1}".encode(), data, origin))
        return stream[-1][0].decode()

    def run(self, sizes: Sequence[Cut]) -> None:
        """Life after life, until everything is read; after `sizes` all at once."""
        left = chain(sizes, repeat(Cut()))
        while any(
            self.standings[n].position.entry != s[-1][0].decode() for n, s in self.streams.items() if s
        ):
            self._live(left)

    def _live(self, left: Iterator[Cut]) -> None:
        """From the positions until a crash, or until nothing is left to read."""
        memory = Memory(most=self.most_fingerprints)
        drafter = Drafter(seed=7, creators=True, hashtags=True)
        drafter.horizon = HORIZON
        tapes = {partition: Tape(standing) for partition, standing in self.standings.items()}
        for cut in left:
            for partition, tape in tapes.items():
                tape.put(self._read(partition, tape.cursor, cut.entries))
            draft = drafter.start()
            while draft.lines < cut.lines and (waiting := [tape for tape in tapes.values() if tape.waiting]):
                waiting[0].draft(drafter, cut.lines - draft.lines)
            moves = {partition: move for partition, tape in tapes.items() if (move := tape.move())}
            if not moves:
                return
            assert draft.lines <= cut.lines
            for stray in draft.strays:
                self.put(stray.partition, stray.payload, msgspec.json.encode(stray.origin))
            self._judge(draft, memory)
            if cut.crashes:
                return
            self._commit(draft)
            for partition, move in moves.items():
                tapes[partition].committed(move, UUID(int=1))
                self.standings[partition] = tapes[partition].standing
            for key, events in draft.minutes.items():
                memory.add(key, events)
            self.largest_memory = max(self.largest_memory, memory.size)

    def _read(self, partition: int, cursor: str, most: int) -> Batch:
        ids = [entry[0].decode() for entry in self.streams[partition]]
        first = ids.index(cursor) + 1 if cursor in ids else 0
        found = self.streams[partition][first : first + most]
        origins = {index: origin for index, (_, _, origin) in enumerate(found) if origin}
        return Batch(partition, [entry[0] for entry in found], [entry[1] for entry in found], origins)

    def _judge(self, draft: Draft, memory: Memory) -> None:
        missing = memory.missing(draft.minutes)
        wanted = sum(len(self.journal[key]) for key in missing) + draft.events
        memory.make_room(wanted, but=draft.minutes)
        for key in missing:
            memory.load(key, pack(self.journal[key]))
        for key in draft.minutes:
            draft.judge(key, memory.counted(key))

    def _commit(self, draft: Draft) -> None:
        for row in draft.rows:
            self._add("minutes", row.key, row.counts)
        for creator_key, counts_of in draft.creators.items():
            workspace, campaign, hour, platform = creator_key
            for creator, counts in counts_of.items():
                self._add("creators", (workspace, campaign, hour, creator, platform), counts)
        for of_partition in draft.tags.values():
            for (workspace, platform, hour), added in of_partition.items():
                for tag, engagements in added.items():
                    self.sums["hashtags"][workspace, platform, hour, tag] += engagements
        for key, events in draft.minutes.items():
            assert not self.journal[key] & events.keys(), "it was counted before"
            self.journal[key] |= events.keys()
        for letter in draft.letters:
            origin = letter.origin
            self.letters[origin.partition, origin.entry, origin.line] = letter.reason, letter.payload

    def _add(self, table: str, key: tuple[Any, ...], counts: Sequence[int]) -> None:
        for column, value in zip(COLUMNS, counts, strict=True):
            self.sums[table][*key, column] += value

    def cells(self, table: str) -> dict[tuple[Any, ...], int]:
        return {key: value for key, value in self.sums[table].items() if value}


def played(puts: Sequence[Put], sizes: Sequence[Cut] = (), **more: Any) -> tuple[Play, dict[Any, Any]]:
    """The play when all is read, and the letters that it must have written."""
    play = Play(**more)
    letters = {}
    for put in puts:
        entry = play.put(put.partition, put.data)
        for index, line in enumerate(put.lines):
            if line.reason:
                letters[put.partition, entry, index] = line.reason, line.text
    play.run(sizes)
    return play, letters
