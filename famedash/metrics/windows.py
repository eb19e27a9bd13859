"""Where windows begin and end, which buckets answer them exactly, and how counts are shown.

Pure: times are UTC instants that come in as arguments. Every window is half-open, `[from, to)`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from famedash.infra.errors import FieldError, Invalid
from famedash.metrics.model import ENGAGEMENTS

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
OLDEST_AS_OF = timedelta(hours=48)
OLDEST_MINUTE = timedelta(hours=72)
MOST_POINTS = 1_500

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Counts(NamedTuple):
    """One number for each counter, in the order of `model.COUNTERS`; corrections may make them negative."""

    views: int = 0
    likes: int = 0
    comments: int = 0
    shares: int = 0
    saves: int = 0
    clicks: int = 0
    conversions: int = 0

    @property
    def engagements(self) -> int:
        return sum(getattr(self, name) for name in ENGAGEMENTS)

    @property
    def engagement_rate(self) -> float | None:
        """Engagements by views, in percent; None where there is nothing to divide by."""
        return 100 * self.engagements / self.views if self.views > 0 else None


class Windowed(NamedTuple):
    """What one campaign, platform or creator has in each of the three windows."""

    window1h: Counts = Counts()
    window24h: Counts = Counts()
    total: Counts = Counts()


class Step(StrEnum):
    """How long each point of a series is."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"

    @property
    def length(self) -> timedelta:
        return {Step.MINUTE: MINUTE, Step.HOUR: HOUR, Step.DAY: DAY}[self]

    @property
    def usual_span(self) -> timedelta:
        """24 hours; 30 days where each point is one."""
        return 30 * DAY if self is Step.DAY else DAY


@dataclass(frozen=True, slots=True)
class CampaignFacts:
    """What the metrics of a campaign need to know of it; its feature is another one."""

    budget: Decimal | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Edges:
    """The instants between which buckets are summed up for one `as_of`, a whole minute.

    window1h: minutes of [hour_from, as_of). window24h: minutes of [day_from, first_hour), hours of
    [first_hour, last_hour), minutes of [last_hour, as_of). total: all, without the minutes of
    [as_of, next_hour) and without the hours from next_hour on.
    """

    as_of: datetime

    @property
    def hour_from(self) -> datetime:
        return self.as_of - HOUR

    @property
    def day_from(self) -> datetime:
        return self.as_of - DAY

    @property
    def first_hour(self) -> datetime:
        return ceiling(self.day_from, HOUR)

    @property
    def last_hour(self) -> datetime:
        return floor(self.as_of, HOUR)

    @property
    def next_hour(self) -> datetime:
        return ceiling(self.as_of, HOUR)


def floor(time: datetime, step: timedelta) -> datetime:
    return time - (time - _EPOCH) % step


def ceiling(time: datetime, step: timedelta) -> datetime:
    return time + (_EPOCH - time) % step


def after(time: datetime, step: timedelta) -> datetime:
    """The first edge later than `time`: the step that runs at `time` ends there."""
    return floor(time, step) + step


def as_of(asked: datetime | None, now: datetime) -> datetime:
    """The instant before which events count: as asked, or the next whole minute. Raises `Invalid`."""
    latest, oldest = after(now, MINUTE), floor(now, MINUTE) - OLDEST_AS_OF
    if asked is None:
        return latest
    if floor(asked, MINUTE) != asked:
        raise refusal("asOf", f"Must be a whole minute, such as {_text(floor(asked, MINUTE))}.")
    if not oldest <= asked <= latest:
        raise refusal(
            "asOf",
            f"Must lie between {_text(oldest)} (48 hours ago) and {_text(latest)} (the next whole minute);"
            " leave it out for the latest.",
        )
    return asked


def span(
    step: Step, start: datetime | None, end: datetime | None, now: datetime
) -> tuple[datetime, datetime]:
    """From where to where a series goes: as asked, or up to the end of the running step. Raises `Invalid`."""
    end = end or after(now, step.length)
    start = start or end - step.usual_span
    for field, time in (("to", end), ("from", start)):
        if floor(time, step.length) != time:
            nearest = _text(floor(time, step.length))
            raise refusal(field, f"Must be a whole {step} in UTC, such as {nearest}.")
    if start >= end:
        raise refusal("from", f"Must lie before to ({_text(end)}).")
    points = (end - start) // step.length
    if points > MOST_POINTS:
        raise refusal(
            "step",
            f"Makes {points:,} points, {MOST_POINTS:,} are possible: take a longer step or a shorter span.",
        )
    oldest = floor(now, MINUTE) - OLDEST_MINUTE
    if step is Step.MINUTE and start < oldest:
        raise refusal(
            "from", f"Must not lie before {_text(oldest)}: minutes are kept for 72 hours. Take step=hour."
        )
    return start, end


def points(
    counted: Mapping[datetime, Counts], start: datetime, end: datetime, step: Step
) -> list[dict[str, Any]]:
    """Every step in `[start, end)`, as JSON shows it; zeros where nothing was counted."""
    edges = (start + number * step.length for number in range((end - start) // step.length))
    return [{"at": at, **numbers(counted.get(at, Counts()))} for at in edges]


def total(counts: Iterable[Counts]) -> Counts:
    return Counts(*map(sum, zip(*counts, strict=True)))


def together(parts: Iterable[Windowed]) -> Windowed:
    """The sums over all parts, window by window."""
    parts = list(parts)
    return Windowed(*(total(part[place] for part in parts) for place in range(3)))


def numbers(counts: Counts) -> dict[str, Any]:
    """As JSON shows them: the counters, and what follows from them."""
    return {
        **counts._asdict(),
        "engagements": counts.engagements,
        "engagementRate": counts.engagement_rate,
    }


def shown(edges: Edges, counted: Windowed) -> dict[str, dict[str, Any]]:
    """The three windows as JSON shows them, each with the instants it is exact for."""
    starts = (edges.hour_from, edges.day_from, None)
    return {
        name: {"from": start, "to": edges.as_of, **numbers(counts)}
        for name, start, counts in zip(Windowed._fields, starts, counted, strict=True)
    }


def costs(counts: Counts, facts: CampaignFacts | None) -> dict[str, Any]:
    """Cost per engagement (budget / engagements) and per mille (budget / views x 1000).

    As Later and Aspire define them, with the campaign's budget as the cost; null without budget, and
    where the denominator is not positive.
    """
    budget = facts.budget if facts else None
    return {
        "cpe": _ratio(budget, counts.engagements),
        "cpm": _ratio(budget and budget * 1000, counts.views),
        "basis": None if budget is None else "budget",
        "currency": facts.currency if facts else None,
    }


def refusal(field: str, message: str) -> Invalid:
    return Invalid(f"{field}: {message}", fields=[FieldError(field, message)])


def _ratio(cost: Decimal | None, number: int) -> float | None:
    return None if cost is None or number <= 0 else float(cost / number)


def _text(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
