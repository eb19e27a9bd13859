"""The memory of what was counted: bounded, whole minutes only."""

from hypothesis import given
from hypothesis import strategies as st

from famedash.metrics.fingerprints import Memory, MinuteKey, campaign_seed, day_seed, pack, unpack

FIRST, SECOND, THIRD = (3, 100), (3, 101), (4, 100)


def loaded(most: int, **minutes: int) -> Memory:
    """A memory with so many fingerprints in each minute, in this order."""
    memory = Memory(most=most)
    for place, number in enumerate(minutes.values()):
        memory.load((FIRST, SECOND, THIRD)[place], pack(range(number)))
    return memory


@given(st.lists(st.integers(0, 2**64 - 1)))
def test_what_is_packed_is_unpacked(fingerprints: list[int]) -> None:
    packed = pack(fingerprints)

    assert list(unpack(packed)) == fingerprints
    assert packed == b"".join(each.to_bytes(8, "little") for each in fingerprints)


def test_a_minute_is_here_whole_or_missing() -> None:
    memory = loaded(10, first=2)

    assert memory.missing([FIRST, SECOND]) == [SECOND]
    assert memory.counted(FIRST) == {0, 1}
    assert memory.known([FIRST, SECOND]) == memory.size == 2


def test_a_minute_that_nothing_was_counted_in_is_known_once_it_is_loaded() -> None:
    memory = Memory(most=10)

    memory.load(FIRST, b"")

    assert memory.missing([FIRST]) == []


def test_a_committed_batch_joins_its_minute() -> None:
    memory = loaded(10, first=2)

    memory.add(FIRST, {7, 8, 9})

    assert memory.counted(FIRST) == {0, 1, 7, 8, 9}
    assert memory.size == 5


def test_room_is_made_by_the_minute_unused_the_longest() -> None:
    memory = loaded(9, first=3, second=3, third=3)
    memory.counted(FIRST)

    memory.make_room(2, but=())

    assert memory.missing([FIRST, SECOND, THIRD]) == [SECOND]
    assert memory.size == 6


def test_no_room_is_made_while_there_is_enough() -> None:
    memory = loaded(9, first=3, second=3)

    memory.make_room(3, but=())

    assert memory.missing([FIRST, SECOND]) == []


def test_a_minute_that_the_batch_needs_stays() -> None:
    memory = loaded(6, first=3, second=3)

    memory.make_room(3, but={FIRST: {}})

    assert memory.missing([FIRST, SECOND]) == [SECOND]


def test_cleared_it_knows_nothing() -> None:
    memory = loaded(6, first=3)

    memory.clear()

    assert (memory.size, memory.missing([FIRST])) == (0, [FIRST])


@given(
    st.lists(
        st.tuples(st.sampled_from((FIRST, SECOND, THIRD, (5, 5))), st.sets(st.integers(0, 50), max_size=5)),
        max_size=30,
    )
)
def test_it_never_holds_more_than_its_bound_nor_forgets_part_of_a_minute(
    batches: list[tuple[MinuteKey, set[int]]],
) -> None:
    memory, journal = Memory(most=60), dict[MinuteKey, set[int]]()
    for key, events in batches:
        known = journal.setdefault(key, set())
        missing = memory.missing([key])
        memory.make_room((len(known) if missing else 0) + len(events), but={key})
        for one in missing:
            memory.load(one, pack(known))

        assert memory.counted(key) == known
        memory.add(key, events - known)
        known |= events
        assert memory.size <= 60


def test_seeds_tell_installations_workspaces_campaigns_and_days_apart() -> None:
    campaigns = {
        campaign_seed(1, "acme", "summer"),
        campaign_seed(2, "acme", "summer"),
        campaign_seed(-1, "acme", "summer"),
        campaign_seed(1, "acmesummer", ""),
        campaign_seed(1, "acme", "summe"),
    }

    assert len(campaigns) == 5
    assert len({day_seed(campaign, day) for campaign in campaigns for day in range(9)}) == 45
    assert all(day_seed(campaign, 2**20) + 86_400_000_000 < 2**64 for campaign in campaigns)
