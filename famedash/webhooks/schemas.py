"""JSON of attempts."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from famedash.webhooks.model import Status


class Shown(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True)


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


def camel(row: dict[str, Any]) -> dict[str, Any]:
    """A row's columns as the JSON names them."""
    return {to_camel(name): value for name, value in row.items()}
