"""Counts the partitions it is given: read, draft, load fingerprints, judge, write. One write at a time.

While a draft is written the next one is made. Whatever goes wrong with a write, whether it happened or not,
all that is in memory goes with it, and counting starts again from the rows.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

import msgspec
import structlog

from famedash.infra.database import Database
from famedash.infra.ids import uuid7
from famedash.infra.log.model import Appender, Batch, Log, Move, Record, Standing
from famedash.infra.telemetry import counter, histogram
from famedash.metrics import service
from famedash.metrics.draft import Draft, Letter
from famedash.metrics.drafting import Drafter
from famedash.metrics.fingerprints import Memory
from famedash.metrics.model import TOPIC
from famedash.metrics.service import HorizonMoved, NoTable, Refused
from famedash.metrics.settings import MetricsSettings
from famedash.metrics.tape import Tape

log = structlog.get_logger()
events_total = counter(
    "famedash_engagement_events_total", "Lines of the log, by what became of them.", ["outcome"]
)
write_seconds = histogram("famedash_engagement_write_seconds", "From a draft's end to its commit.")

IDLE_SECONDS = 0.25
REPLY_BYTES = 1_250_000
"""What one look should bring of a partition: larger replies leave the processor's cache."""
MOST_ENTRIES = 4000
MOST_BYTES = 64_000_000
"""A draft reads no more than about this, however few lines that is."""
CALM = 8
"""So many writes after a halved one, twice as much is tried again."""


class Again(Exception):
    """Nothing was written, or nothing is known: read the positions and start again at once."""


class Consumer:
    def __init__(
        self, database: Database, log: Log, appender: Appender, settings: MetricsSettings, *, seed: int
    ) -> None:
        self.database = database
        self.log = log
        self.appender = appender
        self.settings = settings
        self.memory = Memory(most=settings.most_fingerprints)
        self.drafter = Drafter(seed=seed, creators=settings.creators, hashtags=settings.hashtags)
        self.tapes: dict[int, Tape] = {}
        self.letters_written = asyncio.Event()
        self._most = settings.most_events
        self._calm = 0
        self._entries = 64
        self._bytes = 0
        self._more = False
        self._ahead: asyncio.Task[Sequence[Batch]] | None = None

    async def run(self, standings: Mapping[int, Standing], ended: Callable[[], bool]) -> None:
        """Count until `ended`. Raises `Again`, or what `repeat` has patience with."""
        self.tapes = {partition: Tape(standing) for partition, standing in standings.items()}
        self.memory.clear()
        self.drafter.horizon = await service.horizon(self.database)
        writing: asyncio.Task[None] | None = None
        try:
            while not ended():
                draft = await self._draft(ended)
                if writing:
                    await writing
                moves = {n: move for n, tape in self.tapes.items() if (move := tape.move())}
                writing = asyncio.create_task(self._write(draft, moves)) if moves else None
            if writing:
                await writing
        finally:
            await self._end(self._ahead, writing)
            self._ahead = None

    async def _end(
        self, ahead: asyncio.Task[Sequence[Batch]] | None, writing: asyncio.Task[None] | None
    ) -> None:
        """Leave no task behind; what they raised is known, or no longer matters."""
        if ahead:
            ahead.cancel()
        if tasks := [task for task in (ahead, writing) if task]:
            await asyncio.gather(*tasks, return_exceptions=True)

    # --- drafting

    async def _draft(self, ended: Callable[[], bool]) -> Draft:
        """What there is, as far as it fits; what comes within `flush_seconds` after the first line, too."""
        draft = self.drafter.start()
        flush_at: float | None = None
        self._bytes = 0
        while draft.lines < self._most and not ended():
            waiting = [tape for tape in self.tapes.values() if tape.waiting]
            if not waiting:
                if self._bytes > MOST_BYTES:
                    break
                if flush_at is not None and not self._more:
                    if (pause := flush_at - time.monotonic()) <= 0:
                        break
                    await asyncio.sleep(pause)
                if not await self._read(IDLE_SECONDS if flush_at is None else 0):
                    break
                continue
            for tape in waiting:
                if draft.lines < self._most:
                    tape.draft(self.drafter, self._most - draft.lines)
                    await asyncio.sleep(0)
            if flush_at is None:
                flush_at = time.monotonic() + self.settings.flush_seconds
        return draft

    async def _read(self, wait_seconds: float) -> bool:
        """One look at every partition; answers whether it brought anything.

        While there is more, the next look is under way before this one is drafted.
        """
        batches = await (self._ahead or self._look(wait_seconds))
        self._ahead = None
        for batch in batches:
            tape = self.tapes[batch.partition]
            known = tape.gap
            tape.put(batch)
            if tape.gap and not known:
                log.error("log.gap", partition=batch.partition, expected=tape.gap.expected)
        self._more = any(len(batch.ids) == self._entries for batch in batches)
        self._adapt(batches)
        if self._more:
            self._ahead = asyncio.create_task(self._look(0))
        return any(batch.ids for batch in batches)

    async def _look(self, wait_seconds: float) -> Sequence[Batch]:
        cursors = {partition: tape.cursor for partition, tape in self.tapes.items()}
        return await self.log.read(cursors, limit=self._entries, wait_seconds=wait_seconds)

    def _adapt(self, batches: Sequence[Batch]) -> None:
        """Ask for so many entries the next time as make a good reply."""
        entries = sum(len(batch.ids) for batch in batches)
        if entries:
            size = sum(sum(map(len, batch.payloads)) for batch in batches)
            self._bytes += size
            self._entries = max(1, min(MOST_ENTRIES, REPLY_BYTES * entries // (size + 1)))

    # --- writing

    async def _write(self, draft: Draft, moves: Mapping[int, Move]) -> None:
        began = time.monotonic()
        try:
            await self._count(draft, moves)
        except Refused:
            await self._narrow(draft, moves)
            raise Again from None
        except NoTable:
            await service.prepare(self.database, {minute for _, minute in draft.minutes})
            raise Again from None
        except HorizonMoved:
            raise Again from None
        write_seconds.observe(time.monotonic() - began)
        self._report(draft)

    async def _count(self, draft: Draft, moves: Mapping[int, Move]) -> None:
        await self._forward(draft)
        await self._load(draft)
        for key in draft.minutes:
            draft.judge(key, self.memory.counted(key))
        await asyncio.sleep(0)
        write_id = self._begin(moves)
        async with self.database.transaction() as tx:
            await service.count(tx, draft, list(moves.values()), write_id)
        self._committed(moves, write_id)
        for key, events in draft.minutes.items():
            self.memory.add(key, events)

    async def _forward(self, draft: Draft) -> None:
        """Lines of other partitions go there before the position moves past them."""
        if draft.strays:
            await self.appender.append(
                [
                    Record(TOPIC, stray.partition, stray.payload, msgspec.json.encode(stray.origin))
                    for stray in draft.strays
                ]
            )

    async def _load(self, draft: Draft) -> None:
        """Have every minute of the draft in memory, whole. Raises `Again` for a smaller draft."""
        missing = self.memory.missing(draft.minutes)
        found = await service.journal_of(
            self.database, missing, room=lambda journaled: self._has_room(draft, journaled)
        )
        if found is None:
            self._halve(draft)
            raise Again
        for key, journal in found.items():
            self.memory.load(key, journal)

    def _has_room(self, draft: Draft, journaled: int) -> bool:
        wanted = journaled + draft.events
        if draft.lines > 1 and wanted + self.memory.known(draft.minutes) > self.memory.most:
            return False
        self.memory.make_room(wanted, but=draft.minutes)
        return True

    async def _narrow(self, draft: Draft, moves: Mapping[int, Move]) -> None:
        """PostgreSQL refused the draft: try half of it, and when it is one line, set that aside."""
        if draft.lines > 1:
            self._halve(draft)
            return
        assert draft.first_line is not None  # noqa: S101 - it has one line
        origin, payload = draft.first_line
        write_id = self._begin(moves)
        async with self.database.transaction() as tx:
            await service.set_aside(tx, Letter(origin, "refused", payload), list(moves.values()), write_id)
        self._committed(moves, write_id)
        self.letters_written.set()
        log.error("engagement.refused", partition=origin.partition, entry=origin.entry, line=origin.line)

    def _begin(self, moves: Mapping[int, Move]) -> UUID:
        write_id = uuid7()
        for partition in moves:
            self.tapes[partition].begin(write_id)
        return write_id

    def _committed(self, moves: Mapping[int, Move], write_id: UUID) -> None:
        for partition, move in moves.items():
            self.tapes[partition].committed(move, write_id)

    def _halve(self, draft: Draft) -> None:
        self._most = max(1, draft.lines // 2)
        self._calm = 0

    def _report(self, draft: Draft) -> None:
        events_total.labels("counted").inc(draft.events)
        events_total.labels("duplicate").inc(draft.duplicates)
        events_total.labels("dead").inc(len(draft.letters))
        events_total.labels("moved").inc(len(draft.strays))
        if draft.letters:
            self.letters_written.set()
        self._calm += 1
        if self._most < self.settings.most_events and self._calm >= CALM:
            self._most = min(self.settings.most_events, self._most * 2)
            self._calm = 0
