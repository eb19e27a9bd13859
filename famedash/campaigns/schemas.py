"""The JSON of campaigns, in and out: bounds of single fields. What fields owe each other the model judges."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic.json_schema import SkipJsonSchema

from famedash.campaigns.model import Budget, Plan, Status
from famedash.infra.http.bodies import Body

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_EXAMPLE: dict[str, Any] = {
    "name": "Summer launch",
    "brand": "Acme",
    "product": "Trail sandals",
    "goal": "Reach hikers before the season",
    "platforms": ["instagram", "tiktok"],
    "budget": {"amount": 7500, "currency": "EUR"},
    "startsAt": "2030-06-01T08:00:00Z",
    "endsAt": "2030-06-30T22:00:00Z",
    "influencerIds": ["maya.trails", "007"],
    "metadata": {"owner": "spring team"},
    "status": "scheduled",
}
_FIRST_YEAR, _LAST_YEAR = 2000, 2999


def _one_line(text: str) -> str:
    if _CONTROL.search(text) or not text.strip():
        raise ValueError("Must be one line of text, without control characters and not blank.")
    return text


def _addressable(id: str) -> str:
    if "/" in id or id in (".", ".."):
        raise ValueError("Must not contain a slash, nor be . or .., because it becomes part of an address.")
    return id


def _plain_decimal(value: Any) -> Any:
    if isinstance(value, str) and not _DECIMAL.fullmatch(value):
        raise ValueError('Must be a decimal number such as 1250.50 or "1250.50".')
    return value


def _rfc_3339(value: Any) -> Any:
    if not (isinstance(value, str) and _RFC_3339.fullmatch(value)):
        raise ValueError("Must be an RFC 3339 time with its offset, such as 2026-07-01T12:00:00Z.")
    return value


def _in_utc(time: datetime) -> datetime:
    if not _FIRST_YEAR <= time.year <= _LAST_YEAR:
        raise ValueError(f"Must be a time between the years {_FIRST_YEAR} and {_LAST_YEAR}.")
    return time.astimezone(UTC)


def _each_once(values: list[str]) -> list[str]:
    if len(set(values)) < len(values):
        raise ValueError("Must name each value once.")
    return values


def _read_only(_: Any) -> Any:
    raise ValueError("Read-only, FameDash sets it: leave it out.")


def _not_cleared(value: Any) -> Any:
    if value is None:
        raise ValueError("Cannot be cleared: send a value, or leave it out.")
    return value


Id = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_one_line)]
CampaignId = Annotated[Id, AfterValidator(_addressable)]
Label = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_one_line)]
Goal = Annotated[str, Field(min_length=1, max_length=2000)]
Platform = Annotated[str, Field(min_length=1, max_length=50), AfterValidator(_one_line)]
Platforms = Annotated[list[Platform], Field(max_length=20), AfterValidator(_each_once)]
InfluencerIds = Annotated[list[Id], Field(max_length=500), AfterValidator(_each_once)]
Amount = Annotated[
    Decimal,
    BeforeValidator(_plain_decimal),
    Field(ge=0, max_digits=15, decimal_places=4),
    AfterValidator(abs),
]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", description="ISO 4217, such as EUR.")]
Time = Annotated[datetime, BeforeValidator(_rfc_3339), AfterValidator(_in_utc)]
ReadOnly = SkipJsonSchema[Annotated[Any, AfterValidator(_read_only)]]


class _Settled(Body):
    """Fields that only FameDash sets. They are refused by name, and do not show in the OpenAPI document."""

    version: ReadOnly = None
    workspace: ReadOnly = None
    created_at: ReadOnly = None
    updated_at: ReadOnly = None


class NewBudget(Body):
    amount: Amount
    currency: Currency | None = None


class NewCampaign(_Settled):
    """What `POST /campaigns` takes. Only `name` is needed."""

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE})

    id: CampaignId | None = Field(None, description="Chosen by you, or left to FameDash.")
    name: Label
    status: Literal[Status.DRAFT, Status.SCHEDULED, Status.ACTIVE] = Status.DRAFT
    brand: Label | None = None
    product: Label | None = None
    goal: Goal | None = None
    platforms: Platforms | None = None
    budget: NewBudget | None = None
    starts_at: Time | None = None
    ends_at: Time | None = None
    influencer_ids: InfluencerIds | None = None
    metadata: dict[str, Any] | None = Field(None, description="Any JSON object, up to 16 KiB.")

    def plan(self) -> Plan:
        return Plan(
            name=self.name,
            status=self.status,
            brand=self.brand,
            product=self.product,
            goal=self.goal,
            platforms=tuple(self.platforms or ()),
            budget=Budget(self.budget.amount, self.budget.currency) if self.budget else None,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            influencer_ids=tuple(self.influencer_ids or ()),
            metadata=self.metadata or {},
        )


class BudgetPatch(Body):
    amount: Amount | None = None
    currency: Currency | None = None


class CampaignPatch(_Settled):
    """What `PATCH /campaigns/{id}` takes: an RFC 7396 merge patch. A field left out stays, null clears it."""

    model_config = ConfigDict(json_schema_extra={"example": {"status": "active", "budget": {"amount": 9000}}})

    id: ReadOnly = None
    name: Annotated[Label | None, BeforeValidator(_not_cleared)] = None
    status: Annotated[Status | None, BeforeValidator(_not_cleared)] = None
    brand: Label | None = None
    product: Label | None = None
    goal: Goal | None = None
    platforms: Platforms | None = None
    budget: BudgetPatch | None = None
    starts_at: Time | None = None
    ends_at: Time | None = None
    influencer_ids: InfluencerIds | None = None
    metadata: dict[str, Any] | None = None

    def patch(self) -> Mapping[str, Any]:
        """The fields that were sent, by their names in the model (`model.change`)."""
        sent: dict[str, Any] = {name: getattr(self, name) for name in self.model_fields_set}
        if self.budget:
            sent["budget"] = self.budget.model_dump(exclude_unset=True)
        return sent


class _Shown(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, validate_by_alias=True, extra="forbid")


class BudgetShown(_Shown):
    amount: float
    currency: str | None


class CampaignShown(_Shown):
    """A campaign in answers and events (for the OpenAPI document; `events.document` makes it)."""

    id: str
    version: int
    status: Status
    name: str
    brand: str | None
    product: str | None
    goal: str | None
    platforms: list[str]
    budget: BudgetShown | None
    starts_at: datetime | None
    ends_at: datetime | None
    influencer_ids: list[str]
    metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime


class CampaignsShown(_Shown):
    items: list[CampaignShown]
    next_cursor: str | None


class Change(BaseModel):
    from_: Any = Field(alias="from")
    to: Any


class EventData(_Shown):
    workspace: str
    campaign_id: str
    version: int
    actor: str
    changes: dict[str, Change]
    campaign: CampaignShown


class EventShown(_Shown):
    """A domain event, the same bytes here, on the log and in the webhook."""

    id: str
    type: Literal["CampaignCreated", "CampaignUpdated"]
    timestamp: datetime
    data: EventData


class EventsShown(_Shown):
    items: list[EventShown]
    next_cursor: str | None
