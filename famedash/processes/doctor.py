"""`famedash doctor`: what is wrong with this machine or these settings, each with its remedy."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.exceptions import RedisError

from famedash.infra.auth.settings import Misconfigured
from famedash.infra.database import GONE, open_database
from famedash.infra.errors import Postponed, Unavailable
from famedash.infra.migrate import pending
from famedash.infra.redis import open_redis
from famedash.processes.secrets import auth_settings, webhook_secret
from famedash.processes.servers import with_servers
from famedash.processes.settings import Settings


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `remedy` is empty when it is well."""

    about: str
    remedy: str = ""


async def run(settings: Settings) -> int:
    """Print the findings; 1 when something needs a remedy, else 0."""
    healthy = True
    async for finding in examine(settings):
        healthy = healthy and not finding.remedy
        print(f"NO  {finding.about}: {finding.remedy}" if finding.remedy else f"ok  {finding.about}")
    return 0 if healthy else 1


async def examine(settings: Settings) -> AsyncIterator[Finding]:
    """Look at secrets, then at the servers."""
    yield _secret("tokens can be verified", lambda: auth_settings(settings))
    yield _secret("webhooks can be signed", lambda: webhook_secret(settings))
    async with with_servers(settings) as found:
        yield await database(found.database_url)
        async with open_redis(found.redis_url) as redis:
            for finding in await streams(redis):
                yield finding


def _secret(about: str, read: Callable[[], object]) -> Finding:
    try:
        read()
    except Misconfigured as reason:
        return Finding(about, str(reason))
    return Finding(about)


async def database(url: str) -> Finding:
    """Does it answer, and is it migrated?"""
    try:
        async with (
            open_database(url, application="doctor", max_connections=1) as opened,
            opened.connection() as connection,
        ):
            missing = await pending(connection)
    except (Postponed, Unavailable, *GONE):
        return Finding("the database answers", "start it, or correct FAMEDASH_DATABASE_URL")
    return Finding("the database is migrated", "run `famedash migrate`" if missing else "")


async def streams(redis: Redis) -> list[Finding]:
    """Does it answer, and does it keep what it was given?"""
    try:
        facts = {**await redis.info("memory"), **await redis.info("persistence")}
        sync = (await redis.config_get("appendfsync")).get("appendfsync")
    except (RedisError, OSError):
        return [Finding("Redis answers", "start it, or correct FAMEDASH_REDIS_URL")]
    evicts = facts.get("maxmemory_policy") != "noeviction"
    forgets = not facts.get("aof_enabled") or sync != "always"
    return [
        Finding("Redis evicts nothing", "set maxmemory-policy noeviction" if evicts else ""),
        Finding("Redis keeps what it answered", "set appendonly yes, appendfsync always" if forgets else ""),
    ]
