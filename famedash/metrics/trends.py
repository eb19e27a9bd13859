"""Which hashtags rise now against their own past, not merely which are frequent. Pure.

Counts per hour are taken for a Poisson process with the hashtag's own past rate; the score says by how many
standard deviations the recent hours exceed it. Source: the point-process (Poisson) model of "Trend Detection
in Social Data", S. Hendrickson, J. Kolb, B. Lehman, J. Montague (Gnip white paper); the 1 under the root
keeps a hashtag without a past from scoring infinity.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import sqrt
from typing import NamedTuple

from famedash.metrics.windows import HOUR, floor

RECENT_HOURS = 3
PAST_HOURS = 168
LEAST_ENGAGEMENTS = 5
"""Less than that is chance, whatever the past was."""


class Heard(NamedTuple):
    """Engagements of the events with a hashtag: in the recent hours, and in the past before them."""

    hashtag: str
    recent: int
    past: int


@dataclass(frozen=True, slots=True)
class Trend:
    """`expected`: what the past rate would have brought in the recent hours."""

    hashtag: str
    engagements: int
    expected: float
    score: float


def recent_from(now: datetime) -> datetime:
    """The recent hours are the running one and the two before it."""
    return floor(now, HOUR) - (RECENT_HOURS - 1) * HOUR


def past_from(now: datetime) -> datetime:
    return recent_from(now) - PAST_HOURS * HOUR


def rising(heard: Iterable[Heard], *, since: datetime, now: datetime, limit: int) -> list[Trend]:
    """The strongest first; ties by engagements, then by name. `since`: the first hour of any hashtag.

    The rate is taken over the past, or over the part of it since then; the recent hours last until `now`.
    """
    start = recent_from(now)
    past = start - max(since, past_from(now))
    ratio = (now - start) / past if past > timedelta(0) else 0.0
    trends = [_trend(one, expected=max(0, one.past) * ratio) for one in heard if _counts(one)]
    trends.sort(key=lambda one: (-one.score, -one.engagements, one.hashtag))
    return [one for one in trends[:limit] if one.score > 0]


def _counts(one: Heard) -> bool:
    return one.recent >= LEAST_ENGAGEMENTS


def _trend(one: Heard, *, expected: float) -> Trend:
    return Trend(one.hashtag, one.recent, expected, (one.recent - expected) / sqrt(expected + 1))
