"""JSON of the timeline."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import msgspec
from pydantic import Field

from famedash.webhooks.schemas import AttemptShown, Shown, camel
from famedash.webhooks.timeline.model import Case, Fate, Try, Version
from famedash.webhooks.timeline.words import explain, summary


class DeliveryShown(Shown):
    """What became of one version at one endpoint."""

    endpoint_id: str
    status: Fate = Field(description="`pending`: not taken up yet. `not_owed`: never to be sent there.")
    explanation: str = Field(description="Why, in words for people.")
    attempts: list[AttemptShown]


class VersionShown(Shown):
    """One change of the campaign."""

    version: int
    event_id: str
    type: str
    timestamp: datetime
    actor: str | None
    changes: dict[str, dict[str, Any]]
    summary: str = Field(description="What changed, in words for people.")
    deliveries: list[DeliveryShown]


class TimelineShown(Shown):
    items: list[VersionShown]
    next_cursor: str | None


def version_shown(version: Version, cases: Sequence[Case]) -> dict[str, Any]:
    """`VersionShown`, with the changes byte for byte as they were published."""
    actor, changes = version.told()
    told = [(case, explain(case)) for case in cases]
    return {
        "version": version.version,
        "eventId": version.event_id,
        "type": version.type,
        "timestamp": version.occurred_at,
        "actor": actor,
        "changes": changes,
        "summary": summary(version.type, msgspec.json.decode(changes)),
        "deliveries": [
            {
                "endpointId": case.endpoint_id,
                "status": outcome[0],
                "explanation": outcome[1],
                "attempts": [_attempt(one) for one in case.tries],
            }
            for case, outcome in told
            if outcome
        ],
    }


def _attempt(one: Try) -> dict[str, Any]:
    shown = camel(asdict(one))
    shown["timestamp"] = shown.pop("attemptedAt")
    return shown
