"""Servers of this level's own, that may be killed, and a town on a fresh database for each test."""

import itertools
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import asyncpg
import pytest
import pytest_asyncio
from redis.asyncio import Redis

from famedash.infra.embedded import Embedded, embedded_servers
from famedash.infra.migrate import migrate
from tests.chaos.receiver import Receiver
from tests.chaos.town import Town
from tests.secrets import WEBHOOK_SECRET

_numbers = itertools.count()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Embedded]:
    """Durable ones. `postgres.stop()` is an immediate stop here (SIGQUIT), without a shutdown's courtesy."""
    async with embedded_servers(tmp_path_factory.mktemp("chaos") / "data", durable=True) as embedded:
        polite = embedded.postgres.program
        embedded.postgres.program = replace(polite, stop_signal=signal.SIGQUIT)
        yield embedded
        embedded.postgres.program = polite


@pytest_asyncio.fixture(loop_scope="session")
async def town(servers: Embedded, tmp_path: Path) -> AsyncIterator[Town]:
    """Everything is up but FameDash itself: a test starts the processes it needs."""
    for server in (servers.postgres, servers.valkey):
        if server.pid is None:
            await server.start()
    database_url = await _fresh_database(servers.endpoints.database_url)
    redis = Redis.from_url(servers.endpoints.redis_url)
    await redis.flushall()
    await redis.aclose()
    receiver = Receiver(WEBHOOK_SECRET)
    await receiver.up()
    async with aiohttp.ClientSession() as session:
        town = Town(servers, database_url, servers.endpoints.redis_url, receiver, session, tmp_path)
        try:
            yield town
        finally:
            await town.end()
            await receiver.down()


async def _fresh_database(url: str) -> str:
    name = f"chaos_{next(_numbers)}"
    admin = await asyncpg.connect(url)
    await admin.execute(f"create database {name}")
    await admin.close()
    fresh = f"{url.rpartition('/')[0]}/{name}"
    await migrate(fresh)
    return fresh
