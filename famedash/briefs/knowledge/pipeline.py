"""Knowledge across the network: embed with no transaction open, then keep; embed a question, then look."""

import asyncio
from dataclasses import dataclass
from uuid import UUID

from famedash.briefs.knowledge import chunks, model, queries, ranking, service
from famedash.briefs.knowledge.embedder import Embedder
from famedash.briefs.knowledge.model import Document, Embedded, Kind, Offered, Vector
from famedash.briefs.model import Passage, Platform
from famedash.infra.database import Database

LEAST_SCORE = 0.1
"""Keeps out noise only: with MiniLM right passages scored from 0.15 up, the best wrong ones up to 0.17."""
_SPARE = 10
"""Passages beyond those asked for, among which near ties are parted."""


@dataclass(frozen=True)
class Sources:
    """What knowledge needs: where it is kept, and who reads."""

    database: Database
    embedder: Embedder


async def retrieve(
    sources: Sources,
    workspace: str,
    *,
    brand: str | None,
    platform: Platform | None,
    query: str,
    vector: Vector | None = None,
    limit: int = 3,
    least_score: float = LEAST_SCORE,
) -> list[Passage]:
    """At most `limit` passages, the nearest to `query` first, of this brand and platform or of none.

    `vector` is the query's, where the caller has it already. No brand: of all of them. Raises `Unavailable`.
    """
    if vector is None:
        vector = (await sources.embedder.embed([query]))[0]
    found = await queries.nearest(
        sources.database,
        workspace,
        vector,
        embedder=sources.embedder.id,
        brand_key=None if brand is None else model.key_of(brand),
        platform=platform,
        limit=limit + _SPARE,
    )
    return ranking.best(found, query, limit=limit, least_score=least_score)


async def add(sources: Sources, workspace: str, offered: Offered) -> tuple[Document, bool]:
    """Keep a document; False beside it when the very same was there already. Raises `Unavailable`."""
    same = await queries.same(sources.database, workspace, offered, embedder=sources.embedder.id)
    if same is not None:
        return same, False
    embedded = await _embedded(sources.embedder, offered)
    async with sources.database.transaction() as tx:
        document_id, is_new = await service.add(tx, workspace, offered, embedded)
    return await _kept(sources.database, workspace, document_id), is_new


async def learn(
    sources: Sources,
    workspace: str,
    brief_id: str,
    *,
    brand: str,
    platform: Platform,
    title: str,
    text: str,
) -> Document:
    """Know a brief that was found good; what it said before is forgotten. Raises `Unavailable`."""
    offered = Offered(title, text, brand, platform, Kind.PAST_BRIEF, origin=_origin(brief_id))
    document, _ = await add(sources, workspace, offered)
    return document


async def forget(sources: Sources, workspace: str, brief_id: str) -> bool:
    """False when it was not known."""
    async with sources.database.transaction() as tx:
        return await service.delete_origin(tx, workspace, _origin(brief_id))


async def _embedded(embedder: Embedder, offered: Offered) -> Embedded:
    pieces = await asyncio.to_thread(chunks.cut, offered.text)
    vectors = await embedder.embed([model.embeddable(offered.title, piece) for piece in pieces])
    return Embedded(pieces, vectors, embedder.id)


async def _kept(database: Database, workspace: str, document_id: UUID) -> Document:
    """Raises `NotFound` if somebody was quick to delete it."""
    document = await queries.get(database, workspace, document_id)
    if document is None:
        raise service.missing()
    return document


def _origin(brief_id: str) -> str:
    return f"brief:{brief_id}"
