"""A campaign's changes: each is one transaction of the caller, with its announcement or not at all."""

from collections.abc import Callable, Mapping
from typing import Any

from famedash.campaigns import events, model, store
from famedash.campaigns.model import Campaign, Plan
from famedash.infra.database import Transaction
from famedash.infra.errors import Conflict, FieldError, NotFound, PreconditionFailed
from famedash.infra.ids import uuid7
from famedash.outbox import service as outbox

CLOCK = "system:clock"


class Taken(Conflict):
    """The client chose an id that another campaign of the workspace has."""

    problem = "id-taken"
    title = "The id is taken"

    def __init__(self) -> None:
        super().__init__(
            "A campaign with this id exists already.",
            fields=[FieldError("id", "Choose another id, or leave it out and FameDash makes one.")],
        )


def missing() -> NotFound:
    """One answer for an id that exists nowhere and for one that belongs to another workspace."""
    return NotFound("There is no such campaign in this workspace.")


async def create(
    tx: Transaction, plan: Plan, *, workspace: str, campaign_id: str | None = None, actor: str
) -> Campaign:
    """Write version 1 and announce it - or neither. Raises `Taken` or `Invalid`.

    The row's own insert reads the clock, so that a creation costs two statements.
    """
    model.check(plan)
    chosen = campaign_id or str(uuid7())
    born = await store.insert(tx, plan, workspace=workspace, campaign_id=chosen)
    if born is None:
        raise Taken
    campaign = model.launch(plan, workspace=workspace, id=chosen, now=born)
    await outbox.append(tx, events.created(campaign, actor=actor))
    return campaign


async def change(
    tx: Transaction,
    workspace: str,
    campaign_id: str,
    patch: Mapping[str, Any],
    *,
    actor: str,
    expected: frozenset[int] | None = None,
) -> Campaign:
    """Apply a patch (see `model.change`) and announce it; a patch that changes nothing is silent.

    `expected` are the versions one of which must be the present one, else `PreconditionFailed`.
    """
    held = await store.hold(tx, workspace, campaign_id)
    if held is None:
        raise missing()
    before, now = held
    if expected is not None and before.version not in expected:
        raise PreconditionFailed(
            f"The campaign is at version {before.version} by now; read it again, then change that."
        )
    after = model.change(before, patch, now=now)
    await _settle(tx, before, after, actor=actor)
    return after


async def start_due(tx: Transaction, *, limit: int) -> int:
    """Make scheduled campaigns live whose `startsAt` has come; answers how many."""
    return await _move(tx, await store.hold_due_to_start(tx, limit=limit), model.start)


async def end_due(tx: Transaction, *, limit: int) -> int:
    """Complete active and paused campaigns whose `endsAt` has come; answers how many."""
    return await _move(tx, await store.hold_due_to_end(tx, limit=limit), model.end)


async def _move(tx: Transaction, due: list[Campaign], step: Callable[..., Campaign]) -> int:
    for before in due:
        await _settle(tx, before, step(before, now=await tx.now()), actor=CLOCK)
    return len(due)


async def _settle(tx: Transaction, before: Campaign, after: Campaign, *, actor: str) -> None:
    """Write and announce the next version of a row that this transaction holds; nothing when it stayed."""
    if after is before:
        return
    await store.save(tx, after)
    await outbox.append(tx, events.updated(before, after, actor=actor))
