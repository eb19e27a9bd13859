"""Which PostgreSQL and Redis a command uses: those that are set, those of a running `up`, or its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import SecretStr

from famedash.infra.embedded import Endpoints, embedded_servers, running_endpoints
from famedash.processes.secrets import encryption_keys, jwt_secret, webhook_secret
from famedash.processes.settings import Settings


@asynccontextmanager
async def with_servers(settings: Settings) -> AsyncIterator[Settings]:
    """The settings with both addresses; servers that had to be started run, migrated, until the block ends.

    With the embedded database come the secrets of the data dir.
    Raises `DataDirInUse`, `EmbeddedUnavailable`, and `Misconfigured` for a wrong secret.
    """
    async with server_addresses(settings) as endpoints:
        yield completed(settings, endpoints)


@asynccontextmanager
async def server_addresses(settings: Settings) -> AsyncIterator[Endpoints]:
    """Both addresses, whatever the secrets are worth: an address that is set stays, the rest is embedded."""
    if settings.database_url and settings.redis_url:
        yield Endpoints(settings.database_url, settings.redis_url)
    elif running := running_endpoints(settings.data_path):
        yield _where_not_set(settings, running)
    else:
        from famedash.infra.migrate import migrate  # noqa: PLC0415 - not needed where servers are set

        async with embedded_servers(settings.data_path) as own:
            await migrate(own.endpoints.database_url)
            yield _where_not_set(settings, own.endpoints)


def _where_not_set(settings: Settings, own: Endpoints) -> Endpoints:
    return Endpoints(settings.database_url or own.database_url, settings.redis_url or own.redis_url)


def completed(settings: Settings, endpoints: Endpoints) -> Settings:
    """The settings with these addresses and, where the database is embedded, secrets of the data dir."""
    found: dict[str, object] = {"database_url": endpoints.database_url, "redis_url": endpoints.redis_url}
    if not settings.database_url:
        found["webhook_secret"], found["webhook_secret_file"] = SecretStr(webhook_secret(settings)), None
        found["encryption_key"], found["encryption_key_file"] = SecretStr(encryption_keys(settings)), None
        if not settings.jwt_jwks_url:
            found["jwt_secret"], found["jwt_secret_file"] = SecretStr(jwt_secret(settings)), None
    return settings.model_copy(update=found)
