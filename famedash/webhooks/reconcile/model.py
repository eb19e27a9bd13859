"""What may be judged, and whom an event was owed to. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from famedash.webhooks.model import DEFAULT_ENDPOINT, Change, Delivery, Event, is_owed


@dataclass(frozen=True, slots=True)
class Horizon:
    """One instant of the ledger. `xmin`, `xmax`: every transaction below has ended, and was begun by then."""

    now: datetime
    proven: int
    newest: int
    oldest_unpublished: int | None
    xmin: int
    xmax: int


@dataclass(frozen=True, slots=True)
class Span:
    """The events up to `end`; once each of them can be seen and is published, since when that is known."""

    end: int
    xmax: int
    published_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """An event (without its body) and the endpoints at which it has a final attempt."""

    seq: int
    event: Event
    settled: Collection[str]


@dataclass(slots=True)
class Held:
    """A version that was not delivered to these; `repaired_at`: when it was last published again."""

    seq: int
    deliveries: Sequence[Delivery]
    repaired_at: datetime | None = None


def follow(span: Span | None, horizon: Horizon) -> Span:
    """What one more look says about a span. One that is seen unpublished (again) waits anew.

    A `seq` is taken before its commit: a lower one may still appear until every transaction has ended that
    was open when `end` was seen.
    """
    if span is None:
        return Span(horizon.newest, horizon.xmax)
    oldest = horizon.oldest_unpublished
    if horizon.xmin < span.xmax or (oldest is not None and oldest <= span.end):
        return replace(span, published_at=None)
    return span if span.published_at else replace(span, published_at=horizon.now)


def unsettled(
    candidates: Iterable[Candidate],
    changes: Mapping[str, Mapping[str, Sequence[Change]]],
    *,
    default_points_somewhere: bool,
) -> list[Held]:
    """The candidates without a final attempt for each endpoint that they were owed to.

    `changes`: workspace -> endpoint -> its changes. An endpoint that is off or gone since was owed it too.
    """
    found = []
    for candidate in candidates:
        event = candidate.event
        of = changes.get(event.workspace, {})
        names = {*of, DEFAULT_ENDPOINT} if default_points_somewhere else of
        open_at = [
            Delivery.of(event, name)
            for name in sorted(names)
            if name not in candidate.settled
            and is_owed(of.get(name, ()), event.occurred_at, event.type, endpoint_id=name)
        ]
        if open_at:
            found.append(Held(candidate.seq, open_at))
    return found
