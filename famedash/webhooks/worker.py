"""The webhook worker: owns partitions, keeps their lanes moving, and puts every try on record.

Its loops: renew the leases, take up from the log, fetch waiting rows that are due, write outcomes. Sends are
tasks of their own, one for each delivery in flight.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime

import structlog

from famedash.infra.database import Database
from famedash.infra.log.model import Log
from famedash.infra.log.ownership import Ownership, Share
from famedash.infra.loop import AGAIN_LATER, Stop, repeat
from famedash.infra.sealing import Seal
from famedash.infra.telemetry import counter, histogram
from famedash.webhooks import pipeline, queries, service
from famedash.webhooks.batch import Recorder
from famedash.webhooks.consumer import Consumer
from famedash.webhooks.endpoints import Endpoints
from famedash.webhooks.lanes import Lanes
from famedash.webhooks.model import Attempt, Delivery, EndpointKey, LaneKey, Status
from famedash.webhooks.sender import Sender
from famedash.webhooks.settings import WebhookSettings
from famedash.webhooks.window import Note, Taken, Window

log = structlog.get_logger()
attempts_total = counter("famedash_webhook_attempts_total", "Tries, by what came of them.", ["status"])
attempt_seconds = histogram("famedash_webhook_attempt_seconds", "How long receivers take to answer.")
_attempts_of = {status: attempts_total.labels(status) for status in Status}

RENEW_SECONDS = 1.0
PARK_SECONDS = 0.2
FLUSH_SECONDS = 1.5


def now() -> datetime:
    return datetime.now(UTC)


class Deliverer:
    def __init__(
        self,
        database: Database,
        log: Log,
        sender: Sender,
        settings: WebhookSettings,
        seal: Seal,
        *,
        ownership: Ownership | None = None,
    ) -> None:
        self.database = database
        self.sender = sender
        self.settings = settings
        self.ownership = ownership or Ownership(database, service.READER)
        self.endpoints = Endpoints(settings, seal)
        self.windows: dict[int, Window] = {}
        self.lanes = Lanes(self.endpoints.cap)
        self.recorder = Recorder(database, self._recorded, self._lose)
        self.consumer = Consumer(
            database,
            log,
            windows=self.windows,
            lanes=self.lanes,
            recorder=self.recorder,
            endpoints=self.endpoints,
        )
        self._sends: dict[asyncio.Task[None], tuple[Window, Taken]] = {}
        self._due = asyncio.Event()
        self._lost: set[int] = set()
        self._leaving = False
        self._bug: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self, stop: Stop) -> None:
        """Deliver until asked to stop, then leave nothing unrecorded and release what is owned."""
        async with self.database.transaction() as tx:
            await service.follow_url(tx, self.settings.url)
        renewing = asyncio.create_task(repeat("webhooks.renew", self._renew, Stop()))
        writing = asyncio.create_task(self.recorder.run())
        reading = asyncio.create_task(repeat("webhooks.read", self._read, stop))
        fetching = asyncio.create_task(repeat("webhooks.due", lambda: self._fetch_due(stop), stop))
        parking = asyncio.create_task(repeat("webhooks.park", self._park, Stop()))
        tasks = [renewing, writing, reading, fetching, parking, self._bug]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            await self._leave(reading, fetching, renewing=renewing)
        finally:
            for task in (*tasks, *self._sends):
                task.cancel()

    # --- owning

    async def _renew(self) -> None:
        if lost := set(self._lost):
            await self.ownership.forfeit(lost)
            self._lost -= lost  # what was lost meanwhile is forfeited next time
        self.adopt(await self.ownership.renew(claim=not self._leaving))
        await self._release_drained()
        await asyncio.sleep(0 if self._lost else RENEW_SECONDS)

    def adopt(self, share: Share) -> None:
        """Take what is newly ours, drop what is not ours any more or was written by somebody else.

        What was dropped is taken again only under a new epoch, whose owner suspects what we sent from it.
        """
        for partition, window in list(self.windows.items()):
            standing = share.held.get(partition)
            if standing is None or not window.agrees_with(standing):
                self._lose(window)
            else:
                window.fresh_until = share.fresh_until
        for partition, standing in share.held.items():
            if partition not in self.windows and partition not in self._lost and not self._leaving:
                self.windows[partition] = Window(standing, fresh_until=share.fresh_until)
        staying = [window for window in self.windows.values() if not window.draining]
        excess = share.surplus - (len(self.windows) - len(staying))
        for window in staying[: max(0, excess)]:
            window.draining = True
        self._pump()

    def _lose(self, window: Window) -> None:
        window.closed = True
        partition = window.standing.partition
        if self.windows.get(partition) is window:
            del self.windows[partition]
            self._lost.add(partition)
            log.warning("partition.lost", partition=partition, epoch=window.standing.epoch)

    async def _release_drained(self) -> None:
        if self._leaving:
            return
        quiet = [window for window in self.windows.values() if window.draining and not window.in_flight]
        if quiet:
            await self.recorder.flush()
            await self._release(quiet)

    async def _release(self, windows: Sequence[Window]) -> None:
        for window in windows:
            window.closed = True
            self.windows.pop(window.standing.partition, None)
        await self.ownership.release([window.standing.partition for window in windows])

    # --- taking up

    async def _read(self) -> None:
        if await self.consumer.step():
            self._pump()

    async def _fetch_due(self, stop: Stop) -> None:
        """Send what is due, as far as slots are free; then wait for the next due time.

        What is due and found no slot, or its lane under way, is looked for again when that comes back.
        """
        self._due.clear()
        windows = {n: window for n, window in self.windows.items() if window.ready and not window.draining}
        looked_at, pause = now(), 1.0
        if windows:
            if await self._send_due(windows, looked_at):
                return
            next_due = await queries.next_due_at(self.database, windows, after=looked_at)
            pause = min(1.0, max(0.0, (next_due - now()).total_seconds())) if next_due else 1.0
        await stop.wait_or(self._due, pause)

    async def _send_due(self, windows: Mapping[int, Window], looked_at: datetime) -> int:
        free = {key: self.lanes.free(key) for key in self.lanes.endpoints}
        kept = self.lanes.kept()
        deliveries = await queries.due(
            self.database, windows, now=looked_at, free=free, otherwise_free=self.settings.max_in_flight
        )
        await self.endpoints.refresh(self.database, {delivery.workspace for delivery in deliveries})
        started = [pair for one in deliveries if (pair := self._start_row(windows[one.partition], one))]
        self.lanes.keep_room(_without_room(deliveries, started), instead_of=kept)
        self._pump()
        for window, taken in started:  # also what has expired: unmarked it would be fetched twice
            self.recorder.add(window, Note(taken, mark_sending=True))
        await self.recorder.flush()
        for window, taken in started:
            self._spawn(window, taken)
        return len(started)

    def _start_row(self, window: Window, delivery: Delivery) -> tuple[Window, Taken] | None:
        """Take the row's lane and a slot; None where there is no room, or the partition was lost."""
        if window.closed or self.lanes.free(delivery.endpoint) <= 0:
            return None
        if window.lane(delivery.lane).busy:
            return None
        taken = Taken(delivery, None)
        self.lanes.start_row(window, taken)
        return window, taken

    async def _park(self) -> None:
        """What has waited too long for one of its endpoint's slots waits in the database instead."""
        for window, note in self.lanes.overflow(time.monotonic()):
            self.recorder.add(window, note)
        await asyncio.sleep(PARK_SECONDS)

    # --- sending

    def _pump(self) -> None:
        """Start everything that may go out now."""
        while started := self.lanes.next(time.monotonic()):
            self._spawn(*started)

    def _spawn(self, window: Window, taken: Taken) -> None:
        task = asyncio.create_task(self._send(window, taken))
        self._sends[task] = (window, taken)
        task.add_done_callback(self._sent)

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sends.pop(task, None)
        if not task.cancelled() and (bug := task.exception()) and not self._bug.done():
            self._bug.set_exception(bug)

    async def _send(self, window: Window, taken: Taken) -> None:
        while not window.closed and time.monotonic() >= window.fresh_until:  # noqa: ASYNC110 - a clock, not an event
            await asyncio.sleep(0.05)
        if window.closed:
            self.lanes.finish(window, taken)
            return
        target = self.endpoints.target(taken.delivery.endpoint)
        if target is None or self.endpoints.expired(taken.delivery):
            note = pipeline.expire(taken, now=now())
        else:
            note = await pipeline.try_once(self.sender, taken, target, settings=self.settings, clock=now)
        if asyncio.current_task() in self._sends:  # else it was interrupted and is on record
            self._conclude(window, taken, note)

    def _conclude(self, window: Window, taken: Taken, note: Note) -> None:
        """Write down what came of it, and let the lane go on as far as it may."""
        if window.closed or note.attempt is None:
            self.lanes.finish(window, taken)
            return
        _report(note.attempt)
        if note.disables:
            self.endpoints.switched_off(taken.delivery.endpoint, now())
        self.recorder.add(window, *self.lanes.conclude(window, taken, note))
        if self.lanes.has_room_for_rows():
            self._due.set()
        self._pump()

    def _recorded(self, window: Window, notes: Sequence[Note], waits: dict[LaneKey, bool] | None) -> None:
        """After a commit: lanes that waited for it go on; due rows are looked for where there is room."""
        self.lanes.after_commit(window, notes, waits)
        if any(note.touches_lane and self.lanes.free(note.taken.delivery.endpoint) > 0 for note in notes):
            self._due.set()
        self._pump()

    # --- leaving

    async def _leave(self, *taking_up: asyncio.Task[None], renewing: asyncio.Task[None]) -> None:
        """Wait for open sends, record the rest as interrupted, and give everything back.

        Where the database is away nothing is given back: the next owner suspects what could not be recorded.
        """
        self._leaving = True
        until = time.monotonic() + self.settings.stop_seconds
        for window in self.windows.values():
            window.draining = True
        ended, stuck = await asyncio.wait(taking_up, timeout=self.settings.stop_seconds)
        for task in ended:
            task.result()
        for task in stuck:
            task.cancel()
        if self._sends:
            await asyncio.wait(list(self._sends), timeout=max(0.0, until - time.monotonic()))
        self._interrupt_sends()
        with suppress(*AGAIN_LATER):  # TimeoutError is one of them
            await asyncio.wait_for(self.recorder.flush(), FLUSH_SECONDS)
            renewing.cancel()
            await asyncio.wait([renewing])
            await self._release(list(self.windows.values()))
            await self.ownership.leave()

    def _interrupt_sends(self) -> None:
        """What is still open may arrive or not: it is on record, and waits to be sent again."""
        for task, (window, taken) in list(self._sends.items()):
            if not task.done():
                del self._sends[task]
                task.cancel()
                self._conclude(window, taken, pipeline.interrupt(taken, now=now()))


def _without_room(
    deliveries: Sequence[Delivery], started: Sequence[tuple[Window, Taken]]
) -> set[EndpointKey]:
    """The endpoints that have due rows for which there was no slot."""
    sent = {id(taken.delivery) for _, taken in started}
    return {delivery.endpoint for delivery in deliveries if id(delivery) not in sent}


def _report(attempt: Attempt) -> None:
    """One log line an outcome, where it is decided."""
    delivery, reply = attempt.delivery, attempt.reply
    _attempts_of[attempt.status].inc()
    if reply:
        attempt_seconds.observe(reply.duration_ms / 1000)
    fields = {
        "workspace": delivery.workspace,
        "campaign": delivery.campaign_id,
        "version": delivery.version,
        "endpoint": delivery.endpoint_id,
        "attempt": attempt.number,
    }
    match attempt.status:
        case Status.RETRYING:
            log.warning(
                "delivery.attempt_failed",
                **fields,
                error_class=reply.error_class if reply else None,
                next_attempt_at=attempt.next_attempt_at.isoformat() if attempt.next_attempt_at else None,
            )
        case Status.DEAD:
            log.error("delivery.given_up", **fields, error_class=reply.error_class if reply else None)
        case Status.DELIVERED:
            log.debug("delivery.delivered", **fields)
        case _:
            log.warning(f"delivery.{attempt.status}", **fields)
