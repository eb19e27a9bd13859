"""Where a partition stands while it is read and drafted: between entries, and inside of one."""

import json
from dataclasses import replace
from uuid import UUID

from famedash.infra.log.model import Batch, Gap, Position, Standing
from famedash.metrics.draft import Draft
from famedash.metrics.drafting import Drafter
from famedash.metrics.tape import Tape
from tests.metrics.poison import EVENT
from tests.metrics.streams import Line, home_of

HOME = home_of(Line(b"", dict(EVENT)))
ARRIVED_MS = 1_780_400_000_000
WRITE, NEXT_WRITE = UUID(int=1), UUID(int=2)
GAP = Gap("1-1", "2-1")


def name(number: int) -> str:
    return f"{ARRIVED_MS}-{number}"


def batch(*entries: bytes, first: int = 1, gap: Gap | None = None) -> Batch:
    ids = [name(first + place).encode() for place in range(len(entries))]
    return Batch(HOME, ids, entries, {}, gap)


def line(number: int) -> bytes:
    return json.dumps(EVENT | {"eventId": f"event-{number}"}).encode()


def lines(*numbers: int) -> bytes:
    return b"\n".join(line(number) for number in numbers)


def tape(position: Position | None = None) -> Tape:
    return Tape(Standing(HOME, 1, position or Position(), WRITE))


def draft(one: Tape, most: int = 1000, slices: int = 99) -> Draft:
    """What the tape has, at most so many lines in so many slices."""
    drafter = Drafter(seed=7, creators=False, hashtags=False)
    drafted = drafter.start()
    while one.waiting and drafted.lines < most and slices:
        one.draft(drafter, most - drafted.lines)
        slices -= 1
    return drafted


def test_entries_of_a_line_are_drafted_together() -> None:
    one = tape()
    one.put(batch(line(1), line(2), line(3)))

    drafted = draft(one, slices=1)

    assert (drafted.events, one.drafted) == (3, Position(name(3)))
    assert not one.waiting


def test_no_more_lines_than_asked_for_are_drafted() -> None:
    one = tape()
    one.put(batch(line(1), line(2), line(3)))

    assert draft(one, most=2).events == 2
    assert one.drafted == Position(name(2))
    assert draft(one).events == 1


def test_a_position_may_lie_inside_an_entry_and_names_it() -> None:
    one = tape()
    one.put(batch(line(1), lines(2, 3, 4)))

    draft(one, most=3)

    assert one.drafted == Position(name(1), 2, name(2))


def test_the_next_owner_goes_on_inside_the_entry() -> None:
    one = tape(Position(name(1), 2, name(2)))
    one.put(batch(lines(2, 3, 4), lines(5, 6), first=2))

    drafted = draft(one)

    assert (drafted.events, one.drafted) == (3, Position(name(3)))


def test_lines_done_are_skipped_in_their_entry_and_in_no_other() -> None:
    """PROMISE: nothing that was not counted is skipped, when the entry of the position is gone."""
    one = tape(Position(name(1), 2, name(2)))
    one.put(batch(lines(5, 6, 7), first=3))

    assert draft(one).events == 3


def test_a_letter_knows_its_line_after_the_entry_was_taken_up_again() -> None:
    one = tape(Position(name(1), 1, name(2)))
    one.put(batch(lines(1, 2) + b"\nno event\n" + line(3), first=2))

    (letter,) = draft(one).letters

    assert (letter.origin.entry, letter.origin.line, letter.payload) == (name(2), 2, b"no event")


def test_a_newline_at_the_end_is_no_line_and_one_in_the_middle_is() -> None:
    one = tape()
    one.put(batch(lines(1, 2) + b"\n", line(3) + b"\n\n" + line(4), b"", b"\n"))

    drafted = draft(one)

    assert drafted.events == 4
    assert [(letter.origin.entry, letter.origin.line, letter.reason) for letter in drafted.letters] == [
        (name(2), 1, "empty"),
        (name(3), 0, "empty"),
        (name(4), 0, "empty"),
    ]


def test_a_moved_entry_is_drafted_alone_with_where_it_came_from() -> None:
    one = tape()
    origin = b'{"partition": 9, "entry": "5-5", "arrivedMs": 5, "line": 4}'
    one.put(replace(batch(line(1), b"no event", line(2)), origins={1: origin}))

    drafted = draft(one)

    assert drafted.events == 2
    assert [(letter.origin.partition, letter.origin.line) for letter in drafted.letters] == [(9, 4)]


def test_what_is_no_origin_is_not_believed() -> None:
    one = tape()
    one.put(replace(batch(b"no event"), origins={0: b"no origin"}))

    (letter,) = draft(one).letters

    assert (letter.origin.partition, letter.origin.entry) == (HOME, name(1))


def test_nothing_drafted_is_nothing_to_write() -> None:
    one = tape()
    one.put(batch(line(1)))

    assert one.move() is None


def test_a_move_leads_from_where_the_row_stands_to_what_was_drafted() -> None:
    one = tape()
    one.put(batch(line(1), line(2)))
    draft(one, most=1)
    first = one.move()
    assert first is not None

    one.begin(NEXT_WRITE)
    draft(one)
    one.committed(first, NEXT_WRITE)

    second = one.move()
    assert second is not None
    assert (second.standing.position, second.standing.write_id) == (Position(name(1)), NEXT_WRITE)
    assert second.to == Position(name(2))


def test_a_gap_is_written_once() -> None:
    one = tape(Position("1-1"))
    one.put(batch(gap=GAP))
    move = one.move()
    assert move is not None
    assert move.gap == GAP

    one.committed(move, NEXT_WRITE)
    one.put(batch(gap=GAP))

    assert one.move() is None


def test_a_row_that_we_wrote_or_took_over_is_ours_even_some_writes_later() -> None:
    one = tape()
    stood = one.standing
    one.begin(NEXT_WRITE)

    assert one.agrees_with(stood)
    assert one.agrees_with(replace(stood, write_id=NEXT_WRITE))
    assert not one.agrees_with(replace(stood, write_id=UUID(int=9)))
    assert not one.agrees_with(replace(stood, epoch=2, write_id=NEXT_WRITE))
