"""An API that writes briefs with the composer, and workspaces of its own for whoever asks."""

import itertools
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from famedash.briefs.knowledge.model import Vectors
from famedash.infra.auth.principal import SCOPES
from famedash.infra.errors import Unavailable
from tests.briefs.grounds import PATH, REQUEST, Words, a_database
from tests.campaigns.api import Api, Reply
from tests.flow.system import System, running

_numbers = itertools.count(1)


class Fickle(Words):
    """Words, when it is there. An id of its own: nobody else's memory answers for it."""

    def __init__(self) -> None:
        self.id = f"fickle-{next(_numbers)}@{self.dimensions}"
        self.is_away = False

    async def embed(self, texts: Sequence[str]) -> Vectors:
        if self.is_away:
            raise Unavailable("The embeddings server does not answer as it should.")
        return await super().embed(texts)


@dataclass
class House:
    """Serves a module; each `visit` is of another workspace, which has nothing and is in no cache."""

    system: System
    embedder: Fickle
    worker: str
    workspace: str = ""

    def visit(self) -> None:
        self.embedder.is_away = False
        self.workspace = f"house-{self.worker}-{next(_numbers)}"

    def api(self, workspace: str | None = None, scopes: frozenset[str] = SCOPES) -> Api:
        return self.system.api_of(workspace or self.workspace, scopes)

    async def send(self, body: Any) -> Reply:
        return await self.api().post(body, path=PATH)

    async def ask(self, **more: Any) -> Reply:
        return await self.send(REQUEST | more)

    async def brief(self, **more: Any) -> Any:
        reply = await self.ask(**more)
        assert reply.status == 200, reply.body
        return reply.json

    async def get(self, path: str) -> Any:
        reply = await self.api().get(path)
        assert reply.status == 200, reply.body
        return reply.json


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def open_house(
    server_urls: dict[str, str], template_database: str, worker_id: str
) -> AsyncIterator[House]:
    redis_url = f"{server_urls['redis_url'].rpartition('/')[0]}/14"
    name = f"house_{worker_id}_{next(_numbers)}"
    async with a_database(server_urls["database_url"], template_database, name) as database_url:
        embedder = Fickle()
        async with running(database_url, redis_url, workers=0, embedder=embedder) as system:
            yield House(system, embedder, worker_id)


@pytest.fixture(name="house")
def a_house(open_house: House) -> House:
    open_house.visit()
    return open_house
