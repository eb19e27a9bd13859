"""What every test may ask for: a fresh migrated database, an empty Redis, both real."""

import itertools
import os
from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command line does, before numpy is imported

import asyncpg
import pytest
import pytest_asyncio
from redis.asyncio import Redis

from famedash.infra.database import Database, open_database
from famedash.infra.migrate import migrate
from tests.servers import Servers

SERVERS = pytest.StashKey[Servers]()
_numbers = itertools.count()


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.stash[SERVERS] = Servers()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: object) -> None:
    node.workerinput.update(node.config.stash[SERVERS].urls)  # type: ignore[attr-defined]


def pytest_unconfigure(config: pytest.Config) -> None:
    if SERVERS in config.stash:
        config.stash[SERVERS].stop()


@pytest.fixture(scope="session")
def server_urls(request: pytest.FixtureRequest) -> dict[str, str]:
    given = getattr(request.config, "workerinput", None)
    return given if given else request.config.stash[SERVERS].urls


def _with_path(url: str, path: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{path}"))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def template_database(server_urls: dict[str, str], worker_id: str) -> str:
    """A migrated database that every test of this worker copies (25 ms) instead of migrating its own."""
    name = f"template_{worker_id}"
    admin = await asyncpg.connect(server_urls["database_url"])
    await admin.execute(f"create database {name}")
    await admin.close()
    await migrate(_with_path(server_urls["database_url"], name))
    return name


@pytest.fixture
async def database_url(
    server_urls: dict[str, str], template_database: str, worker_id: str
) -> AsyncIterator[str]:
    name = f"test_{worker_id}_{next(_numbers)}"
    admin = await asyncpg.connect(server_urls["database_url"])
    await admin.execute(f"create database {name} template {template_database}")
    yield _with_path(server_urls["database_url"], name)
    await admin.execute(f"drop database {name} with (force)")
    await admin.close()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with open_database(database_url, application="test") as database:
        yield database


@pytest.fixture
async def redis_url(server_urls: dict[str, str], worker_id: str) -> str:
    """A Redis database of this worker's own (1..15), emptied."""
    number = 1 + int(worker_id.removeprefix("gw")) if worker_id.startswith("gw") else 1
    url = _with_path(server_urls["redis_url"], str(number))
    client = Redis.from_url(url)
    await client.flushdb()
    await client.aclose()
    return url


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(redis_url)
    yield client
    await client.aclose()
