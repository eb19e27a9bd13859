"""What lines of the log add, however they are cut into batches, drafts and lives. Pure: no server."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from famedash.infra.log.model import Batch
from famedash.metrics.draft import Draft
from famedash.metrics.drafting import Drafter
from tests.metrics import reference
from tests.metrics.play import ARRIVED_MS, HORIZON, NOON, Cut, played
from tests.metrics.poison import EVENT
from tests.metrics.streams import Line, Sketch, counted, home_of, sketches, written

cuts = st.lists(
    st.builds(
        Cut, entries=st.integers(1, 4), lines=st.integers(1, 7), crashes=st.sampled_from((False, False, True))
    ),
    max_size=30,
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(stream=sketches(1, 40), sizes=cuts, most_fingerprints=st.sampled_from((1, 3, 1000)))
def test_any_cutting_into_batches_drafts_and_lives_counts_the_same(
    stream: list[Sketch], sizes: list[Cut], most_fingerprints: int
) -> None:
    """PROMISE: what is counted depends on the stream alone, not on when a consumer paused, wrote or died."""
    puts = written(stream, NOON)

    play, letters = played(puts, sizes, most_fingerprints=most_fingerprints)

    events = counted(puts)
    assert play.cells("minutes") == reference.sums(events, by_minute)
    assert play.cells("creators") == reference.sums(events, by_creator)
    assert play.cells("hashtags") == {
        (workspace, platform, epoch_hours(hour), tag): value
        for (workspace, platform, hour, tag), value in reference.hashtags(events).items()
    }
    assert play.letters == letters
    assert sum(map(len, play.journal.values())) == len(reference.distinct(events))
    assert play.journal == played(puts)[0].journal


def by_minute(event: reference.Event) -> reference.Key:
    *campaign, minute, platform = reference.minutes(event)
    return (*campaign, int(minute.timestamp()) // 60, platform)


def by_creator(event: reference.Event) -> reference.Key:
    *campaign, hour, creator, platform = reference.creator_hours(event)
    return (*campaign, epoch_hours(hour), creator, platform)


def epoch_hours(hour: datetime) -> int:
    return int(hour.timestamp()) // 3600


@pytest.mark.parametrize(
    ("written", "minute"),
    [
        ("2026-06-01T11:59:59.999Z", "11:59"),
        ("2026-06-01T12:00:00Z", "12:00"),
        ("2026-06-01T12:00:00.001Z", "12:00"),
        ("2026-06-01T12:00:59.999999Z", "12:00"),
        ("2026-06-01T17:29:59.999+05:30", "11:59"),
        ("2026-06-01T17:30:00+05:30", "12:00"),
        ("2026-06-01T17:30:00.001+05:30", "12:00"),
        ("2026-06-02T00:30:00+12:30", "12:00"),
    ],
)
def test_an_instant_has_its_minute_however_it_is_written(written: str, minute: str) -> None:
    draft = drafted(event(timestamp=written))

    (row,) = draft.rows
    assert f"{datetime.fromtimestamp(row.minute * 60, UTC):%H:%M}" == minute


def test_one_instant_written_in_many_ways_is_one_event() -> None:
    ways = ("12:00:00.5Z", "12:00:00.500000000Z", "17:30:00.50+05:30", "07:00:00.500-05:00")

    draft = drafted(*(event(timestamp=f"2026-06-01T{way}") for way in ways))

    assert (draft.rows[0].counts[0], draft.duplicates) == (1, 3)


def test_another_microsecond_campaign_workspace_or_id_is_another_event() -> None:
    others = (
        event(),
        event(timestamp="2026-06-01T12:00:00.000001Z"),
        event(eventId="other"),
        event(campaignId="pier"),
        event(workspace="acme"),
    )

    drafts = [drafted(other, partition=reference_home(other)) for other in others]

    prints = {fingerprint for draft in drafts for events in draft.minutes.values() for fingerprint in events}
    assert len(prints) == len(others)


def test_of_a_repeat_with_other_contents_the_first_counts() -> None:
    draft = drafted(event(value=3), event(value=70, type="like", platform="youtube", influencerId="zoë"))

    assert [row.counts for row in draft.rows if any(row.counts)] == [[3, 0, 0, 0, 0, 0, 0]]
    assert draft.duplicates == 1


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize(("late_ms", "reasons"), [(59_999, []), (60_000, []), (60_001, ["future"])])
def test_the_future_begins_a_minute_after_the_arrival(
    late_ms: int, reasons: list[str], *, known: bool
) -> None:
    at = (NOON + timedelta(milliseconds=late_ms)).isoformat()

    draft = drafted(*([event()] if known else []), event(timestamp=at))

    assert [letter.reason for letter in draft.letters] == reasons
    assert draft.events == known + (not reasons)


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize(("minutes_ago", "reasons"), [(0, []), (1, ["too_late"])])
def test_what_lies_before_the_horizon_is_too_late(
    minutes_ago: int, reasons: list[str], *, known: bool
) -> None:
    at = datetime.fromtimestamp((HORIZON - minutes_ago) * 60, UTC).isoformat()

    draft = drafted(*([event()] if known else []), event(timestamp=at))

    assert [letter.reason for letter in draft.letters] == reasons


@pytest.mark.parametrize("horizon", [None, 0])
@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize(
    ("written", "reasons"),
    [
        ("1999-12-28T00:00:00Z", ["bad_timestamp"]),
        ("1999-12-31T23:59:59.999Z", ["bad_timestamp"]),
        ("2000-01-01T00:00:00Z", []),
    ],
)
def test_years_before_2000_are_refused_for_known_campaigns_too(
    written: str, reasons: list[str], horizon: int | None, *, known: bool
) -> None:
    draft = drafted(*([event()] if known else []), event(timestamp=written), horizon=horizon)

    assert [letter.reason for letter in draft.letters] == reasons


@pytest.mark.parametrize("broken", [{"eventId": "a\0"}, {"influencerId": "\x7f"}, {"hashtags": ["a\x85"]}])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_control_characters_are_found_in_events_of_known_campaigns_too(
    broken: dict[str, Any], *, ascii_only: bool
) -> None:
    line = json.dumps(event(**broken), ensure_ascii=ascii_only).encode()

    draft = drafted(event(), line)

    assert [letter.reason for letter in draft.letters] == ["control_character"]
    assert draft.events == 1


def test_a_stray_of_a_known_campaign_goes_home_too() -> None:
    """PROMISE: a campaign's fingerprints lie in its own partition. Breaks if only new ones are looked at."""
    one = event()
    wrong = (reference_home(one) + 1) % 16
    drafter = Drafter(seed=7, creators=True, hashtags=True)
    drafted(one, drafter=drafter)

    draft = drafted(event(eventId="other"), drafter=drafter, partition=wrong)

    assert [(stray.partition, stray.origin.partition) for stray in draft.strays] == [(wrong - 1, wrong)]
    assert draft.events == 0


@pytest.mark.parametrize(("creators", "hashtags"), [(False, False), (True, False), (False, True)])
def test_what_is_not_wanted_is_not_made_and_repeats_are_taken_back_all_the_same(
    creators: bool, hashtags: bool
) -> None:
    drafter = Drafter(seed=7, creators=creators, hashtags=hashtags)
    liked = event(type="like", hashtags=["sun"])
    counted_before = drafted(liked, drafter=drafter).minutes

    draft = drafted(liked, event(eventId="other"), drafter=drafter)
    for key, events in counted_before.items():
        draft.judge(key, set(events))

    assert [row.counts for row in draft.rows] == [[1, 0, 0, 0, 0, 0, 0]]
    assert bool(draft.creators) == creators
    assert [tags for of in draft.tags.values() for tags in of.values()] == ([{"sun": 0}] if hashtags else [])


def event(**changes: Any) -> dict[str, Any]:
    return {**EVENT, **changes}


def reference_home(one: dict[str, Any]) -> int:
    return home_of(Line(b"", one))


def drafted(
    *lines: dict[str, Any] | bytes,
    drafter: Drafter | None = None,
    partition: int | None = None,
    horizon: int | None = HORIZON,
) -> Draft:
    """A draft of these, one an entry, that arrived at `NOON`."""
    drafter = drafter or Drafter(seed=7, creators=True, hashtags=True)
    drafter.horizon = horizon
    payloads = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    ids = [f"{ARRIVED_MS}-{number}".encode() for number in range(len(payloads))]
    home = reference_home(event()) if partition is None else partition
    draft = drafter.start()
    for number in range(len(payloads)):
        drafter.one_by_one(Batch(home, ids, payloads, {}), number, number + 1)
    return draft
