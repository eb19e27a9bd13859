"""A ground of plain functions, an embedder that costs nothing, and the API on a practice provider."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import numpy as np
import pytest
import pytest_asyncio

from famedash.briefs.classifier import Personas
from famedash.briefs.engines import open_server
from famedash.briefs.knowledge.model import Vectors
from famedash.briefs.model import Ask, Passage, Performer, Platform
from famedash.briefs.settings import ModelServer
from famedash.briefs.tools import NAMES, Ground, Toolbox
from famedash.briefs.writer import Writer
from famedash.infra.flights import Flights, Landed, Make
from famedash.practice.llm import KEY, MODEL, Provider
from famedash.practice.llm_behaviour import Behaviour
from famedash.practice.llm_line import Asked
from famedash.practice.llm_steps import Call, Calls
from famedash.practice.llm_wire import DIMENSIONS, embedding
from tests.briefs.provider import serving_llm
from tests.campaigns.api import Reply
from tests.flow.system import System, running

PATH = "/generate-brief"
TODAY = date(2026, 11, 2)
REQUEST = {
    "brand": "Lumiario",
    "product": "Glow serum with niacinamide",
    "goal": "Launch it with people who like short routines",
    "platform": "instagram",
}
ASK = Ask(REQUEST["brand"], REQUEST["product"], REQUEST["goal"], Platform.INSTAGRAM)
CAPTION = "Three minutes with Lumiario in the morning. Which step do you never skip?"
DRAFT: dict[str, Any] = {
    "caption": CAPTION,
    "hookIdeas": ["The shelf tour nobody asked for", "One week and one change", "What I do before coffee"],
    "hashtags": ["#morningroutine", "#smallhabits", "#honestreview"],
    "CTA": "Save this for tomorrow morning",
    "tone": "warm",
    "do": ["Show the texture on skin"],
    "dont": ["Use a filter on the face"],
    "deliverables": ["One vertical video"],
}
"""A brief that policy passes for `REQUEST`, once the trends are among its hashtags."""

WELL_BEHAVED = Behaviour(texts={"caption": CAPTION})
ALL_TOOLS = Calls(*(Call(name) for name in NAMES))


class Words:
    """A word adds or subtracts one at a place of its own: texts with words in common are near each other."""

    id = f"words@{DIMENSIONS}"
    dimensions: int | None = DIMENSIONS

    async def embed(self, texts: Sequence[str]) -> Vectors:
        return np.array([embedding(text) for text in texts], np.float32)


PASSAGE = Passage("doc-1", "Serum facts", "Texture", "The serum is absorbed in about a minute.", 0.71)
PERFORMER = Performer("spring", "mia", 7.4, "I timed my routine, and this is what stayed")


async def trending(workspace: str, platform: Platform) -> Sequence[str]:
    return ["GlowSerum", "SerumRoutine", "TaxReturn", "SerumShelf"]


async def performers(workspace: str, campaign_id: str | None, platform: Platform) -> Sequence[Performer]:
    return [PERFORMER]


async def passages(workspace: str, query: str, brand: str, platform: Platform) -> Sequence[Passage]:
    return [PASSAGE]


GROUND = Ground(Words(), trending, performers, passages, Personas(Words()))


def toolbox(*, ask: Ask = ASK, workspace: str = "acme", **more: Any) -> Toolbox:
    """`more`: functions of the ground that are to be others."""
    return Toolbox(replace(GROUND, **more), workspace, ask, TODAY)


def failing(error: Exception) -> Callable[..., Awaitable[Any]]:
    async def fail(*_: object) -> Any:
        raise error

    return fail


def server_of(provider: Provider, **more: Any) -> ModelServer:
    usual: dict[str, Any] = {"timeout_seconds": 10.0, "budget_seconds": 30.0, "attempts": 3}
    return ModelServer(base_url=provider.url, api_key=KEY, model=MODEL, **(usual | more))


@dataclass
class Desk:
    """An API whose engine is a practice provider, and those who ask it for briefs.

    It serves a whole module, because it takes longer to build than to ask. `visit` begins anew: another
    campaign team asks, whose briefs are in no cache. `patience`: what of the `Writer` is to be otherwise.
    """

    system: System
    provider: Provider
    patience: dict[str, Any] = field(default_factory=dict)
    visits: int = 0
    stored_before: int = 0

    async def visit(self) -> None:
        self.visits += 1
        self.patience.clear()
        self.provider.script()
        self.provider.requests.clear()
        self.provider.behaviour = WELL_BEHAVED
        self.stored_before += await self.stored()

    @property
    def request(self) -> dict[str, Any]:
        return REQUEST | {"audience": f"people of group {self.visits}"}

    async def ask(self, *, accept: str = "application/json", **more: Any) -> Reply:
        return await self.system.api.post(self.request | more, path=PATH, accept=accept)

    async def stored(self) -> int:
        """Briefs since the visit began."""
        every = await self.system.database.fetchval("select count(*) from briefs")
        return int(every) - self.stored_before

    @property
    def writes(self) -> list[Asked]:
        """The requests of the second phase."""
        return [chat for chat in self.provider.chats if "tools" not in chat.body]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def open_desk(
    server_urls: dict[str, str], template_database: str, worker_id: str
) -> AsyncIterator[Desk]:
    async with (
        a_database(server_urls["database_url"], template_database, f"desk_{worker_id}") as database_url,
        serving_llm() as provider,
        open_server(server_of(provider)) as engine,
    ):
        patience: dict[str, Any] = {}
        patient = replace(engine, begin=lambda *given: _hurried(engine.begin(*given), **patience))
        redis_url = f"{server_urls['redis_url'].rpartition('/')[0]}/14"
        async with running(database_url, redis_url, workers=0, engine=patient, embedder=Words()) as system:
            yield Desk(system, provider, patience)


@pytest_asyncio.fixture(name="desk", loop_scope="module")
async def a_desk(open_desk: Desk) -> Desk:
    await open_desk.visit()
    return open_desk


def _hurried(writer: Writer, *, budget_seconds: float | None = None, **more: Any) -> Writer:
    deadline = writer.deadline if budget_seconds is None else time.monotonic() + budget_seconds
    return replace(writer, deadline=deadline, **more)


@asynccontextmanager
async def a_database(server_url: str, template: str, name: str) -> AsyncIterator[str]:
    """A migrated one for longer than one test."""
    async with asyncpg.create_pool(server_url, min_size=1, max_size=1) as admin:
        await admin.execute(f"drop database if exists {name} with (force)")
        await admin.execute(f"create database {name} template {template}")
        yield urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))
        await admin.execute(f"drop database {name} with (force)")


@pytest.fixture
def boarded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The key of everybody who waits for a brief, as they come."""
    keys: list[str] = []
    fly = Flights.fly

    async def flying(flights: Flights, key: str, make: Make) -> Landed:
        keys.append(key)
        return await fly(flights, key, make)

    monkeypatch.setattr(Flights, "fly", flying)
    return keys
