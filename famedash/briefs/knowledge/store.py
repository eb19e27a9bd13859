"""Rows of knowledge: written, or read by who holds the workspace's version. Opened only by the service."""

from uuid import UUID

from famedash.briefs.knowledge.model import Embedded, Offered, as_text
from famedash.infra.database import Transaction


async def raise_version(tx: Transaction, workspace: str) -> None:
    """Locks the workspace's version until the transaction ends: changes of one workspace take turns."""
    await tx.execute(
        """
        insert into knowledge_versions as known (workspace_id, version) values ($1, 1)
        on conflict (workspace_id) do update set version = known.version + 1
        """,
        workspace,
    )


async def insert(tx: Transaction, workspace: str, document_id: UUID, offered: Offered) -> None:
    await tx.execute(
        """
        insert into knowledge_documents
            (workspace_id, document_id, title, brand, brand_key, platform, kind, origin, text, characters,
             fingerprint)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        """,
        workspace,
        document_id,
        offered.title,
        offered.brand,
        offered.brand_key,
        offered.platform,
        offered.kind,
        offered.origin,
        offered.text,
        len(offered.text),
        offered.fingerprint,
    )


async def replace_chunks(tx: Transaction, workspace: str, document_id: UUID, embedded: Embedded) -> None:
    """All of them at once: a document never has chunks of two embedders."""
    await tx.execute(
        "delete from knowledge_chunks where workspace_id = $1 and document_id = $2", workspace, document_id
    )
    await tx.execute(
        "update knowledge_documents set chunks = $3 where workspace_id = $1 and document_id = $2",
        workspace,
        document_id,
        len(embedded.chunks),
    )
    pairs = zip(embedded.chunks, embedded.vectors, strict=True)
    await tx.executemany(
        """
        insert into knowledge_chunks
            (workspace_id, document_id, position, heading, text, embedder, embedding)
        values ($1, $2, $3, $4, $5, $6, $7::text::vector)
        """,
        [
            (workspace, document_id, place, chunk.heading, chunk.text, embedded.embedder, as_text(vector))
            for place, (chunk, vector) in enumerate(pairs)
        ],
    )


async def delete(tx: Transaction, workspace: str, document_id: UUID) -> bool:
    """The document with its chunks; False if the workspace has none of this id."""
    gone = await tx.fetchval(
        "delete from knowledge_documents where workspace_id = $1 and document_id = $2 returning 1",
        workspace,
        document_id,
    )
    return gone is not None


async def delete_origin(tx: Transaction, workspace: str, origin: str) -> bool:
    gone = await tx.fetchval(
        "delete from knowledge_documents where workspace_id = $1 and origin = $2 returning 1",
        workspace,
        origin,
    )
    return gone is not None


async def same(tx: Transaction, workspace: str, fingerprint: bytes) -> UUID | None:
    """The document that somebody offered with this fingerprint."""
    found: UUID | None = await tx.fetchval(
        """
        select document_id from knowledge_documents
        where workspace_id = $1 and fingerprint = $2 and origin is null
        """,
        workspace,
        fingerprint,
    )
    return found
