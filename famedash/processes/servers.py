"""Which PostgreSQL and Redis a command uses: those that are set, those of a running `up`, or its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import SecretStr

from famedash.infra.embedded import Endpoints, embedded_servers, running_endpoints
from famedash.processes.secrets import jwt_secret, webhook_secret
from famedash.processes.settings import Settings


@asynccontextmanager
async def with_servers(settings: Settings) -> AsyncIterator[Settings]:
    """The settings with both addresses; servers that had to be started run, migrated, until the block ends.

    Raises `DataDirInUse` and `EmbeddedUnavailable`.
    """
    if settings.database_url and settings.redis_url:
        yield settings
    elif running := running_endpoints(settings.data_path):
        yield completed(settings, running)
    else:
        from famedash.infra.migrate import migrate  # noqa: PLC0415 - not needed where servers are set

        async with embedded_servers(settings.data_path) as own:
            await migrate(own.endpoints.database_url)
            yield completed(settings, own.endpoints)


def completed(settings: Settings, endpoints: Endpoints) -> Settings:
    """What is set stays; the rest is the embedded servers', and with those come secrets of the data dir."""
    found: dict[str, object] = {
        "database_url": settings.database_url or endpoints.database_url,
        "redis_url": settings.redis_url or endpoints.redis_url,
    }
    if not settings.database_url:
        found["webhook_secret"], found["webhook_secret_file"] = SecretStr(webhook_secret(settings)), None
        if not settings.jwt_jwks_url:
            found["jwt_secret"], found["jwt_secret_file"] = SecretStr(jwt_secret(settings)), None
    return settings.model_copy(update=found)
