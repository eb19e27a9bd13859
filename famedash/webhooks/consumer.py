"""Takes events up from the log: whom they are owed to, what is settled already, and which lane they join."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import structlog

from famedash.infra.database import Database
from famedash.infra.errors import Unreadable
from famedash.infra.log.model import Batch, Entry, Log
from famedash.infra.log.ownership import WINDOW
from famedash.webhooks import pipeline, queries
from famedash.webhooks.batch import Recorder
from famedash.webhooks.decode import event_of
from famedash.webhooks.endpoints import Endpoints
from famedash.webhooks.lanes import Lanes
from famedash.webhooks.model import Delivery, Event
from famedash.webhooks.queries import Known
from famedash.webhooks.window import Taken, Window

log = structlog.get_logger()

ROOM = 64
"""More than an entry owes: a workspace has 51 endpoints."""
READ_AHEAD = 32
"""Unsent deliveries of a partition in memory: enough to keep its slots busy, few enough to wait briefly."""

Owed = list[tuple[Window, Entry, list[Delivery]]]


class Consumer:
    def __init__(
        self,
        database: Database,
        log: Log,
        *,
        windows: dict[int, Window],
        lanes: Lanes,
        recorder: Recorder,
        endpoints: Endpoints,
    ) -> None:
        self.database = database
        self.log = log
        self.windows = windows
        self.lanes = lanes
        self.recorder = recorder
        self.endpoints = endpoints

    async def step(self) -> bool:
        """One look at every partition that has room; answers whether anything was taken up."""
        await self._recover()
        open_windows = [window for window in self.windows.values() if window.ready and not window.draining]
        roomy = [window for window in open_windows if _has_room(window)]
        if not roomy:
            await asyncio.sleep(0.002 if open_windows else 0.05)
            return False
        batches = await self.log.read(
            {window.standing.partition: window.cursor for window in roomy},
            limit=READ_AHEAD,
            wait_seconds=0.25 if len(roomy) == len(open_windows) else 0.002,
        )
        still_owned = [batch for batch in batches if self.windows.get(batch.partition) in roomy]
        await self.take_up(still_owned)
        if not batches:
            self._forget()
        return bool(batches)

    def _forget(self) -> None:
        """While nothing comes: lanes that are done with, such as those of rows and replays."""
        for window in self.windows.values():
            window.forget_recorded()

    async def take_up(self, batches: Sequence[Batch]) -> None:
        """Give every event its lane or its row. One question to the database for the whole batch."""
        owed = await self._owed(batches)
        deliveries = [delivery for _, _, some in owed for delivery in some]
        for window in {window for window, _, _ in owed}:
            window.forget_recorded()
        known = await queries.known(self.database, deliveries) if deliveries else []
        await self._admit(owed, dict(zip(map(id, deliveries), known, strict=True)))

    async def _owed(self, batches: Sequence[Batch]) -> Owed:
        """Every entry with the deliveries it owes; what cannot be read owes nothing and is reported."""
        found: list[tuple[Window, Entry, Event | None]] = []
        for batch in batches:
            window = self.windows.get(batch.partition)
            if window is None or window.closed:
                continue
            self._note_gap(window, batch)
            found += [(window, entry, _event(batch.partition, entry)) for entry in batch.entries]
        await self.endpoints.refresh(self.database, {event.workspace for _, _, event in found if event})
        return [
            (window, entry, self.endpoints.owing(event) if event else []) for window, entry, event in found
        ]

    def _note_gap(self, window: Window, batch: Batch) -> None:
        if batch.gap is None or window.standing.gap_noted or window.gap == batch.gap:
            return
        log.error(
            "log.gap",
            partition=batch.partition,
            expected=batch.gap.expected,
            resumed_at=batch.gap.resumed_at,
        )
        window.gap = batch.gap
        self.recorder.add(window)

    async def _admit(self, owed: Owed, known: dict[int, Known]) -> None:
        taken: list[tuple[Window, Taken, bool]] = []
        full: set[Window] = set()
        for window, entry, deliveries in owed:
            if window.uncommitted and window.uncommitted + len(deliveries) > WINDOW:
                full.add(window)  # its entries from here on are read again when there is room
            if window.closed or window in full:
                continue
            fresh = [one for one in deliveries if not known[id(one)].settled and not window.has(one)]
            waits = {one.endpoint_id: known[id(one)].lane_waits for one in fresh}
            for one in window.open(entry.id, fresh):
                taken.append((window, one, waits[one.delivery.endpoint_id]))
            self.recorder.add(window)
        await self._own_up([(window, one) for window, one, _ in taken if one.suspected])
        for window, one, lane_waits in taken:
            note = None if window.closed else self.lanes.take_up(window, one, lane_waits=lane_waits)
            if note:
                self.recorder.add(window, note)

    async def _own_up(self, suspects: list[tuple[Window, Taken]]) -> None:
        """What a dead owner may have sent gets its `interrupted` row before it is sent again."""
        now = datetime.now(UTC)
        for window, taken in suspects:
            self.recorder.add(window, pipeline.suspect(taken, now=now))
        if suspects:
            await self.recorder.flush()

    async def _recover(self) -> None:
        """First thing after a take-over: rows the last owner marked `sending` may have been sent."""
        for window in [window for window in self.windows.values() if not window.ready]:
            for delivery in await queries.marked(self.database, window.standing.partition):
                lane = window.lane(delivery.lane)
                lane.parked = True
                lane.unwritten_rows += 1
                self.recorder.add(window, pipeline.interrupt(Taken(delivery, None), now=datetime.now(UTC)))
            await self.recorder.flush()
            window.ready = True


def _event(partition: int, entry: Entry) -> Event | None:
    try:
        return event_of(entry.data, partition=partition)
    except Unreadable as reason:
        log.error("log.entry_unreadable", partition=partition, entry=entry.id, reason=str(reason))
        return None


def _has_room(window: Window) -> bool:
    return window.unsent < READ_AHEAD and window.uncommitted + ROOM <= WINDOW
