"""What there is to see of knowledge, and what is near to a vector. Reads only."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from famedash.briefs.knowledge.model import Document, Kind, Offered, Vector, as_text
from famedash.briefs.model import Passage, Platform
from famedash.infra.database import Database


async def version(database: Database, workspace: str) -> int:
    """Another number after every change of the workspace's knowledge; 0 where there never was any."""
    found = await database.fetchval(
        "select version from knowledge_versions where workspace_id = $1", workspace
    )
    return int(found or 0)


async def get(database: Database, workspace: str, document_id: UUID) -> Document | None:
    row = await database.fetchrow(
        """
        select document_id, title, brand, platform, kind, chunks, characters, created_at, text
        from knowledge_documents
        where workspace_id = $1 and document_id = $2
        """,
        workspace,
        document_id,
    )
    return _document(dict(row)) if row else None


async def same(database: Database, workspace: str, offered: Offered, *, embedder: str) -> Document | None:
    """The document that already says this, of the same origin if it has one, as this embedder read it."""
    row = await database.fetchrow(
        """
        select document_id, title, brand, platform, kind, chunks, characters, created_at
        from knowledge_documents document
        where workspace_id = $1 and fingerprint = $2 and origin is not distinct from $3
          and not exists (
              select from knowledge_chunks chunk
              where chunk.workspace_id = $1 and chunk.document_id = document.document_id
                and chunk.embedder <> $4
          )
        """,
        workspace,
        offered.fingerprint,
        offered.origin,
        embedder,
    )
    return _document(dict(row)) if row else None


async def newest(
    database: Database,
    workspace: str,
    *,
    brand_key: str | None = None,
    platform: Platform | None = None,
    after: tuple[datetime, UUID] | None = None,
    limit: int,
) -> list[Document]:
    """Newest first, without texts; `after` is (created_at, id) of the last one already seen."""
    created_at, document_id = after or (None, None)
    rows = await database.fetch(
        """
        select document_id, title, brand, platform, kind, chunks, characters, created_at
        from knowledge_documents
        where workspace_id = $1
          and ($2::text is null or brand_key = $2)
          and ($3::text is null or platform = $3)
          and ($4::timestamptz is null or (created_at, document_id) < ($4, $5::uuid))
        order by created_at desc, document_id desc
        limit $6
        """,
        workspace,
        brand_key,
        platform,
        created_at,
        document_id,
        limit,
    )
    return [_document(dict(row)) for row in rows]


async def nearest(
    database: Database,
    workspace: str,
    vector: Vector,
    *,
    embedder: str,
    brand_key: str | None,
    platform: Platform | None,
    limit: int,
) -> list[Passage]:
    """The nearest chunks first: of this brand and platform, and of documents that name none.

    Exact. No brand given: of every brand; likewise the platform. Chunks of another embedder, or of another
    number of dimensions, are not there. The distance is taken of what the conditions left over.
    """
    rows = await database.fetch(
        """
        with near as materialized (
            select document.document_id, document.title, chunk.position, chunk.heading, chunk.text,
                   chunk.embedding
            from knowledge_documents document
            join knowledge_chunks chunk using (workspace_id, document_id)
            where document.workspace_id = $1 and chunk.workspace_id = $1
              and chunk.embedder = $3 and vector_dims(chunk.embedding) = $4
              and ($5::text is null or document.brand_key is null or document.brand_key = $5)
              and ($6::text is null or document.platform is null or document.platform = $6)
        )
        select document_id, title, heading, text, 1 - (embedding <=> $2::text::vector) as score
        from near
        order by embedding <=> $2::text::vector, document_id, position
        limit $7
        """,
        workspace,
        as_text(vector),
        embedder,
        len(vector),
        brand_key,
        platform,
        limit,
    )
    return [_passage(dict(row)) for row in rows]


def _passage(row: Mapping[str, Any]) -> Passage:
    return Passage(str(row["document_id"]), row["title"], row["heading"], row["text"], row["score"])


def _document(row: Mapping[str, Any]) -> Document:
    return Document(
        id=row["document_id"],
        title=row["title"],
        brand=row["brand"],
        platform=Platform(row["platform"]) if row["platform"] else None,
        kind=Kind(row["kind"]),
        chunks=row["chunks"],
        characters=row["characters"],
        created_at=row["created_at"],
        text=row.get("text"),
    )
