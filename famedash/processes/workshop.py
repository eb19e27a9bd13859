"""The workshop of briefs, put together from the settings: engine, embedder, and where tools look."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from famedash.briefs.classifier import Personas, Remembering
from famedash.briefs.engines import Engine, composer, open_server
from famedash.briefs.knowledge import pipeline as knowledge
from famedash.briefs.knowledge.embedder import Embedder, MiniLM
from famedash.briefs.knowledge.pipeline import Sources
from famedash.briefs.model import Passage, Performer, Platform
from famedash.briefs.settings import ModelServer
from famedash.briefs.tools import Ground
from famedash.briefs.workshop import Workshop
from famedash.infra.database import Database
from famedash.infra.errors import Refusal
from famedash.metrics import pipeline as metrics
from famedash.performers import queries as performer_queries
from famedash.processes.settings import Settings

MOST_TRENDS = 20
MOST_PERFORMERS = 3
MOST_PASSAGES = 3


@asynccontextmanager
async def open_workshop(
    settings: Settings, database: Database, embedder: Embedder
) -> AsyncIterator[Workshop]:
    """Ready to work: the weights on this machine are read before the first brief is asked for.

    A server of embeddings is asked for the examples of the personas meanwhile, and nobody waits for it.
    """
    async with open_engine(settings) as engine:
        workshop = Workshop(engine, ground(database, embedder))
        people = workshop.ground.classifier
        first = asyncio.create_task(_first_question(people))
        try:
            if isinstance(embedder, MiniLM):
                await first
            yield workshop
        finally:
            first.cancel()
            await people.close()


async def _first_question(people: Personas) -> None:
    with suppress(Refusal):
        await people.classify("the first text", Platform.INSTAGRAM)


def composing(database: Database, embedder: Embedder) -> Workshop:
    return Workshop(composer(), ground(database, embedder))


@asynccontextmanager
async def open_engine(settings: Settings) -> AsyncIterator[Engine]:
    """The configured server, or the composer where none is; never the one in place of the other."""
    if not settings.llm_base_url:
        yield composer()
        return
    async with open_server(model_server(settings)) as engine:
        yield engine


def model_server(settings: Settings) -> ModelServer:
    return ModelServer(
        base_url=settings.llm_base_url,
        api_key=settings.llm_api_key.get_secret_value(),
        model=settings.llm_model,
        calling=settings.llm_tools,
        shape=settings.llm_output,
        timeout_seconds=settings.llm_timeout_seconds,
        budget_seconds=settings.llm_budget_seconds,
        attempts=settings.llm_attempts,
        most_at_once=settings.llm_max_in_flight,
        input_usd=settings.llm_input_usd,
        output_usd=settings.llm_output_usd,
    )


def ground(database: Database, embedder: Embedder) -> Ground:
    """Where the tools look: live trends, posts that did well, what is known."""
    remembering = Remembering(embedder)
    sources = Sources(database, remembering)

    async def trending(workspace: str, platform: Platform) -> Sequence[str]:
        found = await metrics.hashtags(database, workspace, platform=platform, limit=MOST_TRENDS)
        return [str(each["hashtag"]) for each in found]

    async def performers(workspace: str, campaign_id: str | None, platform: Platform) -> Sequence[Performer]:
        rows = await performer_queries.captions(
            database, workspace, campaign_id=campaign_id, platform=platform, limit=MOST_PERFORMERS
        )
        return [
            Performer(row["campaign_id"], row["influencer_id"], row["engagement_rate"], row["caption"])
            for row in rows
        ]

    async def passages(workspace: str, query: str, brand: str, platform: Platform) -> Sequence[Passage]:
        return await knowledge.retrieve(
            sources, workspace, brand=brand, platform=platform, query=query, limit=MOST_PASSAGES
        )

    return Ground(remembering, trending, performers, passages, Personas(remembering))
