"""Which counts raise which flag, and just not. Pure."""

import pytest

from famedash.metrics import flags
from famedash.metrics.windows import Counts


def codes(counts: Counts) -> list[str]:
    return [flag.code for flag in flags.judge(counts)]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        (Counts(views=10_000, likes=33, shares=100), ["share_farming"]),
        (Counts(views=100, likes=60, comments=30, shares=11), ["engagement_above_views"]),
        (Counts(views=100, likes=101), ["engagement_above_views", "likes_above_views"]),
        (Counts(views=100, likes=101, comments=-1), ["likes_above_views", "negative_count"]),
        (Counts(views=-1), ["negative_count"]),
    ],
)
def test_each_flag_has_its_counts(counts: Counts, expected: list[str]) -> None:
    assert codes(counts) == expected


@pytest.mark.parametrize(
    "counts",
    [
        Counts(),
        Counts(views=100_000, likes=5_350, comments=57, shares=300, saves=250),
        Counts(views=10_000, likes=34, shares=100),
        Counts(views=10_000, likes=0, shares=99),
        Counts(views=100, likes=60, comments=30, shares=10),
        Counts(views=99, likes=500),
        Counts(views=0, likes=500),
    ],
)
def test_plausible_or_few_counts_raise_none(counts: Counts) -> None:
    assert codes(counts) == []


def test_a_reason_gives_the_numbers() -> None:
    counts = Counts(views=1_000, likes=50, shares=1_700, clicks=-3)

    assert [flag.reason for flag in flags.judge(counts)] == [
        "1,700 shares stand against 50 likes; about 6 shares per 100 likes are usual.",
        "1,750 engagements are more than 1,000 views.",
        "Corrections took away more than was counted: clicks -3.",
    ]
