"""The app on a real port, and clients of two workspaces."""

from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest
from redis.asyncio import Redis

from famedash.infra.auth.principal import SCOPES
from famedash.infra.auth.settings import AuthSettings
from famedash.infra.auth.tokens import open_authenticator
from famedash.infra.database import Database
from famedash.processes.api import Resources, create_app
from famedash.processes.settings import Settings
from tests.campaigns.api import Api
from tests.secrets import JWT_SECRET, SEAL, token
from tests.serving import serving

ApiOf = Callable[..., Api]


@pytest.fixture
async def base_url(database: Database, redis: Redis) -> AsyncIterator[str]:
    authenticator = await open_authenticator(
        AuthSettings(secret=JWT_SECRET, jwks_url="", audience="famedash", issuer="famedash")
    )
    app = create_app(Settings(), Resources(database, redis, authenticator, SEAL))
    async with serving(app) as base_url:
        yield base_url


@pytest.fixture
async def api_of(base_url: str) -> AsyncIterator[ApiOf]:
    """A client of a workspace, with every scope unless told otherwise."""

    async with aiohttp.ClientSession() as session:

        def api(workspace: str, *, scopes: frozenset[str] = SCOPES) -> Api:
            return Api(session, base_url, token(workspace, scopes))

        yield api


@pytest.fixture
def api(api_of: ApiOf) -> Api:
    return api_of("acme")
