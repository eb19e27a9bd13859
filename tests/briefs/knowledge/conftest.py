"""The real encoder, loaded once, and a database to keep things in."""

from collections.abc import AsyncIterator, Callable, Iterator

import aiohttp
import pytest
from fastapi import FastAPI
from starlette.middleware import Middleware

from famedash.briefs.knowledge import routes
from famedash.briefs.knowledge.embedder import MiniLM
from famedash.briefs.knowledge.pipeline import Sources
from famedash.infra.auth.principal import SCOPES
from famedash.infra.auth.settings import AuthSettings
from famedash.infra.auth.tokens import open_authenticator
from famedash.infra.database import Database
from famedash.infra.http import handlers
from famedash.infra.http.bearer import requires
from famedash.infra.http.edge import Edge
from famedash.infra.http.limits import Limits
from famedash.infra.http.rates import Rates
from tests.campaigns.api import Api
from tests.secrets import JWT_SECRET, token
from tests.serving import serving

ApiOf = Callable[..., Api]


@pytest.fixture(scope="session")
def minilm() -> Iterator[MiniLM]:
    minilm = MiniLM()
    yield minilm
    minilm.close()


@pytest.fixture
def sources(database: Database, minilm: MiniLM) -> Sources:
    return Sources(database, minilm)


async def app_of(sources: Sources) -> FastAPI:
    """Knowledge alone, behind the same door as in the whole API."""
    authenticator = await open_authenticator(
        AuthSettings(secret=JWT_SECRET, jwks_url="", audience="famedash", issuer="famedash")
    )
    app = FastAPI(middleware=[Middleware(Limits, max_body_bytes=1 << 21)])
    handlers.install(app)
    edge = Edge(sources.database, requires(authenticator, Rates(per_second=1000, burst=1000)))
    app.include_router(routes.router(edge, sources))
    return app


@pytest.fixture
async def api_of(sources: Sources) -> AsyncIterator[ApiOf]:
    """A client of a workspace, with every scope unless told otherwise."""
    async with serving(await app_of(sources)) as base_url, aiohttp.ClientSession() as session:

        def api(workspace: str, *, scopes: frozenset[str] = SCOPES) -> Api:
            return Api(session, base_url, token(workspace, scopes))

        yield api


@pytest.fixture
def api(api_of: ApiOf) -> Api:
    return api_of("acme")
