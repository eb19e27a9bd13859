"""An endpoint's changes: each is one transaction of the caller, one endpoint's changes one at a time.

Which events are owed follows from the rows that `webhooks.service` writes in the same transaction.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from secrets import token_bytes
from typing import Any

from famedash.infra.database import Transaction
from famedash.infra.errors import Conflict, NotFound
from famedash.infra.ids import uuid7
from famedash.infra.sealing import Seal
from famedash.webhooks import service as changes
from famedash.webhooks.model import DEFAULT_ENDPOINT
from famedash.webhooks.registry import queries, store
from famedash.webhooks.registry.model import (
    MOST_CHANGES,
    MOST_ENDPOINTS,
    OVERLAP,
    SECRET_BYTES,
    Endpoint,
    Plan,
    secret_of,
)
from famedash.webhooks.sealed import seal_headers


def missing() -> NotFound:
    """One answer for an id that exists nowhere and for one that belongs to another workspace."""
    return NotFound("There is no such webhook endpoint in this workspace.")


async def create(tx: Transaction, seal: Seal, workspace: str, plan: Plan) -> tuple[Endpoint, str]:
    """Answers the endpoint, and its secret: from then on nobody can read that. Raises `Conflict`."""
    if await store.count(tx, workspace) >= MOST_ENDPOINTS:
        raise Conflict(f"This workspace has {MOST_ENDPOINTS} webhook endpoints, the most: delete one first.")
    await _refuse_restless(tx, workspace)
    endpoint_id, key = f"ep_{uuid7().hex}", token_bytes(SECRET_BYTES)
    headers = seal_headers(seal, plan.headers)
    await store.insert(tx, workspace, endpoint_id, plan, headers=headers, secret=seal.close(key))
    await changes.note_change(
        tx, workspace, endpoint_id, enabled=True, event_types=plan.event_types, reason="created"
    )
    return await _known(tx, seal, workspace, endpoint_id), secret_of(key)


async def change(
    tx: Transaction, seal: Seal, workspace: str, endpoint_id: str, patch: Mapping[str, Any]
) -> datetime | None:
    """Say fields of its `Plan` anew; where that changes nothing, nothing is written. Raises `NotFound`.

    Answers since when it had been off, if this switched it on.
    """
    before = await _hold(tx, seal, workspace, endpoint_id)
    plan = replace(before.plan, **patch)
    if plan == before.plan:
        return None
    headers = seal_headers(seal, plan.headers)
    await store.save(tx, workspace, endpoint_id, plan, headers=headers)
    off_since = await store.off_since(tx, workspace, endpoint_id)
    if (plan.enabled, plan.event_types) != (before.plan.enabled, before.plan.event_types):
        await _refuse_restless(tx, workspace)
        stays_off = not (plan.enabled or before.plan.enabled)
        await changes.note_change(
            tx,
            workspace,
            endpoint_id,
            enabled=plan.enabled,
            event_types=plan.event_types,
            reason=before.reason if stays_off and before.reason else "by_request",
        )
    return off_since if plan.enabled else None


async def switch_default(tx: Transaction, workspace: str, *, enabled: bool) -> datetime | None:
    """Answers since when it had been off, if this switched it on."""
    await changes.hold(tx, workspace, DEFAULT_ENDPOINT)
    off_since = await store.off_since(tx, workspace, DEFAULT_ENDPOINT)
    await _refuse_restless(tx, workspace)
    await changes.switch(tx, workspace, DEFAULT_ENDPOINT, enabled=enabled, reason="by_request")
    return off_since if enabled else None


async def rotate(tx: Transaction, seal: Seal, workspace: str, endpoint_id: str) -> tuple[str, datetime]:
    """Answers the new secret, and until when the one before signs beside it. Raises `NotFound`."""
    key = token_bytes(SECRET_BYTES)
    until = await store.rotate(tx, workspace, endpoint_id, secret=seal.close(key), overlap=OVERLAP)
    if until is None:
        raise missing()
    return secret_of(key), until


async def reseal(tx: Transaction, seal: Seal) -> int:
    """Seal everything anew with the first key, so that the others are not needed any more; answers of how
    many endpoints. Raises `Unsealable`.
    """

    def anew(text: bytes | None) -> bytes | None:
        return None if text is None else seal.close(seal.open(text))

    endpoints = [
        replace(
            one,
            secret=seal.close(seal.open(one.secret)),
            previous_secret=anew(one.previous_secret),
            headers=anew(one.headers),
        )
        for one in await queries.all_sealed(tx)
    ]
    await store.save_sealed(tx, endpoints)
    return len(endpoints)


async def delete(tx: Transaction, workspace: str, endpoint_id: str) -> None:
    """It ends as if it were switched off for good; its secrets are forgotten. Raises `NotFound`."""
    newest = await changes.hold(tx, workspace, endpoint_id)
    if newest is None or not await store.delete(tx, workspace, endpoint_id):
        raise missing()
    await changes.note_change(
        tx, workspace, endpoint_id, enabled=False, event_types=newest.event_types, reason="deleted"
    )


async def _refuse_restless(tx: Transaction, workspace: str) -> None:
    """Changes are kept, and every batch of deliveries reads them. Raises `Conflict`."""
    if await store.changes_of_a_day(tx, workspace) >= MOST_CHANGES:
        raise Conflict(
            f"Endpoints of this workspace were made or switched {MOST_CHANGES} times within a day, the most:"
            " try again later."
        )


async def _hold(tx: Transaction, seal: Seal, workspace: str, endpoint_id: str) -> Endpoint:
    """As it is, and nobody else changes it until the transaction ends. Raises `NotFound`."""
    await changes.hold(tx, workspace, endpoint_id)
    return await _known(tx, seal, workspace, endpoint_id)


async def _known(tx: Transaction, seal: Seal, workspace: str, endpoint_id: str) -> Endpoint:
    found = await queries.found(tx, seal, workspace, endpoint_id=endpoint_id)
    if not found:
        raise missing()
    return found[0]
