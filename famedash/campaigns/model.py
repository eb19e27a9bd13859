"""What a campaign is and what may become of it. Decides; knows no clock, no connection and no HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec

from famedash.infra.errors import Conflict, FieldError, Invalid

METADATA_BYTES = 16_384


class Status(StrEnum):
    DRAFT = "draft"
    SCHEDULED = "scheduled"
    ACTIVE = "active"
    PAUSED = "paused"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


MOVES: Mapping[Status, tuple[Status, ...]] = {
    Status.DRAFT: (Status.SCHEDULED, Status.ACTIVE, Status.CANCELLED),
    Status.SCHEDULED: (Status.DRAFT, Status.ACTIVE, Status.CANCELLED),
    Status.ACTIVE: (Status.PAUSED, Status.COMPLETED, Status.CANCELLED),
    Status.PAUSED: (Status.ACTIVE, Status.COMPLETED, Status.CANCELLED),
    Status.COMPLETED: (),
    Status.CANCELLED: (),
}
"""The lifecycle: where a campaign may go from where it stands. To stay is no move."""


class IllegalMove(Conflict):
    """The lifecycle has no such move; the detail names the moves there are."""

    problem = "illegal-move"
    title = "The lifecycle has no such move"

    def __init__(self, present: Status, wanted: Status) -> None:
        legal = ", ".join(MOVES[present]) or "none, it is final"
        super().__init__(
            f"A campaign that is {present} cannot become {wanted}; legal moves: {legal}.",
            fields=[FieldError("status", f"Legal moves from {present}: {legal}.")],
        )


class Finished(Conflict):
    """The campaign is completed or cancelled: only its metadata may still change."""

    problem = "campaign-finished"
    title = "The campaign is finished"

    def __init__(self, present: Status, refused: list[str]) -> None:
        super().__init__(
            f"A campaign that is {present} is final (legal moves: none): only metadata may change.",
            fields=[FieldError(name, f"Leave it out: a {present} campaign is final.") for name in refused],
        )


@dataclass(frozen=True)
class Budget:
    amount: Decimal
    currency: str | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What people decide about a campaign: all of it can be patched, and every change is announced."""

    name: str
    status: Status = Status.DRAFT
    brand: str | None = None
    product: str | None = None
    goal: str | None = None
    platforms: tuple[str, ...] = ()
    budget: Budget | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    influencer_ids: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Campaign(Plan):
    """A plan with a place in a workspace and a history. `version` counts its accepted changes from 1."""

    workspace: str
    id: str
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def is_final(self) -> bool:
        return not MOVES[self.status]


PLANNED = tuple(each.name for each in fields(Plan))


def recall(row: Any) -> Campaign:
    """The campaign that a row of `campaigns` tells of (columns by name; JSON still text)."""
    amount: Decimal | None = row["budget_amount"]
    return Campaign(
        workspace=row["workspace_id"],
        id=row["id"],
        version=row["version"],
        status=Status(row["status"]),
        name=row["name"],
        brand=row["brand"],
        product=row["product"],
        goal=row["goal"],
        platforms=tuple(row["platforms"]),
        budget=None if amount is None else Budget(amount, row["budget_currency"]),
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        influencer_ids=tuple(row["influencer_ids"]),
        metadata=msgspec.json.decode(row["metadata"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def launch(plan: Plan, *, workspace: str, id: str, now: datetime) -> Campaign:
    """The first version of a campaign. Raises `Invalid` for a plan that cannot stand."""
    check(plan)
    return Campaign(
        workspace=workspace,
        id=id,
        version=1,
        created_at=now,
        updated_at=now,
        **{name: getattr(plan, name) for name in PLANNED},
    )


def change(before: Campaign, patch: Mapping[str, Any], *, now: datetime) -> Campaign:
    """The campaign after `patch`, one version on; the very same object when nothing would change.

    `patch` maps names of `Plan` to new values. `budget` and `metadata` are merge patches of their own
    (RFC 7396); None clears. Raises `IllegalMove`, `Finished` or `Invalid`.
    """
    wanted = replace(before, **{name: _merged(before, name, value) for name, value in patch.items()})
    changed = changes(before, wanted)
    if not changed:
        return before
    if wanted.status != before.status and wanted.status not in MOVES[before.status]:
        raise IllegalMove(before.status, wanted.status)
    if before.is_final and changed.keys() - {"metadata"}:
        raise Finished(before.status, [name for name in changed if name != "metadata"])
    check(wanted)
    return replace(wanted, version=before.version + 1, updated_at=now)


def start(before: Campaign, *, now: datetime) -> Campaign:
    """`startsAt` has come."""
    return change(before, {"status": Status.ACTIVE}, now=now)


def end(before: Campaign, *, now: datetime) -> Campaign:
    """`endsAt` has come."""
    return change(before, {"status": Status.COMPLETED}, now=now)


def changes(before: Plan | None, after: Plan) -> dict[str, tuple[Any, Any]]:
    """(from, to) of every planned field that differs. Before its birth a campaign is an empty plan."""
    then = {name: getattr(before, name) for name in PLANNED} if before else _NOTHING
    now = {name: getattr(after, name) for name in PLANNED}
    return {name: (then[name], now[name]) for name in PLANNED if not _same(then[name], now[name])}


def merge(target: Any, patch: Any) -> Any:
    """RFC 7396, section 2: members merge, null removes, anything that is no object replaces."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


def check(plan: Plan) -> None:
    """Raises `Invalid`, naming every field that does not fit the others."""
    wrong = []
    if plan.status is Status.SCHEDULED and plan.starts_at is None:
        wrong.append(FieldError("startsAt", "A scheduled campaign needs startsAt: send it, or stay draft."))
    if plan.starts_at and plan.ends_at and plan.ends_at <= plan.starts_at:
        wrong.append(FieldError("endsAt", "endsAt must be later than startsAt."))
    if len(msgspec.json.encode(plan.metadata)) > METADATA_BYTES:
        wrong.append(FieldError("metadata", f"metadata may hold {METADATA_BYTES} bytes of JSON; send less."))
    if wrong:
        raise Invalid("The campaign cannot stand like this.", fields=wrong)


_NOTHING: Mapping[str, Any] = {
    each.name: {} if each.name == "metadata" else () if each.name in ("platforms", "influencer_ids") else None
    for each in fields(Plan)
}


_sorted = msgspec.json.Encoder(order="sorted")


def _merged(before: Campaign, name: str, patch: Any) -> Any:
    match name:
        case "metadata":
            return merge(before.metadata, patch) if patch is not None else {}
        case "budget":
            return _merged_budget(before.budget, patch)
        case "platforms" | "influencer_ids":
            return tuple(patch or ())
        case _:
            return patch


def _merged_budget(before: Budget | None, patch: Mapping[str, Any] | None) -> Budget | None:
    if patch is None:
        return None
    present = {"amount": before.amount, "currency": before.currency} if before else {}
    merged = {name: value for name, value in merge(present, patch).items() if value is not None}
    if not merged:
        return None
    if "amount" not in merged:
        raise Invalid(
            "A budget needs an amount.",
            fields=[FieldError("budget.amount", "Send an amount, or budget: null to clear the budget.")],
        )
    return Budget(**merged)


def _same(one: Any, other: Any) -> bool:
    """Equality as JSON sees it: to Python, 1, 1.0 and true are the same."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return _sorted.encode(one) == _sorted.encode(other)
    return bool(one == other)
