"""What briefs need of a process. What is slow to import, `workshop`, is loaded beside the first work."""

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import cache
from importlib import import_module
from typing import Any

from redis.asyncio import Redis

from famedash.briefs.knowledge import queries as knowledge_queries
from famedash.briefs.knowledge.embedder import Embedder, MiniLM
from famedash.briefs.pipeline import Craft, Studio, decode_failure, encode_failure
from famedash.campaigns import queries as campaign_queries
from famedash.infra.database import Database
from famedash.infra.flights import Flights
from famedash.processes.settings import Settings

NEAR_SECONDS = 60.0
"""A key names everything that shapes a brief, so its value never changes."""

GetCraft = Callable[[], Awaitable[Craft]]


@cache
def minilm() -> MiniLM:
    """The one of this process: its weights are loaded once, at the first text."""
    return MiniLM()


@asynccontextmanager
async def open_embedder(settings: Settings) -> AsyncIterator[Embedder]:
    """The configured server of embeddings, or MiniLM on this machine."""
    if not settings.embeddings_base_url:
        yield minilm()
        return
    from famedash.briefs.knowledge.remote import RemoteEmbedder  # noqa: PLC0415 - slow, and rarely needed

    remote = RemoteEmbedder(
        settings.embeddings_base_url,
        model=settings.embeddings_model,
        api_key=settings.embeddings_api_key.get_secret_value(),
    )
    try:
        yield remote
    finally:
        await remote.close()


@asynccontextmanager
async def open_craft(settings: Settings, database: Database, embedder: Embedder) -> AsyncIterator[GetCraft]:
    """Begins to load it at once, on a thread; who asks before it is there waits."""
    async with AsyncExitStack() as stack:

        async def load() -> Craft:
            workshop = await _imported("famedash.processes.workshop")
            craft: Craft = await stack.enter_async_context(
                workshop.open_workshop(settings, database, embedder)
            )
            gc.freeze()  # half a million objects that stay: a look at them all takes a quarter of a second
            return craft

        loading = asyncio.create_task(load())
        try:
            yield lambda: asyncio.shield(loading)
        finally:
            loading.cancel()
            await asyncio.gather(loading, return_exceptions=True)


async def _imported(name: str) -> Any:
    """The module, imported on a daemon thread: a process that is asked to stop does not wait for it."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()

    def tell(module: Any, error: BaseException | None) -> None:
        if not done.done():
            done.set_exception(error) if error else done.set_result(module)

    def work() -> None:
        module, error = None, None
        try:
            module = import_module(name)
        except BaseException as fault:
            error = fault
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(tell, module, error)

    threading.Thread(target=work, daemon=True).start()
    return await done


def composing(database: Database, embedder: Embedder) -> GetCraft:
    """The composer, made at the first question; opens nothing."""

    @cache
    def make() -> Craft:
        workshop = import_module("famedash.processes.workshop")
        craft: Craft = workshop.composing(database, embedder)
        return craft

    async def get() -> Craft:
        return await asyncio.to_thread(make)

    return get


def studio(settings: Settings, database: Database, redis: Redis, craft: GetCraft) -> Studio:
    """Opens nothing."""
    flights = Flights(
        redis,
        prefix="famedash:briefs",
        ttl_seconds=settings.brief_ttl_seconds,
        longest_seconds=settings.llm_budget_seconds + 10,
        near_seconds=min(NEAR_SECONDS, settings.brief_ttl_seconds / 10),
        encode_failure=encode_failure,
        decode_failure=decode_failure,
    )

    async def version(workspace: str) -> int:
        return await knowledge_queries.version(database, workspace)

    async def context(workspace: str, campaign_id: str) -> str | None:
        campaign = await campaign_queries.get(database, workspace, campaign_id)
        return ". ".join(part for part in (campaign.name, campaign.goal) if part) if campaign else None

    return Studio(database, craft, flights, version, context)
