"""Edges of windows to the millisecond, what answers them, and what follows from counts. Pure."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from famedash.infra.errors import Invalid
from famedash.metrics import model, windows
from famedash.metrics.windows import DAY, HOUR, MINUTE, CampaignFacts, Counts, Edges, Step, Windowed, floor
from tests.metrics.builders import NOON

MS = timedelta(milliseconds=1)


def test_counts_stand_in_the_order_of_the_counters() -> None:
    assert Counts._fields == model.COUNTERS


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (NOON - MS, NOON),
        (NOON, NOON + MINUTE),
        (NOON + MS, NOON + MINUTE),
        (NOON + MINUTE - MS, NOON + MINUTE),
    ],
)
def test_by_default_the_running_minute_counts(now: datetime, expected: datetime) -> None:
    assert windows.as_of(None, now) == expected


@pytest.mark.parametrize("age", [-MINUTE, MINUTE, 7 * HOUR, 48 * HOUR])
def test_any_whole_minute_of_48_hours_may_be_asked_for(age: timedelta) -> None:
    assert windows.as_of(NOON - age, NOON + 20 * MS) == NOON - age


@pytest.mark.parametrize(
    ("asked", "remedy"),
    [
        (NOON + 2 * MINUTE, "between 2026-11-23T12:00:00Z (48 hours ago) and 2026-11-25T12:01:00Z"),
        (NOON - 48 * HOUR - MINUTE, "between 2026-11-23T12:00:00Z (48 hours ago)"),
        (NOON - MS, "such as 2026-11-25T11:59:00Z"),
    ],
)
def test_another_instant_is_refused_with_a_remedy(asked: datetime, remedy: str) -> None:
    with pytest.raises(Invalid) as refused:
        windows.as_of(asked, NOON + 20 * MS)

    (field,) = refused.value.fields
    assert field.field == "asOf"
    assert remedy in field.message


@pytest.mark.parametrize("minute", [0, 1, 29, 59, 60, 14 * 60, 14 * 60 + 1])
def test_the_ranges_of_buckets_cover_each_window_once(minute: int) -> None:
    """PROMISE: a minute is counted once in each window that holds it, whatever bucket it comes from."""
    edges = Edges(NOON + minute * MINUTE)
    minutes_and_hours = [
        (edges.day_from, edges.first_hour),
        (edges.first_hour, edges.last_hour),
        (edges.last_hour, edges.as_of),
    ]

    at = edges.as_of - 2 * DAY
    while at < edges.as_of + DAY:
        found = sum(start <= at < end for start, end in minutes_and_hours)
        assert found == (edges.as_of - DAY <= at < edges.as_of), at
        taken_from_total = edges.as_of <= at < edges.next_hour or at >= edges.next_hour
        assert taken_from_total == (at >= edges.as_of), at
        at += MINUTE
    for edge in (edges.first_hour, edges.last_hour, edges.next_hour):
        assert floor(edge, HOUR) == edge
    assert edges.next_hour - edges.as_of < HOUR


def test_on_the_hour_no_minute_is_needed_but_for_the_last_hour() -> None:
    edges = Edges(NOON)

    assert (edges.first_hour, edges.last_hour, edges.next_hour) == (NOON - DAY, NOON, NOON)


def test_each_window_says_what_it_is_exact_for() -> None:
    counted = Windowed(
        Counts(views=1), Counts(views=2), Counts(views=4, likes=1, comments=1, shares=1, saves=9)
    )

    shown = windows.shown(Edges(NOON), counted)

    assert {name: (one["from"], one["to"], one["views"]) for name, one in shown.items()} == {
        "window1h": (NOON - HOUR, NOON, 1),
        "window24h": (NOON - DAY, NOON, 2),
        "total": (None, NOON, 4),
    }
    assert (shown["total"]["engagements"], shown["total"]["engagementRate"]) == (3, 75.0)


@pytest.mark.parametrize(("views", "rate"), [(0, None), (-5, None), (100, 7.0), (3, 700 / 3)])
def test_a_rate_needs_views(views: int, rate: float | None) -> None:
    assert Counts(views=views, likes=7).engagement_rate == rate


def test_parts_add_up_and_nothing_adds_up_to_zeros() -> None:
    one, two = Windowed(Counts(1), Counts(2), Counts(3, 4)), Windowed(Counts(10), Counts(20), Counts(30, 40))

    assert windows.together([one, two]) == Windowed(Counts(11), Counts(22), Counts(33, 44))
    assert windows.together([]) == Windowed()


def test_costs_follow_from_the_budget() -> None:
    facts = CampaignFacts(Decimal("100.50"), "EUR")

    assert windows.costs(Counts(views=3000, likes=3), facts) == {
        "cpe": 33.5,
        "cpm": 33.5,
        "basis": "budget",
        "currency": "EUR",
    }


@pytest.mark.parametrize("counts", [Counts(), Counts(views=-1, likes=-1)])
def test_costs_need_a_denominator(counts: Counts) -> None:
    costs = windows.costs(counts, CampaignFacts(Decimal(100), None))

    assert (costs["cpe"], costs["cpm"], costs["basis"]) == (None, None, "budget")


@pytest.mark.parametrize("facts", [None, CampaignFacts()])
def test_without_a_budget_there_are_no_costs(facts: CampaignFacts | None) -> None:
    assert set(windows.costs(Counts(views=10, likes=10), facts).values()) == {None}


def test_a_budget_of_nothing_costs_nothing() -> None:
    costs = windows.costs(Counts(views=10, likes=10), CampaignFacts(Decimal(0), "EUR"))

    assert (costs["cpe"], costs["cpm"], costs["basis"]) == (0, 0, "budget")


@pytest.mark.parametrize(
    ("step", "start", "end"),
    [
        (Step.HOUR, NOON - 23 * HOUR, NOON + HOUR),
        (Step.MINUTE, NOON - DAY + 31 * MINUTE, NOON + 31 * MINUTE),
        (Step.DAY, floor(NOON, DAY) - 29 * DAY, floor(NOON, DAY) + DAY),
    ],
)
def test_by_default_a_series_ends_with_the_running_step(step: Step, start: datetime, end: datetime) -> None:
    assert windows.span(step, None, None, NOON + 30 * MINUTE + MS) == (start, end)


@pytest.mark.parametrize(
    ("step", "start", "end", "field"),
    [
        (Step.HOUR, NOON + MINUTE, NOON + HOUR, "from"),
        (Step.HOUR, NOON - HOUR, NOON + MS, "to"),
        (Step.DAY, NOON, floor(NOON, DAY) + DAY, "from"),
        (Step.HOUR, NOON, NOON, "from"),
        (Step.HOUR, NOON + HOUR, NOON, "from"),
        (Step.HOUR, NOON - 1501 * HOUR, NOON, "step"),
        (Step.MINUTE, NOON - 72 * HOUR - MINUTE, NOON - 71 * HOUR, "from"),
    ],
)
def test_a_series_that_cannot_be_made_is_refused_by_name(
    step: Step, start: datetime, end: datetime, field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        windows.span(step, start, end, NOON)

    assert [one.field for one in refused.value.fields] == [field]


def test_a_series_may_just_reach_its_bounds() -> None:
    longest = (NOON - 1500 * HOUR, NOON)
    oldest = (NOON - 72 * HOUR, NOON - 71 * HOUR)

    assert windows.span(Step.HOUR, *longest, NOON) == longest
    assert windows.span(Step.MINUTE, *oldest, NOON + MINUTE - MS) == oldest


def test_points_are_filled_with_zeros() -> None:
    points = windows.points({NOON: Counts(views=2, likes=1)}, NOON - HOUR, NOON + HOUR, Step.HOUR)

    assert [(one["at"], one["views"], one["engagements"], one["engagementRate"]) for one in points] == [
        (NOON - HOUR, 0, 0, None),
        (NOON, 2, 1, 50.0),
    ]
