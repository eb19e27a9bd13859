"""Changes of knowledge: each raises the workspace's version in its own transaction."""

from uuid import UUID

from famedash.briefs.knowledge import store
from famedash.briefs.knowledge.model import Embedded, Offered
from famedash.infra.database import Transaction
from famedash.infra.errors import NotFound
from famedash.infra.ids import uuid7


def missing() -> NotFound:
    """One answer for an id that exists nowhere and for one that belongs to another workspace."""
    return NotFound("There is no such document in this workspace.")


async def add(tx: Transaction, workspace: str, offered: Offered, embedded: Embedded) -> tuple[UUID, bool]:
    """Keep a document with its vectors; answers its id, and whether it is a new document.

    One that says the same is kept instead, with these vectors; one of the same origin is replaced.
    """
    await store.raise_version(tx, workspace)
    if offered.origin is not None:
        await store.delete_origin(tx, workspace, offered.origin)
    elif (same := await store.same(tx, workspace, offered.fingerprint)) is not None:
        await store.replace_chunks(tx, workspace, same, embedded)
        return same, False
    document_id = uuid7()
    await store.insert(tx, workspace, document_id, offered)
    await store.replace_chunks(tx, workspace, document_id, embedded)
    return document_id, True


async def delete(tx: Transaction, workspace: str, document_id: UUID) -> None:
    """Raises `NotFound`."""
    if not await store.delete(tx, workspace, document_id):
        raise missing()
    await store.raise_version(tx, workspace)


async def delete_origin(tx: Transaction, workspace: str, origin: str) -> bool:
    """False when there is no document of this origin."""
    is_gone = await store.delete_origin(tx, workspace, origin)
    if is_gone:
        await store.raise_version(tx, workspace)
    return is_gone
