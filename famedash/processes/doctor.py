"""`famedash doctor`: what is wrong with this machine or these settings, each with its remedy.

It asks the servers that a command of these settings would use; embedded ones are started for the while.
"""

import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from famedash.infra.auth.settings import Misconfigured
from famedash.infra.database import GONE, open_database
from famedash.infra.embedded import DataDirInUse, EmbeddedUnavailable, Endpoints, is_free
from famedash.infra.errors import Postponed, Unavailable
from famedash.infra.migrate import pending
from famedash.infra.redis import open_redis
from famedash.processes.secrets import auth_settings, embedded, seal, webhook_secret
from famedash.processes.servers import server_addresses
from famedash.processes.settings import Settings
from famedash.processes.welcome import answers
from famedash.webhooks.registry import queries

SKEW_SECONDS = 2.0
"""Above this, tokens are refused early or late and signatures look old to receivers."""


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
    """Look at what needs no server, then at the servers; nothing that is wrong keeps from the next."""
    yield await port(settings.host, settings.port)
    if embedded(settings):
        yield data_dir(settings.data_path)
    yield _secret("tokens can be verified", lambda: auth_settings(settings))
    yield _secret("webhooks can be signed", lambda: webhook_secret(settings))
    yield _secret("secrets of endpoints can be sealed", lambda: seal(settings))
    try:
        async with server_addresses(settings) as found:
            async for finding in servers(found):
                yield finding
            async for finding in secrets_of_endpoints(found.database_url, settings):
                yield finding
    except (DataDirInUse, EmbeddedUnavailable, OSError) as reason:
        yield Finding("the embedded servers start", str(reason))


async def port(host: str, number: int) -> Finding:
    """Is the API's port free, or taken by the API itself?"""
    about = f"port {number} of {host} is free for the API"
    if number == 0 or is_free(host, number):
        return Finding(about)
    if await answers(host, number, "/readyz"):
        return Finding(f"FameDash answers on port {number} of {host}")
    return Finding(about, "something else listens there: end it, or set FAMEDASH_PORT to another one")


def data_dir(path: Path) -> Finding:
    """Can we write in it, or make it?"""
    about = f"the data dir {path} is writable"
    nearest = next(folder for folder in (path, *path.parents) if folder.exists())
    if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
        return Finding(about)
    return Finding(about, f"give this user {nearest}, or set FAMEDASH_DATA_DIR to a folder of his")


def _secret(about: str, read: Callable[[], object]) -> Finding:
    try:
        read()
    except Misconfigured as reason:
        return Finding(about, str(reason))
    except OSError as reason:
        return Finding(about, f"its file cannot be read or made: {reason.strerror}")
    return Finding(about)


async def servers(found: Endpoints) -> AsyncIterator[Finding]:
    """The database, Redis, and whether their clocks agree with ours."""
    clocks: dict[str, float] = {}
    for finding in await database(found.database_url, clocks):
        yield finding
    async with open_redis(found.redis_url) as redis:
        for finding in await streams(redis, clocks):
            yield finding
    for finding in skews(clocks):
        yield finding


async def database(url: str, clocks: dict[str, float]) -> list[Finding]:
    """Does it answer, and is it migrated? Notes how far its clock is ahead of ours."""
    try:
        async with (
            open_database(url, application="doctor", max_connections=1) as opened,
            opened.connection() as connection,
        ):
            missing = await pending(connection)
            now = await connection.fetchval("select extract(epoch from clock_timestamp())::float8")
    except (Postponed, Unavailable, *GONE):
        return [Finding("the database answers", "start it, or correct FAMEDASH_DATABASE_URL")]
    clocks["the database"] = now - time.time()
    return [
        Finding("the database answers"),
        Finding("the database is migrated", "run `famedash migrate`" if missing else ""),
    ]


async def secrets_of_endpoints(url: str, settings: Settings) -> AsyncIterator[Finding]:
    """Does a key of ours open each of them? Nothing where that cannot be asked; that is another finding."""
    try:
        async with open_database(url, application="doctor", max_connections=1) as opened:
            async with opened.connection() as connection:
                if await pending(connection):
                    return
            unopened = await queries.unopened(opened, seal(settings))
    except (Postponed, Unavailable, Misconfigured, *GONE):
        return
    about = "secrets of endpoints can be opened"
    if not unopened:
        yield Finding(about)
        return
    example = f"{unopened[0].endpoint_id} of workspace {unopened[0].workspace}"
    remedy = f"{len(unopened)} cannot, such as {example}: list their key in FAMEDASH_ENCRYPTION_KEY, too"
    yield Finding(about, remedy)


async def streams(redis: Redis, clocks: dict[str, float]) -> list[Finding]:
    """Does it answer, and does it keep what it was given? Notes how far its clock is ahead of ours."""
    try:
        facts = {**await redis.info("memory"), **await redis.info("persistence")}
        sync = (await redis.config_get("appendfsync")).get("appendfsync")
        seconds, microseconds = await redis.time()
    except (RedisError, OSError):
        return [Finding("Redis answers", "start it, or correct FAMEDASH_REDIS_URL")]
    clocks["Redis"] = seconds + microseconds / 1_000_000 - time.time()
    evicts = facts.get("maxmemory_policy") != "noeviction"
    forgets = not facts.get("aof_enabled") or sync != "always"
    return [
        Finding("Redis answers"),
        Finding("Redis evicts nothing", "set maxmemory-policy noeviction" if evicts else ""),
        Finding("Redis keeps what it answered", "set appendonly yes, appendfsync always" if forgets else ""),
    ]


def skews(clocks: dict[str, float]) -> Iterator[Finding]:
    """`clocks`: seconds that each server is ahead of this machine."""
    for name, ahead in clocks.items():
        wrong = abs(ahead) > SKEW_SECONDS
        remedy = f"it is {abs(ahead):.0f} s {'ahead' if ahead > 0 else 'behind'}: set both by NTP"
        yield Finding(f"the clock of {name} agrees with ours", remedy if wrong else "")
