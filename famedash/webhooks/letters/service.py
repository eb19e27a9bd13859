"""The transactions of replays: one letter, and many as a job that goes on after a crash."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import msgspec

from famedash.infra.database import Transaction
from famedash.infra.errors import Conflict, NotFound
from famedash.infra.ids import uuid7
from famedash.webhooks.letters import queries, store
from famedash.webhooks.letters.model import Filters, Replay, hindrance

BATCH = 200
"""Letters a transaction: the most that a crash makes a job do again."""

MOST_FORESEEN = 20_000
"""Letters that a dry run counts, at most."""

MOST_ON_THE_WAY = 2_000
"""Replays of a workspace that wait to be sent before a job adds more."""

MOST_OPEN = 10
"""Jobs of a workspace that are not finished: each is asked every few seconds whether it can go on."""

_COUNTED_AT_ONCE = 1000


def missing() -> NotFound:
    """One answer for an id that exists nowhere and for one that belongs to another workspace."""
    return NotFound("There is no such dead letter in this workspace.")


async def replay(
    tx: Transaction, workspace: str, letter_id: UUID, *, forced: bool, default_points: bool
) -> dict[str, Any]:
    """Owe a delivery that was given up once more; answers its letter. Raises `NotFound` and `Conflict`."""
    await store.take_turn(tx, workspace)
    cases = await store.cases(tx, workspace, [letter_id])
    if not cases:
        raise missing()
    if why_not := hindrance(cases[0], forced=forced, default_points=default_points):
        raise Conflict(why_not)
    (letter,) = await store.owe(tx, workspace, cases, await tx.now())
    return letter


async def begin(tx: Transaction, workspace: str, filters: Filters, *, forced: bool, actor: str) -> Replay:
    """A job for every letter that matches now; what dies later is not part of it. Raises `Conflict`."""
    await store.take_turn(tx, workspace)
    if await store.open_replays(tx, workspace) >= MOST_OPEN:
        raise Conflict(f"{MOST_OPEN} replays of this workspace are under way, the most: wait until one ends.")
    begun = await _draft(tx, workspace, filters, forced=forced)
    if begun.last_letter is None:
        begun = replace(begun, finished_at=begun.created_at)
    await store.insert_replay(tx, begun, actor=actor)
    return begun


async def foresee(
    tx: Transaction, workspace: str, filters: Filters, *, forced: bool, default_points: bool
) -> Replay:
    """What such a job would come to if it ran now: unfinished behind its first `MOST_FORESEEN` letters.

    Changes nothing.
    """
    replay = await _draft(tx, workspace, filters, forced=forced)
    while replay.replayed + replay.skipped < MOST_FORESEEN:
        letter_ids = await _next(tx, replay, _COUNTED_AT_ONCE)
        cases = await store.cases(tx, workspace, letter_ids)
        hindered = sum(bool(hindrance(case, forced=forced, default_points=default_points)) for case in cases)
        replay = _advanced(replay, letter_ids, len(letter_ids) - hindered)
        if len(letter_ids) < _COUNTED_AT_ONCE:
            return replace(replay, finished_at=await tx.now())
    return replay


async def go_on(
    tx: Transaction, workspace: str, replay_id: UUID, *, default_points: bool, limit: int = BATCH
) -> Replay | None:
    """The next batch of a job, and where it stands then: both or neither.

    None where it is finished, another process is at it, or so many replays are on the way that live events
    would wait long behind more.
    """
    replay = await store.hold_replay(tx, workspace, replay_id)
    if replay is None:
        return None
    await store.take_turn(tx, workspace)
    if await store.on_the_way(tx, workspace, at_most=MOST_ON_THE_WAY) >= MOST_ON_THE_WAY:
        return None
    letter_ids = await _next(tx, replay, limit)
    fit = [
        case
        for case in await store.cases(tx, workspace, letter_ids)
        if not hindrance(case, forced=replay.forced, default_points=default_points)
    ]
    now = await tx.now()
    owed = await store.owe(tx, workspace, fit, now) if fit else []
    replay = _advanced(replay, letter_ids, len(owed))
    if len(letter_ids) < limit:
        replay = replace(replay, finished_at=now)
    await store.save_progress(tx, replay)
    return replay


async def _draft(tx: Transaction, workspace: str, filters: Filters, *, forced: bool) -> Replay:
    """Of letters not yet replayed, unless the filters ask for those that were."""
    filters = msgspec.structs.replace(filters, replayed=bool(filters.replayed))
    newest = await queries.letters(tx, workspace, filters, limit=1)
    return Replay(
        workspace=workspace,
        id=uuid7(),
        filters=filters,
        forced=forced,
        position=None,
        last_letter=newest[0]["id"] if newest else None,
        replayed=0,
        skipped=0,
        created_at=await tx.now(),
        finished_at=None,
    )


async def _next(tx: Transaction, replay: Replay, limit: int) -> list[UUID]:
    if replay.last_letter is None:
        return []
    return await store.next_letters(
        tx,
        replay.workspace,
        replay.filters,
        after=replay.position,
        until=replay.last_letter,
        asked_at=replay.created_at,
        limit=limit,
    )


def _advanced(replay: Replay, letter_ids: list[UUID], replayed: int) -> Replay:
    return replace(
        replay,
        position=letter_ids[-1] if letter_ids else replay.position,
        replayed=replay.replayed + replayed,
        skipped=replay.skipped + len(letter_ids) - replayed,
    )
