"""What `famedash api` makes of its settings."""

import aiohttp
from redis.asyncio import Redis

from famedash.infra.auth.settings import AuthSettings
from famedash.infra.auth.tokens import open_authenticator
from famedash.infra.database import Database
from famedash.processes.api import Resources, create_app
from famedash.processes.settings import Settings
from tests.infra.app import bearer
from tests.infra.test_auth import SECRET
from tests.secrets import SEAL
from tests.serving import serving


async def statuses(settings: Settings, database: Database, redis: Redis, *paths: str) -> list[int]:
    """What one workspace gets when it asks for these, one after the other."""
    authenticator = await open_authenticator(AuthSettings(SECRET, "", "famedash", "issuer"))
    app = create_app(settings, Resources(database, redis, authenticator, SEAL))
    headers = bearer(scope="campaigns:read webhooks:read")
    async with serving(app) as url, aiohttp.ClientSession(url, headers=headers) as api:
        return [(await api.get(path)).status for path in paths]


async def test_the_rate_and_the_burst_of_the_settings_bound_a_workspace_on_all_routes_together(
    database: Database, redis: Redis
) -> None:
    """Breaks if a route, or a scope, gets a bucket of its own."""
    settings = Settings(rate_per_second=0.01, rate_burst=2)

    answers = await statuses(settings, database, redis, "/campaigns", "/logs", "/dead-letters", "/healthz")

    assert answers == [200, 200, 429, 200]


async def test_a_rate_of_0_in_the_settings_bounds_nothing(database: Database, redis: Redis) -> None:
    settings = Settings(rate_per_second=0, rate_burst=1)

    assert set(await statuses(settings, database, redis, *["/logs"] * 5)) == {200}
