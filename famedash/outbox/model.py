"""What a domain event is, and the bytes it travels as: in the ledger, on the log and in the webhook alike."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from famedash.infra import json

EVENTS = "events"
DEAD_WEBHOOKS = "dead:webhooks"


@dataclass(frozen=True)
class DomainEvent:
    """Something that happened to a campaign. `topic` says which log (or stream) carries it."""

    id: UUID
    type: str
    occurred_at: datetime
    workspace: str
    campaign_id: str
    version: int
    data: dict[str, Any]
    topic: str = EVENTS


def encode(event: DomainEvent) -> bytes:
    """`{id, type, timestamp, data}` as JSON; Decimal as a number, time as RFC 3339 in UTC with `Z`."""
    return json.encode(
        {"id": event.id, "type": event.type, "timestamp": event.occurred_at, "data": event.data}
    )
