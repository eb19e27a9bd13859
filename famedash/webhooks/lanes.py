"""Which delivery goes out next: one at a time in a lane, as many at once as the endpoint has slots.

Pure transitions; the windows hold the lanes, this holds the endpoints' slots.
"""

from collections import deque
from dataclasses import dataclass, field

from famedash.webhooks.model import EndpointKey
from famedash.webhooks.window import Lane, Taken, Window


@dataclass(slots=True, eq=False)
class Slots:
    """An endpoint's deliveries in flight, and its lanes that could send if there were room."""

    in_flight: int = 0
    ready: deque[tuple[Window, Lane]] = field(default_factory=deque)


class Lanes:
    def __init__(self, max_in_flight: int) -> None:
        self.max_in_flight = max_in_flight
        self.endpoints: dict[EndpointKey, Slots] = {}
        self._sendable: dict[EndpointKey, Slots] = {}

    def free(self, endpoint: EndpointKey) -> int:
        slots = self.endpoints.get(endpoint)
        return self.max_in_flight - slots.in_flight if slots else self.max_in_flight

    def take_up(self, window: Window, taken: Taken, *, lane_waits: bool) -> bool:
        """Queue a delivery from the log. False: older versions wait as rows, so it must become one too."""
        lane = window.lane(taken.delivery.lane)
        lane.parked = lane.parked or lane_waits
        if lane.parked:
            lane.unwritten_rows += 1
            return False
        lane.queue.append(taken)
        window.unsent += 1
        self._offer(window, lane)
        return True

    def next(self, now: float) -> tuple[Window, Taken] | None:
        """The next delivery that may go out at `now` (monotonic), its lane and slot taken; None: wait."""
        for key, slots in list(self._sendable.items()):
            for _ in range(len(slots.ready)):
                window, lane = slots.ready.popleft()
                lane.offered = False
                if window.closed or not lane.queue:
                    continue
                if not window.may_send(now):
                    self._put_back(slots, window, lane)
                    continue
                taken = lane.queue.popleft()
                window.unsent -= 1
                self._start(window, lane, slots)
                self._refresh(key, slots)
                return window, taken
            self._refresh(key, slots)
        return None

    def start_row(self, window: Window, taken: Taken) -> None:
        """A waiting row goes out: its lane and one of its endpoint's slots are taken."""
        lane = window.lane(taken.delivery.lane)
        lane.parked = True
        key = taken.delivery.endpoint
        slots = self.endpoints.setdefault(key, Slots())
        self._start(window, lane, slots)
        self._refresh(key, slots)

    def finish(self, window: Window, taken: Taken) -> Lane:
        """It came back, whatever the answer: the slot is free again, the lane waits for the verdict."""
        lane = window.lane(taken.delivery.lane)
        lane.busy = False
        window.in_flight -= 1
        key = taken.delivery.endpoint
        slots = self.endpoints[key]
        slots.in_flight -= 1
        self._refresh(key, slots)
        if not slots.in_flight and not slots.ready:
            del self.endpoints[key]
        return lane

    def go_on(self, window: Window, lane: Lane) -> None:
        """Delivered from the log: the next version may go at once."""
        self._offer(window, lane)

    def hold(self, lane: Lane) -> None:
        """Dead or expired: nothing more is sent in this lane before that is committed."""
        lane.held = True

    def park(self, window: Window, lane: Lane) -> list[Taken]:
        """It waits now as a row, and so must all that queues behind it: answers these, oldest first."""
        behind = list(lane.queue)
        lane.queue.clear()
        window.unsent -= len(behind)
        lane.parked = True
        lane.unwritten_rows += 1 + len(behind)
        return behind

    def recorded(
        self, window: Window, lane: Lane, *, rows_written: int, waits: bool | None, released: bool = True
    ) -> None:
        """A write of this lane is committed; `waits` says whether rows remain (None: it was not asked).

        `released`: the death or expiry that held the lane was among it.
        """
        lane.unwritten_rows -= rows_written
        lane.held = lane.held and not released
        if waits is not None:
            lane.parked = waits or lane.unwritten_rows > 0
        self._offer(window, lane)

    def _offer(self, window: Window, lane: Lane) -> None:
        if lane.queue and not (lane.busy or lane.held or lane.parked or lane.offered or window.closed):
            key = lane.queue[0].delivery.endpoint
            slots = self.endpoints.setdefault(key, Slots())
            self._put_back(slots, window, lane)
            self._refresh(key, slots)

    @staticmethod
    def _put_back(slots: Slots, window: Window, lane: Lane) -> None:
        lane.offered = True
        slots.ready.append((window, lane))

    @staticmethod
    def _start(window: Window, lane: Lane, slots: Slots) -> None:
        lane.busy = True
        window.in_flight += 1
        slots.in_flight += 1

    def _refresh(self, key: EndpointKey, slots: Slots) -> None:
        if slots.ready and slots.in_flight < self.max_in_flight:
            self._sendable[key] = slots
        else:
            self._sendable.pop(key, None)
