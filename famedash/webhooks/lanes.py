"""Which delivery goes out next: one at a time in a lane, as many at once as the endpoint has slots.

Pure transitions; the windows hold the lanes, this holds the endpoints' slots.
"""

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from famedash.webhooks.model import EndpointKey, LaneKey
from famedash.webhooks.window import Lane, Note, Row, Taken, Window

LONGEST_WAIT_SECONDS = 1.0
"""In memory, for a slot or behind a try: a receiver that hangs must not fill what all share."""


@dataclass(slots=True, eq=False)
class Slots:
    """An endpoint's deliveries in flight, and its lanes that could send if there were room."""

    in_flight: int = 0
    rows_are_due: bool = False
    under_way: set[tuple[Window, Lane]] = field(default_factory=set)
    ready: deque[tuple[Window, Lane]] = field(default_factory=deque)


class Lanes:
    """`cap`: how many deliveries of an endpoint may be open at once."""

    def __init__(self, cap: Callable[[EndpointKey], int]) -> None:
        self.cap = cap
        self.endpoints: dict[EndpointKey, Slots] = {}
        self._sendable: dict[EndpointKey, Slots] = {}

    def free(self, endpoint: EndpointKey) -> int:
        slots = self.endpoints.get(endpoint)
        return self.cap(endpoint) - (slots.in_flight if slots else 0)

    def take_up(self, window: Window, taken: Taken, *, lane_waits: bool) -> Note | None:
        """Queue a delivery from the log; or the row it must become, because older versions wait as rows."""
        lane = window.lane(taken.delivery.lane)
        no_room = not lane.queue and self._overflows(taken.delivery.endpoint)
        lane.parked = lane.parked or lane_waits or no_room
        if lane.parked:
            lane.unwritten_rows += 1
            return _parked(lane, taken)
        lane.queue.append(taken)
        window.unsent += 1
        self._offer(window, lane)
        return None

    def next(self, now: float) -> tuple[Window, Taken] | None:
        """The next delivery that may go out at `now` (monotonic), its lane and slot taken; None: wait."""
        for key, slots in list(self._sendable.items()):
            for _ in range(len(slots.ready)):
                window, lane = slots.ready.popleft()
                lane.offered, lane.waits_since = False, None
                if window.closed or not lane.queue:
                    continue
                if not window.may_send(now):
                    self._put_back(slots, window, lane)
                    continue
                taken = lane.queue.popleft()
                window.unsent -= 1
                self._start(window, lane, slots, from_log=True)
                self._refresh(key, slots)
                return window, taken
            self._refresh(key, slots)
        return None

    def overflow(self, now: float) -> list[tuple[Window, Note]]:
        """What becomes rows because it has waited `LONGEST_WAIT_SECONDS` up to `now` (monotonic).

        For a slot, or behind a try that is under way: whole lanes, in their order. Asked every so often: a
        wait begins when it is first seen here.
        """
        found: list[tuple[Window, Note]] = []
        for key, slots in list(self.endpoints.items()):
            waiting = [] if key in self._sendable else list(slots.ready)
            for window, lane in waiting:
                if _too_long(lane, "waits_since", now):
                    slots.ready.remove((window, lane))
                    lane.offered, lane.waits_since = False, None
                    found += [(window, note) for note in self._park(window, lane)]
            for window, lane in slots.under_way:
                if _too_long(lane, "busy_since", now):
                    found += [(window, note) for note in self._park(window, lane)]
            self._forget_idle(key, slots)
        return found

    @staticmethod
    def _park(window: Window, lane: Lane) -> list[Note]:
        """Everything that queues in the lane, as rows."""
        behind = list(lane.queue)
        lane.queue.clear()
        window.unsent -= len(behind)
        lane.parked = True
        lane.unwritten_rows += len(behind)
        return [_parked(lane, one) for one in behind]

    def _overflows(self, endpoint: EndpointKey) -> bool:
        """It has rows that are due and no slot for them: what is new waits behind them, in the database."""
        slots = self.endpoints.get(endpoint)
        return slots is not None and slots.rows_are_due and self.free(endpoint) <= 0

    def start_row(self, window: Window, taken: Taken) -> None:
        """A waiting row goes out: its lane and one of its endpoint's slots are taken."""
        lane = window.lane(taken.delivery.lane)
        lane.parked = True
        key = taken.delivery.endpoint
        slots = self.endpoints.setdefault(key, Slots())
        self._start(window, lane, slots, from_log=False)
        self._refresh(key, slots)

    def kept(self) -> set[EndpointKey]:
        """Where a slot is kept for rows."""
        return {key for key, slots in self.endpoints.items() if slots.rows_are_due}

    def keep_room(self, endpoints: Collection[EndpointKey], *, instead_of: Collection[EndpointKey]) -> None:
        """These have rows that are due and found no slot: deliveries from the log leave them one.

        `instead_of`: what was `kept` when that was asked; a slot kept since then stays so.
        """
        for key, slots in list(self.endpoints.items()):
            slots.rows_are_due = key in endpoints or (slots.rows_are_due and key not in instead_of)
            self._refresh(key, slots)
            self._forget_idle(key, slots)

    def has_room_for_rows(self) -> bool:
        """Is a slot free where one was kept?"""
        return any(slots.rows_are_due and self.free(key) > 0 for key, slots in self.endpoints.items())

    def finish(self, window: Window, taken: Taken) -> Lane:
        """It came back, whatever the answer: the slot is free again, the lane waits for the verdict."""
        lane = window.lane(taken.delivery.lane)
        lane.busy = False
        window.in_flight -= 1
        key = taken.delivery.endpoint
        slots = self.endpoints[key]
        slots.in_flight -= 1
        slots.under_way.discard((window, lane))
        self._refresh(key, slots)
        self._forget_idle(key, slots)
        return lane

    def conclude(self, window: Window, taken: Taken, note: Note) -> list[Note]:
        """What came of it lets the lane go on, or not yet; answers all that is to be written down.

        Delivered from the log: the next version may go at once. Dead or expired: not before that is
        committed. It waits as a row: so must everything that queues behind it.
        """
        lane = self.finish(window, taken)
        if note.row:
            lane.unwritten_rows += 1
            return [note, *self._park(window, lane)]
        if lane.parked and not taken.from_row:
            note = replace(note, frees_lane=True)
        lane.held = lane.held or note.ends_lane
        self._offer(window, lane)
        return [note]

    def after_commit(
        self, window: Window, notes: Sequence[Note], waits: Mapping[LaneKey, bool] | None
    ) -> None:
        """These are on record. `waits`: which of the lanes whose rows were touched still have rows.

        None when the answer was lost: then a lane stays parked if it was, and the next row that joins it
        finds out. (One that was forgotten meanwhile was judged anew by what the database knows.)
        """
        of_lane: dict[LaneKey, list[Note]] = {}
        for note in notes:
            if note.touches_lane or note.ends_lane or note.row:
                of_lane.setdefault(note.taken.delivery.lane, []).append(note)
        for key, some in of_lane.items():
            lane = window.lane(key)
            lane.unwritten_rows -= sum(note.row is not None for note in some)
            lane.held = lane.held and not any(note.ends_lane for note in some)
            if any(note.touches_lane for note in some):
                if waits is not None:
                    lane.parked = waits[key] or lane.unwritten_rows > 0
                if lane.parked:
                    self._keep_a_slot((key[0], key[2]))
            self._offer(window, lane)

    def _keep_a_slot(self, endpoint: EndpointKey) -> None:
        """It has rows: where it has no slot left, the next one is theirs, until `keep_room` knows better."""
        slots = self.endpoints.get(endpoint)
        if slots and self.free(endpoint) <= 0:
            slots.rows_are_due = True
            self._refresh(endpoint, slots)

    def _offer(self, window: Window, lane: Lane) -> None:
        if lane.queue and not (lane.busy or lane.held or lane.parked or lane.offered or window.closed):
            key = lane.queue[0].delivery.endpoint
            slots = self.endpoints.setdefault(key, Slots())
            self._put_back(slots, window, lane)
            self._refresh(key, slots)

    def _forget_idle(self, key: EndpointKey, slots: Slots) -> None:
        if not (slots.in_flight or slots.ready or slots.rows_are_due):
            del self.endpoints[key]

    @staticmethod
    def _put_back(slots: Slots, window: Window, lane: Lane) -> None:
        lane.offered = True
        slots.ready.append((window, lane))

    @staticmethod
    def _start(window: Window, lane: Lane, slots: Slots, *, from_log: bool) -> None:
        lane.busy, lane.busy_since, lane.sends_from_log = True, None, from_log
        slots.under_way.add((window, lane))
        window.in_flight += 1
        slots.in_flight += 1

    def _refresh(self, key: EndpointKey, slots: Slots) -> None:
        if slots.ready and slots.in_flight < self.cap(key) - slots.rows_are_due:
            self._sendable[key] = slots
        else:
            self._sendable.pop(key, None)


def _parked(lane: Lane, taken: Taken) -> Note:
    return Note(taken, row=Row(taken.delivery.tries), behind=lane.busy and lane.sends_from_log)


def _too_long(lane: Lane, since: str, now: float) -> bool:
    """Has it waited so long? The first look only notes the time."""
    if getattr(lane, since) is None:
        setattr(lane, since, now)
    return bool(now - getattr(lane, since) >= LONGEST_WAIT_SECONDS)
