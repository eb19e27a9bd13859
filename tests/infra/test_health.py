"""What a supervisor and a load balancer are told."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import asyncpg
from fastapi import FastAPI
from redis.asyncio import Redis

from famedash.infra import health
from famedash.infra.database import Database, open_database
from famedash.infra.http import handlers
from tests.infra.test_problems import problem
from tests.serving import serving


def nobody_listens() -> int:
    """A port on which nobody answers."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@asynccontextmanager
async def asking(database: Database, redis: Redis) -> AsyncIterator[aiohttp.ClientSession]:
    app = FastAPI()
    handlers.install(app)
    app.include_router(health.router(database, redis))
    async with serving(app) as url, aiohttp.ClientSession(url) as session:
        yield session


@asynccontextmanager
async def database_that_is_away() -> AsyncIterator[Database]:
    address = f"postgresql://nobody@127.0.0.1:{nobody_listens()}/none"
    async with asyncpg.create_pool(address, min_size=0) as pool:
        yield Database(pool)


async def test_with_both_servers_it_is_ready(database: Database, redis: Redis) -> None:
    async with asking(database, redis) as api:
        response = await api.get("/readyz")

        assert response.status == 200
        assert await response.json() == {"status": "ready", "database": "ok", "redis": "ok"}


async def test_without_redis_it_is_ready_and_says_so(database: Database) -> None:
    """A campaign can be created without Redis: the relay publishes it later."""
    away = Redis(port=nobody_listens(), socket_connect_timeout=0.5)
    async with asking(database, away) as api:
        response = await api.get("/readyz")

        assert (response.status, (await response.json())["redis"]) == (200, "unreachable")


async def test_without_the_database_it_is_alive_but_not_ready(redis: Redis) -> None:
    async with database_that_is_away() as database, asking(database, redis) as api:
        ready, alive = await api.get("/readyz"), await api.get("/healthz")

        assert alive.status == 200
        assert ready.status == 503
        assert "database does not answer" in (await problem(ready))["detail"]
        assert "Retry-After" in ready.headers


async def test_with_a_database_that_is_not_migrated_it_is_not_ready(
    server_urls: dict[str, Any], redis: Redis, worker_id: str
) -> None:
    name = f"unmigrated_{worker_id}"
    admin = await asyncpg.connect(server_urls["database_url"])
    await admin.execute(f"create database {name} template template0")
    address = server_urls["database_url"].rpartition("/")[0] + f"/{name}"
    try:
        async with open_database(address, application="test") as database, asking(database, redis) as api:
            response = await api.get("/readyz")

            assert response.status == 503
            assert "famedash migrate" in (await problem(response))["detail"]
    finally:
        await admin.execute(f"drop database {name} with (force)")
        await admin.close()


async def test_the_numbers_are_served_as_prometheus_reads_them(database: Database, redis: Redis) -> None:
    async with asking(database, redis) as api:
        response = await api.get("/metrics")

        assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert "# TYPE famedash_http_requests_total counter" in await response.text()
