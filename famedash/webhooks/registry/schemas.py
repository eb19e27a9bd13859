"""The JSON of endpoints, in and out."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StrictBool

from famedash.infra.http.bodies import Body
from famedash.webhooks.model import Answer, Reply
from famedash.webhooks.registry.model import (
    MOST_IN_FLIGHT,
    MOST_URL_CHARACTERS,
    Endpoint,
    Plan,
    check_headers,
)
from famedash.webhooks.schemas import Shown

_EXAMPLE: dict[str, Any] = {
    "url": "https://example.com/famedash",
    "description": "Our campaign calendar",
    "eventTypes": ["CampaignUpdated"],
    "headers": {"X-Tenant": "acme"},
    "maxInFlight": 4,
}


def _each_once(values: list[str]) -> list[str]:
    if len(set(values)) < len(values):
        raise ValueError("Must name each value once.")
    return values


def _permitted(headers: dict[str, str]) -> dict[str, str]:
    check_headers(headers)
    return headers


def _not_cleared(value: Any) -> Any:
    if value is None:
        raise ValueError("Cannot be cleared: send a value, or leave it out.")
    return value


Url = Annotated[str, Field(min_length=1, max_length=MOST_URL_CHARACTERS)]
Description = Annotated[str, Field(max_length=500)]
EventTypes = Annotated[
    list[Literal["CampaignCreated", "CampaignUpdated"]],
    Field(min_length=1, description="Only events of these types; left out or null: of every type."),
    AfterValidator(_each_once),
]
Headers = Annotated[
    dict[str, str],
    Field(description="Sent with every delivery, such as a token of yours. Kept encrypted, never shown."),
    AfterValidator(_permitted),
]
MaxInFlight = Annotated[
    int,
    Field(strict=True, ge=1, le=MOST_IN_FLIGHT, description="Deliveries a worker process may have open."),
]


class EndpointPatch(Body):
    """What `PATCH /webhook-endpoints/{id}` takes: a field left out stays, null means what leaving it out
    means at creation, and `headers` are replaced whole. `default` takes only `enabled`.
    """

    model_config = ConfigDict(json_schema_extra={"example": {"enabled": True}})

    url: Annotated[Url | None, BeforeValidator(_not_cleared)] = None
    description: Description | None = None
    event_types: EventTypes | None = None
    headers: Headers | None = None
    max_in_flight: MaxInFlight | None = None
    enabled: Annotated[StrictBool | None, BeforeValidator(_not_cleared)] = None

    def patch(self, *, max_in_flight: int) -> Mapping[str, Any]:
        """The fields that were sent, by their names in `Plan`; `max_in_flight` is what null stands for."""
        values: dict[str, Any] = {
            "url": self.url,
            "description": self.description,
            "event_types": None if self.event_types is None else tuple(sorted(self.event_types)),
            "headers": tuple((self.headers or {}).items()),
            "max_in_flight": max_in_flight if self.max_in_flight is None else self.max_in_flight,
            "enabled": self.enabled,
        }
        return {name: values[name] for name in self.model_fields_set}


class NewEndpoint(Body):
    """What `POST /webhook-endpoints` takes. Only `url` is needed."""

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE})

    url: Url
    description: Description | None = None
    event_types: EventTypes | None = None
    headers: Headers | None = None
    max_in_flight: MaxInFlight | None = None

    def plan(self, *, max_in_flight: int) -> Plan:
        """`max_in_flight`: where it names none."""
        return Plan(
            url=self.url,
            description=self.description,
            event_types=None if self.event_types is None else tuple(sorted(self.event_types)),
            headers=tuple((self.headers or {}).items()),
            max_in_flight=max_in_flight if self.max_in_flight is None else self.max_in_flight,
        )


class EndpointShown(Shown):
    id: str
    url: str | None = Field(description="null: it is `default`, and FAMEDASH_WEBHOOK_URL is empty.")
    description: str | None
    event_types: list[str] | None = Field(description="null: every type.")
    header_names: list[str]
    max_in_flight: int
    enabled: bool
    reason: str | None = Field(
        description="Why it is on or off: `created`, `by_request`, `gone` (410), `url_changed`; null: it is"
        " `default`, and was never switched."
    )
    changed_at: datetime | None = Field(
        description="When it was switched or given its event types; ahead, until that takes effect."
    )
    created_at: datetime | None
    updated_at: datetime | None


class EndpointsShown(Shown):
    items: list[EndpointShown]
    next_cursor: str | None


class EndpointMade(EndpointShown):
    secret: str = Field(description="What its deliveries are signed with. Shown this once.")


class SkippedShown(Shown):
    since: datetime
    events: int


class EndpointChanged(EndpointShown):
    skipped: SkippedShown | None = Field(
        None,
        description="When it was switched on: what happened while it was off, and is not owed to it.",
    )


class SecretShown(Shown):
    secret: str = Field(description="What deliveries are signed with from now on. Shown this once.")
    previous_valid_until: datetime = Field(description="Until then the secret before signs, too.")


class TestShown(Shown):
    """What came back of a test event."""

    delivered: bool
    http_status: int | None
    error_class: str | None
    duration_ms: int
    response_excerpt: str | None


def endpoint_shown(endpoint: Endpoint) -> dict[str, Any]:
    plan = endpoint.plan
    return {
        "id": endpoint.id,
        "url": plan.url or None,
        "description": plan.description,
        "eventTypes": plan.event_types,
        "headerNames": [name for name, _ in plan.headers],
        "maxInFlight": plan.max_in_flight,
        "enabled": plan.enabled,
        "reason": endpoint.reason,
        "changedAt": endpoint.changed_at,
        "createdAt": endpoint.created_at,
        "updatedAt": endpoint.updated_at,
    }


def reply_shown(reply: Reply) -> dict[str, Any]:
    answer = reply if isinstance(reply, Answer) else None
    return {
        "delivered": reply.error_class is None,
        "httpStatus": answer.http_status if answer else None,
        "errorClass": reply.error_class,
        "durationMs": reply.duration_ms,
        "responseExcerpt": answer.excerpt if answer else None,
    }
