"""What rises against its own past, and what is merely frequent. Pure."""

from datetime import datetime
from math import sqrt

import pytest

from famedash.metrics import trends
from famedash.metrics.trends import Heard
from famedash.metrics.windows import HOUR, MINUTE
from tests.metrics.builders import NOON

LONG_AGO = NOON - 1000 * HOUR
HALF_PAST = NOON + 30 * MINUTE


def names(*heard: Heard, since: datetime = LONG_AGO, now: datetime = HALF_PAST, limit: int = 10) -> list[str]:
    return [one.hashtag for one in trends.rising(heard, since=since, now=now, limit=limit)]


def test_the_recent_hours_are_the_running_one_and_two_before() -> None:
    assert trends.recent_from(HALF_PAST) == NOON - 2 * HOUR
    assert trends.past_from(HALF_PAST) == NOON - 170 * HOUR


def test_what_rises_stands_before_what_is_merely_frequent() -> None:
    frequent = Heard("love", recent=5_100, past=168 * 2_000)
    rising = Heard("trail", recent=120, past=168 * 4)

    assert names(frequent, rising) == ["trail", "love"]


def test_what_goes_on_as_ever_or_falls_is_no_trend() -> None:
    assert names(Heard("steady", 250, 168 * 100), Heard("falling", 10, 168 * 100)) == []


def test_the_score_is_the_surprise_of_a_poisson_process() -> None:
    (trend,) = trends.rising([Heard("trail", 120, 168 * 4)], since=LONG_AGO, now=HALF_PAST, limit=1)

    assert trend.expected == pytest.approx(2.5 * 4)
    assert trend.score == pytest.approx((120 - 10) / sqrt(11))


def test_a_young_workspace_has_a_short_past() -> None:
    """Breaks if the rate is taken over a week in which nothing was heard: then everything rises at first."""
    (trend,) = trends.rising([Heard("trail", 60, 40)], since=NOON - 6 * HOUR, now=HALF_PAST, limit=1)

    assert trend.expected == pytest.approx(2.5 * 10)


def test_without_any_past_everything_is_new() -> None:
    (trend,) = trends.rising([Heard("trail", 25, 0)], since=NOON, now=HALF_PAST, limit=1)

    assert (trend.expected, trend.score) == (0, 25)


def test_a_handful_is_chance() -> None:
    assert names(Heard("four", 4, 0), Heard("five", 5, 0)) == ["five"]


def test_corrections_make_no_past_below_nothing() -> None:
    assert names(Heard("trail", 5, -1000)) == ["trail"]


def test_the_order_is_total() -> None:
    assert names(Heard("b", 6, 0), Heard("c", 9, 0), Heard("a", 6, 0)) == ["c", "a", "b"]
    assert names(Heard("b", 6, 0), Heard("c", 9, 0), Heard("a", 6, 0), limit=2) == ["c", "a"]
