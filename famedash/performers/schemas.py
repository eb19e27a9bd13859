"""The JSON of rankings and loads, for the OpenAPI document, and rows turned into it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from famedash.performers.model import MEANING, Reason
from famedash.performers.ranking import flags

_FILE = """\
campaignId,influencerId,views,likes,comments,shares
summer-glow,creator-0001,12000,800,45,12
summer-glow,creator-0002,8000,720,30,9
"""


class Shown(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True)


class FlagShown(Shown):
    code: str
    reason: str


class PerformerShown(Shown):
    """What one creator brought in one campaign, over all rows of the newest file that names the pair."""

    rank: int
    campaign_id: str
    influencer_id: str
    engagement_rate: float = Field(description="(likes + comments + shares) / views, in percent.")
    engagements: int
    views: int
    likes: int
    comments: int
    shares: int
    posts: int = Field(description="How many rows of the file were added up.")
    flags: list[FlagShown] = Field(description="What looks impossible or farmed; nothing is removed for it.")


class PerformersShown(Shown):
    items: list[PerformerShown]
    next_cursor: str | None


class ImportShown(Shown):
    """A load. lines = header + accepted + continuation + rejected + blank, once it is `loaded`."""

    id: UUID
    file_name: str
    status: Literal["running", "loaded", "failed"]
    step: str
    bytes_done: int
    bytes_total: int
    lines: int
    header: int
    accepted: int
    continuation: int
    blank: int
    rejected: int
    rejected_by_reason: dict[str, int]
    flagged: int
    pairs: int
    inserted: int
    updated: int
    same_as: UUID | None = Field(description="The load before it, whose content was the same: nothing to do.")
    warnings: list[str]
    error: str | None
    human_numbers: bool
    started_at: datetime
    finished_at: datetime | None


class ImportsShown(Shown):
    items: list[ImportShown]
    next_cursor: str | None


class RejectShown(Shown):
    line: int = Field(description="Of the file; the header is line 1.")
    reason: Reason
    meaning: str
    column: str | None
    raw: str = Field(description="The line's first 2,000 bytes; what cannot be printed is escaped.")


class RejectsShown(Shown):
    """The first 10,000 rejected lines of a load; `famedash etl` writes all of them to a file."""

    items: list[RejectShown]
    next_cursor: str | None


IMPORT_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The file itself: CSV, plain or packed with gzip or zstd; its first bytes tell which.",
        "content": {
            "text/csv": {"schema": {"type": "string", "example": _FILE}},
            "application/gzip": {"schema": {"type": "string", "format": "binary"}},
            "application/zstd": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}
"""The body of `POST /imports` for the OpenAPI document: it is received by `inbox`, whatever its type says."""


def performer_shown(row: Mapping[str, Any], rank: int) -> dict[str, Any]:
    found = flags(row["views"], row["likes"], row["shares"], row["engagements"])
    return {
        "rank": rank,
        "campaignId": row["campaign_id"],
        "influencerId": row["influencer_id"],
        "engagementRate": row["engagement_rate"],
        **{name: row[name] for name in ("engagements", "views", "likes", "comments", "shares", "posts")},
        "flags": [flag._asdict() for flag in found],
    }


def import_shown(row: Mapping[str, Any]) -> dict[str, Any]:
    shown = {to_camel(name): value for name, value in row.items() if name != "import_id"}
    by_reason = msgspec.json.decode(row["rejected"])
    return {
        "id": row["import_id"],
        **shown,
        "rejected": sum(by_reason.values()),
        "rejectedByReason": by_reason,
        "warnings": msgspec.json.decode(row["warnings"]),
    }


def reject_shown(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "line": row["line"],
        "reason": row["reason"],
        "meaning": MEANING[Reason(row["reason"])],
        "column": row["field"],
        "raw": row["raw"],
    }
