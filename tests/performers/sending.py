"""The API with an inbox of its own, for tests that send files to it and watch what becomes of them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import psutil
from redis.asyncio import Redis

from famedash.infra.auth.settings import AuthSettings
from famedash.infra.auth.tokens import open_authenticator
from famedash.infra.database import Database
from famedash.performers import store
from famedash.processes.api import Resources, create_app
from famedash.processes.settings import Settings
from tests.campaigns.api import Api, Reply
from tests.flow.system import until
from tests.secrets import JWT_SECRET, SEAL, token
from tests.serving import serving


@dataclass
class Office:
    """`folder` is where files lie while they are needed."""

    api: Api
    api_of: Callable[..., Api]
    database: Database
    resources: Resources
    folder: Path

    @property
    def files(self) -> list[str]:
        return [path.name for path in self.folder.glob("*")]


@asynccontextmanager
async def office(settings: Settings, database: Database, redis: Redis) -> AsyncIterator[Office]:
    authenticator = await open_authenticator(AuthSettings(JWT_SECRET, "", "famedash", "famedash"))
    resources = Resources(database, redis, authenticator, SEAL)
    async with serving(create_app(settings, resources)) as base_url, aiohttp.ClientSession() as session:

        def api_of(workspace: str, **more: Any) -> Api:
            return Api(session, base_url, token(workspace, **more))

        try:
            yield Office(api_of("acme"), api_of, database, resources, settings.data_path / "imports")
        finally:
            await resources.background.close()


async def send(api: Api, content: bytes | str, query: str = "") -> Reply:
    data = content.encode() if isinstance(content, str) else content
    return await api.post(data=data, path=f"/imports{query}", content_type="application/octet-stream")


async def sent(api: Api, content: bytes | str, query: str = "") -> str:
    """The id of the import."""
    reply = await send(api, content, query)
    assert reply.status == 202, reply.body
    return str(reply.json["id"])


async def settled(api: Api, import_id: str, seconds: float = 30) -> dict[str, Any]:
    """The import's document once it is not `running` any more."""
    return await once(api, import_id, lambda shown: shown["status"] != "running", seconds)


async def once(
    api: Api, import_id: str, condition: Callable[[dict[str, Any]], bool], seconds: float = 30
) -> dict[str, Any]:
    shown: dict[str, Any] = {}

    async def fulfilled() -> bool:
        nonlocal shown
        shown = (await api.get(f"/imports/{import_id}")).json
        return condition(shown)

    try:
        await until(fulfilled, seconds)
    except AssertionError:
        raise AssertionError(f"it did not happen in time: {shown}") from None
    return shown


@asynccontextmanager
async def writing_is_held(database: Database, workspace: str = "acme") -> AsyncIterator[None]:
    """No load of the workspace gets further than `writing`, as if another one were writing."""
    async with database.transaction() as tx:
        await store.hold(tx, workspace)
        yield


def process_of(import_id: str) -> psutil.Process | None:
    """The process that loads it, whoever started it."""
    for process in psutil.process_iter(["cmdline"]):
        if f"--import-id={import_id}" in (process.info["cmdline"] or []):
            return process
    return None


async def begin_upload(api: Api, *, announced: int, first: bytes) -> asyncio.StreamWriter:
    """Announce a file and send the beginning of it, by hand. Close what is answered, to break it off."""
    address = urlsplit(api.base_url)
    _, writer = await asyncio.open_connection(address.hostname, address.port)
    head = (
        f"POST /imports?fileName=slow.csv HTTP/1.1\r\nHost: {address.netloc}\r\n"
        f"Authorization: Bearer {api.token}\r\nContent-Length: {announced}\r\n\r\n"
    )
    writer.write(head.encode() + first)
    await writer.drain()
    return writer
