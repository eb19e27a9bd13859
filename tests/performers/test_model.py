"""The rate, the flag and the books."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from famedash.performers.model import LARGEST_COUNT, MEANING, Reason, Row, Tally, engagement_rate

COUNTS = st.integers(0, LARGEST_COUNT)


def test_engagement_rate_is_likes_comments_shares_over_views_times_100() -> None:
    assert engagement_rate(views=1_000, likes=70, comments=20, shares=10) == 10.0
    assert engagement_rate(views=3, likes=1, comments=0, shares=0) == pytest.approx(33.333_333_333_3)


def test_engagement_rate_without_engagement_is_zero() -> None:
    assert engagement_rate(5, 0, 0, 0) == 0.0


def test_engagement_rate_may_be_above_100() -> None:
    assert engagement_rate(1, 2, 3, 4) == 900.0


@given(views=st.integers(1, 10**6), engagements=st.integers(0, 10**6), times=st.integers(1, 10**6))
def test_equal_ratios_are_equal_rates(views: int, engagements: int, times: int) -> None:
    """PROMISE: ties are ties, so that their order is decided by the next key.

    Breaks if the rate is computed with more than one rounding.
    """
    once = engagement_rate(views, engagements, 0, 0)

    assert engagement_rate(views * times, engagements * times, 0, 0) == once
    assert engagement_rate(views, 0, engagements, 0) == engagement_rate(views, 0, 0, engagements) == once


@given(views=st.integers(1, LARGEST_COUNT), likes=COUNTS, comments=COUNTS, shares=COUNTS)
def test_a_row_is_flagged_when_it_has_more_engagements_than_views(
    views: int, likes: int, comments: int, shares: int
) -> None:
    row = Row("c", "i", (views, likes, comments, shares))

    assert row.is_flagged == (engagement_rate(*row.counts) > 100)


@pytest.mark.parametrize("views", [1, 7, 10**12 - 1, 10**12])
def test_as_many_engagements_as_views_are_not_flagged(views: int) -> None:
    assert not Row("c", "i", (views, views, 0, 0)).is_flagged
    assert Row("c", "i", (views, views, 0, 1)).is_flagged


def test_every_reason_has_a_sentence() -> None:
    assert set(MEANING) == set(Reason)
    assert all(MEANING.values())


def test_tallies_add_up_line_by_line() -> None:
    tally = Tally(lines=1, header=1)
    part = Tally(lines=6, accepted=2, continuation=1, blank=1, flagged=1)
    part.rejected[Reason.ZERO_VIEWS] = 2

    tally.add(part)
    tally.add(part)

    assert (tally.lines, tally.accepted, tally.rejects, tally.flagged) == (13, 4, 4, 2)
    assert tally.rejected == {Reason.ZERO_VIEWS: 4}
    assert tally.is_whole


@pytest.mark.parametrize("name", ["lines", "header", "accepted", "continuation", "blank"])
def test_a_line_that_is_not_accounted_for_is_noticed(name: str) -> None:
    tally = Tally(lines=4, header=1, accepted=1, continuation=1, blank=1)
    assert tally.is_whole

    setattr(tally, name, getattr(tally, name) + 1)

    assert not tally.is_whole
