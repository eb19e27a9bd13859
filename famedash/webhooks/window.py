"""One owned partition in memory: what was taken up from it and is not committed yet. No I/O, no clock.

A delivery leaves memory when its outcome, or a waiting row, is committed; the position moves up to the
oldest entry that still has a delivery without either.
"""

from collections import deque
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from famedash.infra.log.model import Gap, Move, Position, Standing
from famedash.webhooks.model import Attempt, Delivery, LaneKey, Status


@dataclass(slots=True)
class Slot:
    """A log entry, and how many of its deliveries have neither an outcome nor a row in a write yet."""

    entry: str
    unsettled: int


@dataclass(slots=True, eq=False)
class Taken:
    """A delivery that was taken up: from the log (it has a slot) or from its waiting row (it has none).

    `suspected`: an owner that died may have sent it already.
    """

    delivery: Delivery
    slot: Slot | None
    suspected: bool = False

    @property
    def from_row(self) -> bool:
        return self.slot is None


@dataclass(frozen=True, slots=True)
class Row:
    """What the delivery's waiting row shall say; `due_at` is None behind the head of its lane."""

    tries: int
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Note:
    """What one delivery adds to a group write: its attempt, and what becomes of its row and its endpoint.

    `behind`: its row stands behind a delivery of its lane that is under way and has none. `frees_lane`: that
    delivery is over.
    """

    taken: Taken
    attempt: Attempt | None = None
    row: Row | None = None
    drop_row: bool = False
    mark_sending: bool = False
    letter_id: UUID | None = None
    disables: bool = False
    behind: bool = False
    frees_lane: bool = False

    @property
    def touches_lane(self) -> bool:
        """The lane's oldest row may go from here on. Not one behind a try under way: until that is over."""
        return self.drop_row or self.frees_lane or (self.row is not None and not self.behind)

    @property
    def ends_lane(self) -> bool:
        """A death or an expiry: what queues behind it may go once this is committed, not before."""
        return self.attempt is not None and self.attempt.status in (Status.DEAD, Status.EXPIRED)

    @property
    def settles(self) -> bool:
        """Counts the delivery off its log entry: it has an outcome or a row from here on."""
        return self.taken.slot is not None and (
            self.row is not None or (self.attempt is not None and self.attempt.is_final)
        )


@dataclass(slots=True, eq=False)
class Lane:
    """One campaign's deliveries to one endpoint, in version order.

    `parked`: older versions stand as waiting rows, so every new one becomes a row behind them.
    `sends_from_log`: what is under way has no row of its own.
    `held`: a death or an expiry is on its way to the database; nothing is sent before it is there.
    """

    key: LaneKey
    queue: deque[Taken] = field(default_factory=deque)
    busy: bool = False
    busy_since: float | None = None
    sends_from_log: bool = False
    held: bool = False
    parked: bool = False
    offered: bool = False
    waits_since: float | None = None
    unwritten_rows: int = 0

    @property
    def is_idle(self) -> bool:
        return not (self.queue or self.busy or self.held or self.offered or self.unwritten_rows)


class Window:
    """The owner's memory of one partition, from its take-over until it is released, lost or taken over."""

    def __init__(self, standing: Standing, *, fresh_until: float) -> None:
        self.standing = standing
        self.fresh_until = fresh_until
        self.cursor = standing.position.entry
        self.gap: Gap | None = None
        self.closed = False
        self.draining = False
        self.ready = False
        self.lanes: dict[LaneKey, Lane] = {}
        self.unsent = 0
        self.in_flight = 0
        self.uncommitted = 0
        self.suspects_left = standing.suspects
        self._slots: deque[Slot] = deque()
        self._settled_to = standing.position
        self._present: set[tuple[UUID, str]] = set()
        self._recorded: list[tuple[UUID, str]] = []
        self._own_writes: list[UUID | None] = [standing.write_id]

    def lane(self, key: LaneKey) -> Lane:
        return self.lanes.setdefault(key, Lane(key))

    def open(self, entry: str, deliveries: list[Delivery]) -> list[Taken]:
        """Take up an entry's deliveries (none is fine: the position still moves past it)."""
        slot = Slot(entry, len(deliveries))
        self._slots.append(slot)
        self.cursor = entry
        taken = [Taken(delivery, slot, self._suspect(delivery)) for delivery in deliveries]
        self._present.update((delivery.event_id, delivery.endpoint_id) for delivery in deliveries)
        self.uncommitted += len(deliveries)
        return taken

    def _suspect(self, delivery: Delivery) -> bool:
        before = self.standing.suspect_before
        if before is None or self.suspects_left <= 0 or delivery.occurred_at >= before:
            return False
        self.suspects_left -= 1
        return True

    def has(self, delivery: Delivery) -> bool:
        """In memory unrecorded, or recorded since the last `forget_recorded`: a repeat adds nothing."""
        return (delivery.event_id, delivery.endpoint_id) in self._present

    def forget_recorded(self) -> None:
        """Called right before the database is asked what it knows: from here on it answers for these."""
        self._present.difference_update(self._recorded)
        self._recorded.clear()
        for key in [key for key, lane in self.lanes.items() if lane.is_idle]:
            del self.lanes[key]

    def settle(self, notes: list[Note]) -> Move | None:
        """The move that a write of `notes` makes; None when there is nothing to write at all."""
        suspects = 0
        for note in notes:
            if note.settles and note.taken.slot:
                note.taken.slot.unsettled -= 1
                suspects += note.taken.suspected
        while self._slots and self._slots[0].unsettled == 0:
            self._settled_to = Position(self._slots.popleft().entry)
        gap = None if self.standing.gap_noted else self.gap
        if not notes and self._settled_to == self.standing.position and gap is None:
            return None
        return Move(self.standing, self._settled_to, suspects, gap)

    def begin(self, write_id: UUID) -> None:
        self._own_writes.append(write_id)

    def committed(self, move: Move, write_id: UUID, notes: list[Note]) -> None:
        """The write happened: remember where we stand, and what the database answers for now."""
        moved = move.to != move.standing.position
        self.standing = replace(
            self.standing,
            position=move.to,
            write_id=write_id,
            gap_noted=False if moved else self.standing.gap_noted or move.gap is not None,
        )
        if move.gap is not None and self.gap is move.gap:
            self.gap = None
        for note in notes:
            if note.settles:
                self.uncommitted -= 1
                delivery = note.taken.delivery
                self._recorded.append((delivery.event_id, delivery.endpoint_id))

    def agrees_with(self, standing: Standing) -> bool:
        """Is the row, as a renewal read it, one that we wrote or took over? (It may be some writes old.)"""
        if standing.epoch != self.standing.epoch or standing.write_id not in self._own_writes:
            return False
        del self._own_writes[: self._own_writes.index(standing.write_id)]
        return True

    def may_send(self, now: float) -> bool:
        """`now` is monotonic. False once the lease may have run out, and while the partition is given up."""
        return not self.closed and not self.draining and now < self.fresh_until
