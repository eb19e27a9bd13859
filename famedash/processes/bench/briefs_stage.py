"""What briefs are measured on: knowledge, captions and trends in the database, and all that answer.

It opens once for all rounds. The provider of models answers from this process, after its delay.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import aiohttp

from famedash.briefs.knowledge import pipeline as knowledge
from famedash.briefs.knowledge.model import Offered
from famedash.briefs.knowledge.pipeline import Sources
from famedash.briefs.tools import Ground as ToolGround
from famedash.infra.database import Database, open_database
from famedash.infra.embedded import free_port
from famedash.metrics import service as metrics
from famedash.practice.llm import KEY, MODEL, Provider, serving
from famedash.practice.llm_behaviour import Behaviour
from famedash.processes.bench.ground import WORKSPACE, Ground, listens, open_ground
from famedash.processes.briefs import minilm
from famedash.processes.workshop import ground as tool_ground

DELAY_SECONDS = 0.3
DOCUMENTS, QUICK_DOCUMENTS = 40, 4
RESULTS = 2_000
TAGS = (
    *("glowserum", "skincareroutine", "morningroutine", "barefaced", "serumseason", "softskin", "shelfie"),
    *("trailrunning", "meteorshower", "sourdough", "deskplants", "cityhike"),
)
THEMES = ("texture", "the bottle", "the scent", "refills", "the laboratory", "how to film it", "the claims")


@dataclass(frozen=True)
class Stage:
    """Ports of an empty route, of the API with the composer, and of the API that asks `provider`."""

    ground: Ground
    database: Database
    tools: ToolGround
    provider: Provider
    http: aiohttp.ClientSession
    empty: int
    composing: int
    asking: int


@asynccontextmanager
async def open_stage(*, quick: bool) -> AsyncIterator[Stage]:
    empty, composing, asking = free_port(), free_port(), free_port()
    async with (
        open_ground() as ground,
        open_database(ground.endpoints.database_url, application="bench") as database,
        serving(Provider()) as provider,
        ground.own("empty_briefs", empty),
        ground.product("api", port=composing),
        ground.product("api", port=asking, llm_base_url=provider.url, llm_api_key=KEY, llm_model=MODEL),
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {ground.token()}"}) as http,
    ):
        await fill(database, QUICK_DOCUMENTS if quick else DOCUMENTS)
        await asyncio.gather(*map(listens, (empty, composing, asking)))
        tools = tool_ground(database, minilm())
        yield Stage(ground, database, tools, provider, http, empty, composing, asking)


async def fill(database: Database, documents: int) -> None:
    """Something for every tool to find."""
    await _know(database, documents)
    await _rise(database)
    async with database.transaction() as tx:
        await tx.execute(_PERFORMED, WORKSPACE, RESULTS, list(THEMES))


async def _know(database: Database, documents: int) -> None:
    """Half of the documents are about one brand, half are of the whole workspace."""
    sources = Sources(database, minilm())
    for number in range(documents):
        theme = THEMES[number % len(THEMES)]
        text = (
            f"# About {theme}\n\nNote {number}: the serum is filled in Graz, in batches of 400.\n\n"
            f"## For creators\n\nShow {theme} in daylight, before coffee, and say what changed after a week."
        )
        brand = "Lumiario" if number % 2 else None
        await knowledge.add(sources, WORKSPACE, Offered(f"Note {number} on {theme}", text, brand))


async def _rise(database: Database) -> None:
    """Hashtags that were quiet yesterday and are heard now."""
    async with database.transaction() as tx:
        now = await tx.now()
    hours = [now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=back) for back in (24, 0)]
    await metrics.prepare(database, map(metrics.minute_of, hours))
    async with database.transaction() as tx:
        for hour, engagements in zip(hours, (40, 900), strict=True):
            await tx.execute(_HEARD, WORKSPACE, hour, list(TAGS), engagements)


def answering(caption: str) -> Behaviour:
    """A capable model that takes its time."""
    return Behaviour(texts={"caption": caption}, delay_seconds=DELAY_SECONDS)


_PERFORMED = """
    insert into performances
        (workspace_id, campaign_id, influencer_id, posts, views, likes, comments, shares, platform, caption)
    select $1, 'spring', 'creator-' || number, 1, 10000, number, 10, 5, 'instagram',
           'Day ' || number || ': I filmed ' || ($3::text[])[1 + number % cardinality($3::text[])]
    from generate_series(1, $2::int) as number
"""
_HEARD = """
    insert into metric_hashtag_hours (workspace_id, platform, hour, hashtag, engagements)
    select $1, 'instagram', $2, tag, $4 from unnest($3::text[]) as tag
"""
