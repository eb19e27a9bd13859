"""The JSON of metrics: times in queries, and the answers (for the OpenAPI document)."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from famedash.infra import json
from famedash.metrics.decode import Event
from famedash.metrics.intake import MOST_EVENTS, Taken
from famedash.metrics.windows import Step

_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(?:([Zz])|([+ -])(\d\d:\d\d))", re.ASCII
)
_FIRST_YEAR, _LAST_YEAR = 2000, 2999


def _rfc_3339(value: Any) -> Any:
    """A plus that was not written %2B arrives as a space."""
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("Must be an RFC 3339 time with its offset, such as 2026-07-01T12:00:00Z.")
    day, time, _, sign, offset = found.groups()
    return f"{day}T{time}{sign.replace(' ', '+')}{offset}" if sign else f"{day}T{time}Z"


def _in_utc(time: datetime) -> datetime:
    if not _FIRST_YEAR <= time.year <= _LAST_YEAR:
        raise ValueError(f"Must be a time between the years {_FIRST_YEAR} and {_LAST_YEAR}.")
    return time.astimezone(UTC)


Time = Annotated[datetime, BeforeValidator(_rfc_3339), AfterValidator(_in_utc)]


class Shown(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True)


class NumbersShown(Shown):
    """Sums of the events' values. Corrections may make one negative."""

    views: int
    likes: int
    comments: int
    shares: int
    saves: int
    clicks: int
    conversions: int
    engagements: int = Field(description="likes + comments + shares")
    engagement_rate: float | None = Field(
        description="engagements / views, in percent; null where views are 0 or less."
    )


class WindowShown(NumbersShown):
    """Exact for the events whose time lies in `[from, to)`."""

    from_: datetime = Field(alias="from")
    to: datetime


class SinceEverShown(NumbersShown):
    """Everything before `to`."""

    from_: None = Field(alias="from")
    to: datetime


class TotalShown(SinceEverShown):
    cpe: float | None = Field(description="Budget / engagements.")
    cpm: float | None = Field(description="Budget / views x 1000.")
    basis: str | None = Field(description="`budget`: the campaign's budget is the cost. Null without one.")
    currency: str | None


class FlagShown(Shown):
    """Something impossible or farmed. Nothing was removed from the numbers."""

    code: str = Field(
        description="`share_farming`, `engagement_above_views`, `likes_above_views`, `negative_count`."
    )
    reason: str


class PartShown(Shown):
    window1h: WindowShown
    window24h: WindowShown
    total: SinceEverShown
    flags: list[FlagShown]


class PlatformShown(PartShown):
    platform: str


class InfluencerShown(PartShown):
    """In whole hours: `to` is `asOf` rounded down to one."""

    influencer_id: str


class MetricsShown(Shown):
    campaign_id: str
    as_of: datetime
    data_through: datetime | None = Field(
        description="Every event that arrived before this is counted; null while the log does not answer."
    )
    window1h: WindowShown
    window24h: WindowShown
    total: TotalShown
    flags: list[FlagShown]
    platforms: list[PlatformShown] | None = Field(None, description="Only with `by=platform`; by name.")
    influencers: list[InfluencerShown] | None = Field(
        None, description="Only with `by=influencer`; most engagements first."
    )


class PointShown(NumbersShown):
    at: datetime = Field(description="Where the step begins.")


class SeriesShown(Shown):
    campaign_id: str
    from_: datetime = Field(alias="from")
    to: datetime
    step: Step
    points: list[PointShown]


class HashtagShown(Shown):
    hashtag: str = Field(description="In lower case, without #.")
    platform: str | None = Field(description="Null: summed over all platforms.")
    engagements: int = Field(description="In the running hour and the two before it.")
    expected: float = Field(description="What its own past rate would have brought in the same time.")
    score: float = Field(description="(engagements - expected) / sqrt(expected + 1)")


class HashtagsShown(Shown):
    items: list[HashtagShown]
    next_cursor: str | None


class EventRefused(Shown):
    index: int = Field(description="Which event of the body, from 0; blank lines are none.")
    reason: str = Field(description="Stable; `docs/metrics.md` explains each.")
    detail: str


class EventsTaken(Shown):
    """What became of the events of one request."""

    accepted: int = Field(description="So many are in the log.")
    rejected: int
    reasons: dict[str, int] = Field(description="How many were rejected for which reason.")
    errors: list[EventRefused] = Field(description="The first 20 that were rejected.")


def taken_shown(taken: Taken) -> dict[str, Any]:
    """`EventsTaken` as it is answered."""
    return {
        "accepted": taken.accepted,
        "rejected": taken.reasons.total(),
        "reasons": taken.reasons,
        "errors": [
            {"index": each.index, "reason": each.reason, "detail": each.detail} for each in taken.shown
        ],
    }


def _event_schema() -> dict[str, Any]:
    """As the decoder understands an event, without what only the log may say."""
    _, components = msgspec.json.schema_components([Event])
    schema: dict[str, Any] = components["Event"]
    del schema["properties"]["workspace"]
    return schema


_EVENT = {
    "eventId": "5b0f7a52-9f0c-4a8e-9d7c-0a4d5d1f6f11",
    "campaignId": "summer",
    "influencerId": "creator-7",
    "platform": "tiktok",
    "type": "view",
    "timestamp": "2026-07-01T12:00:00.250Z",
}
_LIKE = {**_EVENT, "eventId": "like-1", "type": "like", "value": 3, "hashtags": ["summer"]}
_SCHEMA = _event_schema()
_SCHEMAS = {"type": "array", "items": _SCHEMA, "minItems": 1, "maxItems": MOST_EVENTS}

EVENTS_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "example": [_EVENT],
                    "oneOf": [
                        _SCHEMA,
                        _SCHEMAS,
                        {"type": "object", "required": ["events"], "properties": {"events": _SCHEMAS}},
                    ],
                },
                "examples": {
                    "one": {"summary": "One event", "value": _EVENT},
                    "array": {"summary": "An array", "value": [_EVENT, _LIKE]},
                    "wrapped": {"summary": "An object with events", "value": {"events": [_EVENT, _LIKE]}},
                },
            },
            "application/x-ndjson": {
                "schema": {"type": "string"},
                "example": (json.encode(_EVENT) + b"\n" + json.encode(_LIKE) + b"\n").decode(),
            },
        },
    }
}
"""The body of `POST /events` for the OpenAPI document: it is read by `intake`, not by pydantic."""
