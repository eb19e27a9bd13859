"""What the timeline knows of a version and of its way to an endpoint. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from famedash.webhooks.model import FINAL, Change, Status


class Fate(StrEnum):
    """`pending`: owed, and not taken up by a worker yet."""

    DELIVERED = "delivered"
    WAITING = "waiting"
    DEAD = "dead"
    EXPIRED = "expired"
    PENDING = "pending"
    NOT_OWED = "not_owed"


class _Data(msgspec.Struct):
    actor: str | None = None
    changes: msgspec.Raw = msgspec.Raw(b"{}")


class _Body(msgspec.Struct):
    data: _Data


_decoder = msgspec.json.Decoder(_Body)


@dataclass(frozen=True, slots=True)
class Version:
    """A change of the campaign, as its event tells it."""

    version: int
    event_id: UUID
    type: str
    occurred_at: datetime
    body: bytes

    def told(self) -> tuple[str | None, msgspec.Raw]:
        """By whom, and {field: {from, to}} as it was published."""
        data = _decoder.decode(self.body).data
        return data.actor, data.changes


@dataclass(frozen=True, slots=True)
class Try:
    """A row of the audit log."""

    id: UUID
    event_id: UUID
    event_type: str
    campaign_id: str
    version: int
    endpoint_id: str
    attempt: int
    status: Status
    attempted_at: datetime
    http_status: int | None = None
    error_class: str | None = None
    duration_ms: int | None = None
    next_attempt_at: datetime | None = None
    response_excerpt: str | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A delivery's row; `due_at` None: behind an older version. `replayed_at`: it is a replay."""

    due_at: datetime | None
    sending: bool = False
    tries_before: int = 0
    replayed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """A change of an endpoint, and why."""

    change: Change
    reason: str


@dataclass(frozen=True, slots=True)
class Case:
    """One version and one endpoint: everything that is on record of the two, oldest first."""

    endpoint_id: str
    event_type: str
    occurred_at: datetime
    turns: Sequence[Turn] = ()
    tries: Sequence[Try] = ()
    waiting: Waiting | None = None

    @property
    def final(self) -> Try | None:
        """How it ended, unless it is under way (again): then None. The last one, where it was replayed."""
        ends = [one for one in self.tries if one.status in FINAL]
        if not ends or (self.waiting and ends[-1].attempt <= self.waiting.tries_before):
            return None
        return ends[-1]


def change_before(turns: Sequence[Turn], at: datetime) -> Turn | None:
    """What was so at that time."""
    before = [turn for turn in turns if turn.change.effective_at <= at]
    return max(before, key=lambda turn: turn.change.effective_at, default=None)


def switched_off(turns: Sequence[Turn], after: datetime) -> Turn | None:
    """The first time after that at which the endpoint was disabled or deleted."""
    off = [turn for turn in turns if not turn.change.enabled and turn.change.effective_at > after]
    return min(off, key=lambda turn: turn.change.effective_at, default=None)
