"""The group commit of delivery: whatever was noted while the last write ran goes into the next one.

One write at a time, one id a write. A write that failed, or whose answer was lost, is never simply
repeated: the position rows say whether it happened and which partitions are still ours.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

import structlog

from famedash.infra.database import Database
from famedash.infra.errors import Postponed
from famedash.infra.log.fence import standings
from famedash.infra.log.model import Move
from famedash.infra.loop import AGAIN_LATER
from famedash.webhooks import service
from famedash.webhooks.model import LaneKey
from famedash.webhooks.window import Note, Window

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Part:
    """One partition's share of a group."""

    window: Window
    move: Move
    notes: list[Note]


Recorded = Callable[[Window, Sequence[Note], "dict[LaneKey, bool] | None"], None]
"""Told after a commit: partition, notes, and which lanes still have rows (None: the answer was lost)."""


class Recorder:
    def __init__(self, database: Database, recorded: Recorded, lost: Callable[[Window], None]) -> None:
        self.database = database
        self.recorded = recorded
        self.lost = lost
        self._notes: dict[Window, list[Note]] = {}
        self._wake = asyncio.Event()
        self._next: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._writing: asyncio.Future[None] | None = None

    def add(self, window: Window, *notes: Note) -> None:
        """Note outcomes for the next write; without notes, only that the position may move."""
        self._notes.setdefault(window, []).extend(notes)
        self._wake.set()

    async def flush(self) -> None:
        """Return once all that was added before is committed, or its partition lost."""
        if self._notes:
            await asyncio.shield(self._next)
        elif self._writing:
            await asyncio.shield(self._writing)

    async def run(self) -> None:
        """Write group after group, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            notes, self._notes = self._notes, {}
            self._writing, self._next = self._next, asyncio.get_running_loop().create_future()
            await self._write(self._gather(notes), uuid4())
            self._writing.set_result(None)
            self._writing = None

    @staticmethod
    def _gather(noted: dict[Window, list[Note]]) -> list[Part]:
        parts = []
        for window, notes in noted.items():
            move = None if window.closed else window.settle(notes)
            if move:
                parts.append(Part(window, move, notes))
        return parts

    async def _write(self, parts: list[Part], write_id: UUID) -> None:
        """Write until it is certain, leaving out the partitions that turn out to be lost."""
        for part in parts:
            part.window.begin(write_id)
        doubtful = False
        while parts := [part for part in parts if not part.window.closed]:
            try:
                waits = None
                if not (doubtful and await self._happened(parts, write_id)):
                    waits = await self._record(parts, write_id)
            except AGAIN_LATER as reason:
                log.warning("delivery.write_in_doubt", reason=str(reason) or type(reason).__name__)
                doubtful = True
                await asyncio.sleep(0.2)
            else:
                self._done(parts, write_id, waits)
                break

    async def _record(self, parts: Sequence[Part], write_id: UUID) -> dict[LaneKey, bool]:
        """The write itself. Raises `Postponed` when a partition is known to be lost meanwhile."""
        if any(part.window.closed for part in parts):
            raise Postponed("A partition of the group was lost.")
        notes = [note for part in parts for note in part.notes]
        async with self.database.transaction() as tx:
            return await service.record(tx, [part.move for part in parts], notes, write_id)

    async def _happened(self, parts: Sequence[Part], write_id: UUID) -> bool:
        """Our id in a row means that all of it happened; a row that is neither ours nor as before is lost."""
        now = await standings(self.database, service.READER, [part.move.standing.partition for part in parts])
        if any(standing.write_id == write_id for standing in now.values()):
            return True
        for part in parts:
            before, after = part.move.standing, now[part.move.standing.partition]
            if (after.epoch, after.write_id) != (before.epoch, before.write_id):
                self.lost(part.window)
        return False

    def _done(self, parts: Sequence[Part], write_id: UUID, waits: dict[LaneKey, bool] | None) -> None:
        for part in parts:
            part.window.committed(part.move, write_id, part.notes)
            self.recorded(part.window, part.notes, waits)
