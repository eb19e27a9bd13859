"""The transactions of delivery: a group of outcomes, and an endpoint switched on or off."""

from collections.abc import Sequence
from uuid import UUID

from famedash.infra.database import Transaction
from famedash.infra.log.fence import move
from famedash.infra.log.model import Move
from famedash.outbox import service as outbox_service
from famedash.webhooks import events, store
from famedash.webhooks.model import DEFAULT_ENDPOINT, TAKES_EFFECT_AFTER, Attempt, Change, LaneKey
from famedash.webhooks.window import Note

READER = "webhooks"


async def record(
    tx: Transaction, moves: Sequence[Move], notes: Sequence[Note], write_id: UUID
) -> dict[LaneKey, bool]:
    """Write a group of outcomes with the positions they allow, or nothing.

    Answers, for every lane whose rows were touched, whether rows remain. Raises `Fenced` when one of the
    partitions is no longer ours.
    """
    await move(tx, READER, moves, write_id)
    attempts = [note.attempt for note in notes if note.attempt]
    if attempts:
        await store.insert_attempts(tx, attempts)
    rows = [(note.taken.delivery, note.row) for note in notes if note.row]
    if rows:
        await store.write_rows(tx, rows)
    dropped = [note.taken.delivery for note in notes if note.drop_row]
    if dropped:
        await store.drop_rows(tx, dropped)
    marked = [note.taken.delivery for note in notes if note.mark_sending]
    if marked:
        await store.mark_sending(tx, marked)
    letters = [(note.letter_id, note.attempt) for note in notes if note.attempt and note.letter_id]
    if letters:
        await _bury(tx, letters)
    for endpoint in {note.taken.delivery.endpoint for note in notes if note.disables}:
        await switch(tx, *endpoint, enabled=False, reason="gone")
    touched = {note.taken.delivery.lane for note in notes if note.touches_lane}
    lanes = [lane for lane in touched if lane[3] is None]
    waits = dict.fromkeys(touched, False)
    return waits | await store.promote(tx, lanes) if lanes else waits


async def _bury(tx: Transaction, letters: Sequence[tuple[UUID, Attempt]]) -> None:
    """Deliveries died: their letters and their announcements."""
    now = await tx.now()
    await store.insert_letters(tx, letters, now)
    await outbox_service.append_all(
        tx, [events.delivery_dead(attempt, letter_id=letter_id, now=now) for letter_id, attempt in letters]
    )


async def switch(tx: Transaction, workspace: str, endpoint_id: str, *, enabled: bool, reason: str) -> bool:
    """Enable or disable an endpoint; answers whether that changed anything."""
    newest = await store.newest_change(tx, workspace, endpoint_id)
    if (newest is None or newest.enabled) == enabled:
        return False
    types = newest.event_types if newest else None
    await note_change(tx, workspace, endpoint_id, enabled=enabled, event_types=types, reason=reason)
    return True


async def hold(tx: Transaction, workspace: str, endpoint_id: str) -> Change | None:
    """Its newest change; until the transaction ends nobody else can write one."""
    return await store.newest_change(tx, workspace, endpoint_id)


async def note_change(
    tx: Transaction,
    workspace: str,
    endpoint_id: str,
    *,
    enabled: bool,
    event_types: Sequence[str] | None,
    reason: str,
) -> None:
    """What is so from `TAKES_EFFECT_AFTER` on."""
    await store.insert_change(
        tx,
        workspace,
        endpoint_id,
        enabled=enabled,
        event_types=event_types,
        reason=reason,
        margin=TAKES_EFFECT_AFTER,
    )


async def follow_url(tx: Transaction, url: str) -> int:
    """`default` points where the setting says; a new address enables it again wherever it was off."""
    if not await store.follow_url(tx, url):
        return 0
    switched_on = [
        await switch(tx, workspace, DEFAULT_ENDPOINT, enabled=True, reason="url_changed")
        for workspace in await store.workspaces_disabled(tx, DEFAULT_ENDPOINT)
    ]
    return sum(switched_on)
