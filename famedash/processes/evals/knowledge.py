"""The papers of the eval, kept in a workspace for as long as a run lasts."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from uuid import UUID

from famedash.briefs.knowledge import pipeline as knowledge
from famedash.briefs.knowledge import service
from famedash.briefs.knowledge.embedder import Embedder
from famedash.briefs.knowledge.model import Offered
from famedash.infra.database import Database
from famedash.processes.evals.cases import Paper, papers

Papers = Mapping[str, Paper]
"""By the id of the document that holds it."""


@asynccontextmanager
async def knowing(database: Database, embedder: Embedder, workspace: str) -> AsyncIterator[Papers]:
    """The papers, kept in the workspace for as long as the block lasts."""
    sources = knowledge.Sources(database, embedder)
    known: dict[str, Paper] = {}
    try:
        for paper in papers():
            offered = Offered(paper.title, paper.text, paper.brand)
            document, _ = await knowledge.add(sources, workspace, offered)
            known[str(document.id)] = paper
        yield known
    finally:
        await _forget(database, workspace, known)


async def _forget(database: Database, workspace: str, known: Papers) -> None:
    async with database.transaction() as tx:
        for document_id in known:
            await service.delete(tx, workspace, UUID(document_id))
