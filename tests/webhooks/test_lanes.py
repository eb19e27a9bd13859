"""Lanes and windows without any I/O: order, caps, positions, and a seeded simulation with crashes."""

import random
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from famedash.infra.log.model import Position, Standing
from famedash.webhooks.lanes import Lanes
from famedash.webhooks.model import Attempt, Delivery, Status
from famedash.webhooks.window import Note, Row, Taken, Window
from tests.webhooks.builders import NOON, delivery, window


def attempt(taken: Taken, status: Status) -> Attempt:
    return Attempt(uuid4(), taken.delivery, taken.delivery.tries + 1, status, NOON)


def taken_up(lanes: Lanes, into: Window, *deliveries: Delivery) -> list[Taken]:
    taken = [one for number, each in enumerate(deliveries, 1) for one in into.open(f"{number}-0", [each])]
    for one in taken:
        lanes.take_up(into, one, lane_waits=False)
    return taken


def came_back(lanes: Lanes, here: Window, taken: Taken, status: Status) -> list[Note]:
    """The try is over; answers what is to be written."""
    row = Row(1) if status is Status.RETRYING else None
    return lanes.conclude(here, taken, Note(taken, attempt(taken, status), row=row))


def test_a_lane_sends_one_at_a_time() -> None:
    lanes, here = Lanes(lambda _: 8), window()
    first, second = taken_up(lanes, here, delivery(1), delivery(2))

    assert lanes.next(0) == (here, first)
    assert lanes.next(0) is None
    came_back(lanes, here, first, Status.DELIVERED)
    assert lanes.next(0) == (here, second)


def test_an_endpoint_never_has_more_in_flight_than_its_cap() -> None:
    lanes, here = Lanes(lambda _: 2), window()
    taken_up(lanes, here, *(delivery(1, campaign_id=name) for name in "abc"))

    assert lanes.next(0)
    assert lanes.next(0)
    assert lanes.next(0) is None


def test_a_slot_is_kept_for_rows_that_are_due() -> None:
    """PROMISE: a retry goes out when it is due, however much the log has for the same endpoint."""
    lanes, here = Lanes(lambda _: 2), window()
    first, *_ = taken_up(lanes, here, *(delivery(1, campaign_id=name) for name in "abcd"))
    lanes.next(0)
    lanes.next(0)

    lanes.keep_room([first.delivery.endpoint])
    came_back(lanes, here, first, Status.DELIVERED)

    assert lanes.next(0) is None
    assert lanes.has_room_for_rows()
    lanes.keep_room([])
    assert lanes.next(0)


def test_nothing_is_sent_once_the_lease_may_have_run_out() -> None:
    lanes, here = Lanes(lambda _: 8), window()
    here.fresh_until = 10.0
    taken_up(lanes, here, delivery())

    assert lanes.next(10.0) is None
    here.fresh_until = 20.0
    assert lanes.next(10.0)


def test_behind_a_failure_everything_becomes_a_row() -> None:
    lanes, here = Lanes(lambda _: 8), window()
    first, second = taken_up(lanes, here, delivery(1), delivery(2))
    lanes.next(0)

    notes = came_back(lanes, here, first, Status.RETRYING)

    assert [note.taken for note in notes] == [first, second]
    assert all(note.row for note in notes)
    (third,) = here.open("3-0", [delivery(3)])
    assert not lanes.take_up(here, third, lane_waits=False)
    assert lanes.next(0) is None


def test_a_death_holds_its_lane_until_it_is_committed() -> None:
    lanes, here = Lanes(lambda _: 8), window()
    first, second, third = taken_up(lanes, here, delivery(1), delivery(2), delivery(3))
    lanes.next(0)
    delivered = came_back(lanes, here, first, Status.DELIVERED)
    lanes.next(0)
    died = came_back(lanes, here, second, Status.DEAD)

    lanes.after_commit(here, delivered, {})
    (fourth,) = here.open("4-0", [delivery(4)])
    lanes.take_up(here, fourth, lane_waits=False)
    assert lanes.next(0) is None
    lanes.after_commit(here, died, {})
    assert lanes.next(0) == (here, third)


def test_a_lost_answer_parks_only_lanes_whose_rows_were_touched() -> None:
    """PROMISE: a commit whose answer was lost stalls no lane that has its deliveries in memory."""
    lanes, here = Lanes(lambda _: 8), window()
    first, second = taken_up(lanes, here, delivery(1), delivery(2))
    lanes.next(0)
    delivered = came_back(lanes, here, first, Status.DELIVERED)

    lanes.after_commit(here, delivered, None)

    assert lanes.next(0) == (here, second)


def test_a_lane_stays_parked_while_a_row_of_it_is_not_written_yet() -> None:
    """PROMISE: a new version never overtakes a row that the database has not heard of yet."""
    lanes, here = Lanes(lambda _: 8), window()
    first, second, third = (here.open(f"{n}-0", [delivery(n)])[0] for n in (1, 2, 3))
    lanes.take_up(here, first, lane_waits=True)
    lanes.take_up(here, second, lane_waits=False)

    lanes.after_commit(here, [Note(first, row=Row(0))], {first.delivery.lane: False})
    lanes.take_up(here, third, lane_waits=False)

    assert lanes.next(0) is None


def test_the_position_stops_before_the_oldest_unsettled_delivery() -> None:
    lanes, here = Lanes(lambda _: 8), window()
    first, second = taken_up(lanes, here, delivery(1, "a"), delivery(1, "b"))

    later = here.settle([Note(second, attempt(second, Status.DELIVERED))])
    assert later is not None
    assert later.to == Position()
    both = here.settle([Note(first, attempt(first, Status.DELIVERED))])
    assert both is not None
    assert both.to == Position("2-0")


@pytest.mark.parametrize("status", [Status.RETRYING, Status.INTERRUPTED])
def test_a_try_that_settles_nothing_moves_nothing(status: Status) -> None:
    lanes, here = Lanes(lambda _: 8), window()
    (first,) = taken_up(lanes, here, delivery())

    move = here.settle([Note(first, attempt(first, status))])

    assert move is not None
    assert move.to == Position()


def test_an_entry_that_owes_nothing_is_passed() -> None:
    here = window()
    here.open("1-0", [])

    move = here.settle([])

    assert move is not None
    assert move.to == Position("1-0")


def test_only_the_first_deliveries_before_the_take_over_are_suspect() -> None:
    here = window(suspects=2, suspect_before=NOON)
    before, after = NOON - timedelta(seconds=1), NOON

    taken = [
        one
        for number, at in enumerate([before, after, before, before])
        for one in here.open(f"{number}-0", [delivery(number, occurred_at=at)])
    ]

    assert [one.suspected for one in taken] == [True, False, True, False]


def test_what_is_in_memory_or_was_just_recorded_counts_as_present() -> None:
    here = window()
    one = delivery()
    (taken,) = here.open("1-0", [one])
    note = Note(taken, attempt(taken, Status.DELIVERED))
    move = here.settle([note])
    assert move is not None

    here.committed(move, uuid4(), [note])
    assert here.has(one)
    here.forget_recorded()
    assert not here.has(one)


# --- a small world: a log, a database, a receiver that fails, and owners that die


@dataclass
class World:
    """What survives a crash: the log, the rows, the outcomes, the position. And what the receiver saw."""

    entries: list[Delivery]
    rows: dict[UUID, Delivery] = field(default_factory=dict)
    outcomes: dict[UUID, Status] = field(default_factory=dict)
    standing: Standing = field(default_factory=lambda: Standing(0, 1, Position(), None))
    seen: list[Delivery] = field(default_factory=list)

    def head_of(self, key: tuple[str, str, str]) -> Delivery | None:
        waiting = [row for row in self.rows.values() if row.lane == key]
        return min(waiting, key=lambda row: row.version, default=None)


class Owner:
    """Plays consumer, sender and recorder over the real lanes and window, one random step at a time."""

    def __init__(self, world: World, dice: random.Random) -> None:
        self.world, self.dice = world, dice
        self.lanes, self.window = Lanes(lambda _: 3), Window(world.standing, fresh_until=1.0)
        self.read = int(world.standing.position.entry.split("-")[0])
        self.flying: list[Taken] = []
        self.notes: list[Note] = []

    def step(self) -> None:
        self.dice.choice([self.take_up, self.send, self.fetch_row, self.answer, self.answer, self.commit])()

    def take_up(self) -> None:
        if self.read >= len(self.world.entries):
            return
        self.window.forget_recorded()
        one = self.world.entries[self.read]
        self.read += 1
        settled = one.event_id in self.world.rows or one.event_id in self.world.outcomes
        waits = self.world.head_of(one.lane) is not None
        fresh = [] if settled or self.window.has(one) else [one]
        for taken in self.window.open(f"{self.read}-0", fresh):
            if not self.lanes.take_up(self.window, taken, lane_waits=waits):
                self.notes.append(Note(taken, row=Row(0)))

    def send(self) -> None:
        if started := self.lanes.next(0.0):
            self.flying.append(started[1])

    def fetch_row(self) -> None:
        heads = {row.lane: self.world.head_of(row.lane) for row in self.world.rows.values()}
        for key, head in heads.items():
            busy = key in self.window.lanes and self.window.lanes[key].busy
            noted = any(note.taken.delivery.lane == key and note.touches_lane for note in self.notes)
            if head and not busy and not noted and self.lanes.free(head.endpoint) > 0:
                taken = Taken(head, None)
                self.lanes.start_row(self.window, taken)
                self.flying.append(taken)
                return

    def answer(self) -> None:
        if not self.flying:
            return
        taken = self.flying.pop(self.dice.randrange(len(self.flying)))
        self.world.seen.append(taken.delivery)
        status = self.dice.choices([Status.DELIVERED, Status.RETRYING, Status.DEAD], [6, 3, 1])[0]
        row = Row(1) if status is Status.RETRYING else None
        note = Note(taken, attempt(taken, status), row=row, drop_row=taken.from_row and not row)
        self.notes += self.lanes.conclude(self.window, taken, note)

    def commit(self) -> None:
        move = self.window.settle(self.notes)
        if move is None:
            return
        write_id, notes, self.notes = uuid4(), self.notes, []
        for note in notes:
            event_id = note.taken.delivery.event_id
            if note.row:
                self.world.rows[event_id] = note.taken.delivery
            if note.drop_row:
                del self.world.rows[event_id]
            if note.attempt and note.attempt.is_final:
                assert event_id not in self.world.outcomes, "two outcomes for one delivery"
                self.world.outcomes[event_id] = note.attempt.status
        self.world.standing = replace(self.world.standing, position=move.to, write_id=write_id)
        self.window.committed(move, write_id, notes)
        touched = {note.taken.delivery.lane for note in notes if note.touches_lane}
        waits = {key: self.world.head_of(key) is not None for key in touched}
        self.lanes.after_commit(self.window, notes, None if self.dice.random() < 0.05 else waits)


@pytest.mark.parametrize("seed", range(60))
def test_whatever_crashes_nothing_is_lost_doubled_or_out_of_order(seed: int) -> None:
    """PROMISE: one outcome for every event, and first sends of a campaign in version order.

    Breaks if a new version overtakes a waiting one, or the position passes an unsettled delivery.
    """
    dice = random.Random(seed)  # noqa: S311 - a seeded simulation
    versions = dict.fromkeys("abcd", 0)
    entries = []
    for _ in range(60):
        name = dice.choice("abcd")
        versions[name] += 1
        entries.append(delivery(versions[name], name))
        if dice.random() < 0.1:
            entries.append(dice.choice(entries))  # the relay repeats itself
    world = World(entries)

    owner = Owner(world, dice)
    for _ in range(20_000):
        owner.step()
        if dice.random() < 0.004:
            owner = Owner(world, dice)
        if len(world.outcomes) == sum(versions.values()) and not owner.notes:
            break

    assert len(world.outcomes) == sum(versions.values())
    for name in versions:
        firsts = list(dict.fromkeys(one.version for one in world.seen if one.campaign_id == name))
        assert firsts == sorted(firsts)
