"""JSON of dead letters and of their replays."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from pydantic import AfterValidator, AwareDatetime, Field, StrictBool

from famedash.infra.http.bodies import Body
from famedash.webhooks.letters.model import Filters, Replay
from famedash.webhooks.schemas import Shown, camel

_FIRST_YEAR, _LAST_YEAR = 2000, 2999


def _in_utc(time: datetime) -> datetime:
    if not _FIRST_YEAR <= time.year <= _LAST_YEAR:
        raise ValueError(f"Must be a time between the years {_FIRST_YEAR} and {_LAST_YEAR}.")
    return time.astimezone(UTC)


def _is_error_class(text: str) -> str:
    if not re.fullmatch("http_[3-9]xx|gone|timeout|connect|tls|reset|protocol|forbidden", text):
        raise ValueError(
            "Must be http_3xx, http_4xx, http_5xx, gone, timeout, connect, tls, reset, protocol or forbidden."
        )
    return text


Word = Annotated[str, Field(max_length=200)]
EventType = Literal["CampaignCreated", "CampaignUpdated"]
ErrorClass = Annotated[str, AfterValidator(_is_error_class)]
Time = Annotated[AwareDatetime, AfterValidator(_in_utc)]


class ReplayOne(Body):
    force: StrictBool = Field(False, description="Although it was delivered since.")


class ReplayMany(Body):
    """Filters as of `GET /dead-letters`; `{}` is every letter that was not replayed yet."""

    campaign_id: Word | None = None
    endpoint_id: Word | None = None
    event_type: EventType | None = None
    error_class: ErrorClass | None = None
    died_after: Time | None = None
    died_before: Time | None = None
    replayed: StrictBool = Field(False, description="true: only those that were replayed before.")
    dry_run: StrictBool = Field(False, description="Only count.")
    force: StrictBool = Field(False, description="Also what was delivered since.")

    def filters(self) -> Filters:
        return Filters(**self.model_dump(include=set(Filters.__struct_fields__)))


class DeadLetterShown(Shown):
    """A delivery that was given up."""

    id: str
    event_id: str
    event_type: str
    campaign_id: str
    version: int
    endpoint_id: str
    attempts: int = Field(description="How many tries were made; a replay counts on.")
    error_class: str | None
    http_status: int | None
    died_at: datetime
    replayed_at: datetime | None = Field(description="When it was last sent once more.")


class DeadLettersShown(Shown):
    items: list[DeadLetterShown]
    next_cursor: str | None


class ForeseenShown(Shown):
    matching: int
    skipped: int = Field(description="How many of these would not be replayed as things stand.")
    at_least: bool = Field(description="There are more: so many were looked at.")


class ReplayShown(Shown):
    id: str
    status: Literal["running", "finished"]
    replayed: int
    skipped: int = Field(description="Matched, but could not be replayed or were delivered since.")
    filters: dict[str, Any]
    force: bool
    created_at: datetime
    finished_at: datetime | None


def letter_shown(row: Mapping[str, Any]) -> dict[str, Any]:
    return camel({name: value for name, value in row.items() if name != "workspace_id"})


def replay_shown(replay: Replay) -> dict[str, Any]:
    return {
        "id": replay.id,
        "status": "finished" if replay.finished_at else "running",
        "replayed": replay.replayed,
        "skipped": replay.skipped,
        "filters": msgspec.to_builtins(replay.filters, builtin_types=(datetime,)),
        "force": replay.forced,
        "createdAt": replay.created_at,
        "finishedAt": replay.finished_at,
    }
