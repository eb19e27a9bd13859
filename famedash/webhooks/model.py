"""The words of delivery: what is owed to whom, what a try answered, what was made of it. No I/O, no clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

DEFAULT_ENDPOINT = "default"

TAKES_EFFECT_AFTER = timedelta(seconds=2)
"""An endpoint's change lies this far ahead, so that it is committed before it takes effect."""

LaneKey = tuple[str, str, str, UUID | None]
"""(workspace, campaign, endpoint, None): deliveries of one lane go out one at a time, in version order.

A replay has a lane of its own: the event's id in place of None.
"""

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
class Event:
    """What happened, as it stands in the log; `body` is what is sent, byte for byte."""

    workspace: str
    campaign_id: str
    version: int
    id: UUID
    type: str
    occurred_at: datetime
    partition: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event owed to one endpoint; `tries` is how many tries that count were made before.

    A replay was asked for at `replayed_at`, and has a fresh budget of tries after `tries_before`.
    """

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
    tries_before: int = 0
    replayed_at: datetime | None = None

    @staticmethod
    def of(event: Event, endpoint_id: str) -> "Delivery":
        return Delivery(
            workspace=event.workspace,
            campaign_id=event.campaign_id,
            endpoint_id=endpoint_id,
            version=event.version,
            event_id=event.id,
            event_type=event.type,
            occurred_at=event.occurred_at,
            partition=event.partition,
            body=event.body,
        )

    @property
    def lane(self) -> LaneKey:
        own = self.event_id if self.replayed_at else None
        return (self.workspace, self.campaign_id, self.endpoint_id, own)

    @property
    def endpoint(self) -> EndpointKey:
        return (self.workspace, self.endpoint_id)

    @property
    def number(self) -> int:
        """Of the try that is next."""
        return self.tries_before + self.tries + 1

    @property
    def owed_since(self) -> datetime:
        """What happened to the endpoint after this makes it expire."""
        return self.replayed_at or self.occurred_at


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
    """Nothing usable came back: `timeout`, `connect`, `tls`, `reset`, `protocol` or `forbidden`."""

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
class Target:
    """Where an endpoint's deliveries go now. `secrets` are the raw keys that sign, the newest first."""

    url: str
    secrets: tuple[bytes, ...]
    headers: tuple[tuple[str, str], ...] = ()
    max_in_flight: int = 8


@dataclass(frozen=True, slots=True)
class Change:
    """An endpoint was made, switched on or off, or given a filter, effective after the change's commit.

    `event_types` None: every type.
    """

    effective_at: datetime
    enabled: bool
    event_types: tuple[str, ...] | None = None


def change_of(row: Any) -> Change:
    """From a row of `webhook_endpoint_changes`."""
    types = row["event_types"]
    return Change(row["effective_at"], row["enabled"], None if types is None else tuple(types))


def is_owed(changes: Sequence[Change], at: datetime, event_type: str, *, endpoint_id: str) -> bool:
    """Was the endpoint there, enabled and interested at that time?

    Only `default` was there before its first change.
    """
    before = [change for change in changes if change.effective_at <= at]
    if not before:
        return endpoint_id == DEFAULT_ENDPOINT
    newest = max(before, key=lambda change: change.effective_at)
    return newest.enabled and (newest.event_types is None or event_type in newest.event_types)


def has_expired(changes: Sequence[Change], since: datetime) -> bool:
    """Was the endpoint disabled at any time after that? Then what it was owed is never sent."""
    return any(not change.enabled and change.effective_at > since for change in changes)
