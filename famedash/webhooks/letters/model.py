"""Which dead letters are asked for, and whether one may be replayed. No I/O, no clock."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec


class Filters(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """None: any. A letter matches that died at `died_after` or later, and before `died_before`."""

    campaign_id: str | None = None
    endpoint_id: str | None = None
    event_type: str | None = None
    error_class: str | None = None
    died_after: datetime | None = None
    died_before: datetime | None = None
    replayed: bool | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A letter, and how things stand with its delivery and its endpoint now.

    `tries`: those that count. `died_again`: after this letter. `enabled_from`: when the endpoint's newest
    change takes effect; None where there was none. `is_kept`: the ledger has the event.
    """

    letter_id: UUID
    campaign_id: str
    endpoint_id: str
    exists: bool
    enabled: bool
    enabled_from: datetime | None
    waits: bool
    delivered: bool
    died_again: bool
    tries: int
    is_kept: bool

    def due_at(self, now: datetime) -> datetime:
        """Of a replay: not before the endpoint is on, or the change that switched it off would end it."""
        return max(now, self.enabled_from) if self.enabled_from else now


@dataclass(frozen=True, slots=True)
class Replay:
    """A job: every matching letter up to `last_letter`, in the order of their ids, up to `position` so far.

    `filters.replayed` is judged as of `created_at`.
    """

    workspace: str
    id: UUID
    filters: Filters
    forced: bool
    position: UUID | None
    last_letter: UUID | None
    replayed: int
    skipped: int
    created_at: datetime
    finished_at: datetime | None


def replay_of(row: Any) -> Replay:
    """From a row of `webhook_replays`."""
    return Replay(
        workspace=row["workspace_id"],
        id=row["id"],
        filters=msgspec.json.decode(row["filters"], type=Filters),
        forced=row["forced"],
        position=row["position"],
        last_letter=row["last_letter"],
        replayed=row["replayed"],
        skipped=row["skipped"],
        created_at=row["created_at"],
        finished_at=row["finished_at"],
    )


def hindrance(case: Case, *, forced: bool, default_points: bool) -> str | None:  # noqa: PLR0911 - a list
    """Why it cannot be replayed now and what to do about it; None when it can.

    `forced`: although it was delivered. `default_points`: FAMEDASH_WEBHOOK_URL is set.
    """
    name, log = case.endpoint_id, f"GET /logs?campaignId={case.campaign_id}"
    if not case.exists:
        return f"The endpoint {name} was deleted: read the event at GET /campaigns/{case.campaign_id}/events."
    if name == "default" and not default_points:
        return "The endpoint default points nowhere: set FAMEDASH_WEBHOOK_URL and start again."
    if not case.enabled:
        return f'The endpoint {name} is disabled: PATCH /webhook-endpoints/{name} {{"enabled": true}} first.'
    if case.waits:
        return f"It is being replayed at present: wait for what comes of it at {log}."
    if case.died_again:
        return f"It was replayed and died again: replay its newer letter; its tries are at {log}."
    if case.delivered and not forced:
        return 'It was delivered since: send {"force": true} to deliver it once more.'
    if not case.is_kept:
        return "Its event was put on the log by hand and is not kept here: put it there again."
    return None
