"""The words of delivery: what is owed to whom, what a try answered, what was made of it. No I/O, no clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

DEFAULT_ENDPOINT = "default"

TAKES_EFFECT_AFTER = timedelta(seconds=2)
"""An endpoint's change lies this far ahead, so that it is committed before it takes effect."""

LaneKey = tuple[str, str, str]
"""(workspace, campaign, endpoint): deliveries of one lane go out one at a time, in version order."""

EndpointKey = tuple[str, str]
"""(workspace, endpoint)."""


class Status(StrEnum):
    """What an attempt row says. `interrupted` does not count as a try; the resend has the same number."""

    DELIVERED = "delivered"
    RETRYING = "retrying"
    DEAD = "dead"
    INTERRUPTED = "interrupted"
    EXPIRED = "expired"


FINAL = (Status.DELIVERED, Status.DEAD, Status.EXPIRED)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event owed to one endpoint; `tries` is how many tries that count were made before."""

    workspace: str
    campaign_id: str
    endpoint_id: str
    version: int
    event_id: UUID
    event_type: str
    occurred_at: datetime
    partition: int
    body: bytes
    tries: int = 0

    @property
    def lane(self) -> LaneKey:
        return (self.workspace, self.campaign_id, self.endpoint_id)

    @property
    def endpoint(self) -> EndpointKey:
        return (self.workspace, self.endpoint_id)


@dataclass(frozen=True, slots=True)
class Answer:
    """The receiver answered. `excerpt` is at most 1 KiB of its body."""

    http_status: int
    retry_after_seconds: float | None
    excerpt: str
    duration_ms: int

    @property
    def error_class(self) -> str | None:
        if 200 <= self.http_status < 300:
            return None
        return "gone" if self.http_status == 410 else f"http_{self.http_status // 100}xx"


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Nothing usable came back: `timeout`, `connect`, `tls`, `reset` or `protocol`."""

    error_class: str
    duration_ms: int


Reply = Answer | NoAnswer


@dataclass(frozen=True, slots=True)
class Delivered:
    pass


@dataclass(frozen=True, slots=True)
class RetryAt:
    at: datetime


@dataclass(frozen=True, slots=True)
class GivenUp:
    """No more tries; `gone`: the receiver asked never to be called again (410)."""

    gone: bool


Outcome = Delivered | RetryAt | GivenUp


@dataclass(frozen=True, slots=True)
class Attempt:
    """A row of the audit log, under an id made before anything was sent."""

    id: UUID
    delivery: Delivery
    number: int
    status: Status
    at: datetime
    reply: Reply | None = None
    next_attempt_at: datetime | None = None

    @property
    def is_final(self) -> bool:
        return self.status in FINAL


@dataclass(frozen=True, slots=True)
class Change:
    """An endpoint was switched on or off, effective at a time that lies after the change's commit."""

    effective_at: datetime
    enabled: bool


def is_owed(changes: Sequence[Change], at: datetime) -> bool:
    """Was the endpoint enabled at that time? It counts as enabled before its first change."""
    before = [change for change in changes if change.effective_at <= at]
    return max(before, key=lambda change: change.effective_at).enabled if before else True


def has_expired(changes: Sequence[Change], occurred_at: datetime) -> bool:
    """Was the endpoint disabled at any time after the event? Then what it was owed is never sent."""
    return any(not change.enabled and change.effective_at > occurred_at for change in changes)
