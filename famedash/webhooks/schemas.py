"""JSON of endpoints, attempts and dead letters."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool
from pydantic.alias_generators import to_camel

from famedash.infra.http.bodies import Body
from famedash.webhooks.model import Status


class Shown(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True)


class EndpointPatch(Body):
    """Only `enabled` can be changed here: the address follows FAMEDASH_WEBHOOK_URL."""

    enabled: StrictBool


class EndpointShown(Shown):
    id: str
    url: str | None = Field(description="Where FAMEDASH_WEBHOOK_URL points; null: nowhere.")
    enabled: bool
    reason: str | None = Field(
        description="Why it was last switched: `gone` (410), `by_request`, `url_changed`."
    )
    changed_at: datetime | None = Field(description="When that takes or took effect.")


class AttemptShown(Shown):
    """One try; `interrupted` shares its number with the resend and does not count."""

    id: str
    event_id: str
    event_type: str
    campaign_id: str
    version: int
    endpoint_id: str
    attempt: int
    status: Status
    timestamp: datetime
    http_status: int | None
    error_class: str | None
    duration_ms: int | None
    next_attempt_at: datetime | None
    response_excerpt: str | None


class AttemptsShown(Shown):
    items: list[AttemptShown]
    next_cursor: str | None


class DeadLetterShown(Shown):
    """A delivery that was given up."""

    id: str
    event_id: str
    event_type: str
    campaign_id: str
    version: int
    endpoint_id: str
    attempts: int
    error_class: str | None
    http_status: int | None
    died_at: datetime


class DeadLettersShown(Shown):
    items: list[DeadLetterShown]
    next_cursor: str | None


def camel(row: dict[str, Any]) -> dict[str, Any]:
    """A row's columns as the JSON names them."""
    return {to_camel(name): value for name, value in row.items()}
