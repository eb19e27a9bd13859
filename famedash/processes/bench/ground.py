"""What every benchmark stands on: durable servers of its own in a temporary folder, and real processes."""

import asyncio
import base64
import os
import secrets
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from signal import SIGTERM

import aiohttp

from famedash.infra.auth.mint import mint
from famedash.infra.auth.principal import SCOPES
from famedash.infra.database import Database
from famedash.infra.embedded import DeadMansSwitch, Endpoints, embedded_servers
from famedash.infra.embedded.server import Server
from famedash.infra.log.partitions import PARTITIONS
from famedash.infra.migrate import migrate
from famedash.infra.sealing import new_key
from famedash.processes.settings import Settings
from famedash.webhooks.service import READER
from famedash.webhooks.signing import PREFIX

WORKSPACE = "bench"
IN_FLIGHT = 50
STOP_SECONDS = 12.0
LONGEST_START_SECONDS = 60.0

CAMPAIGN = {
    "name": "Summer glow, second wave",
    "status": "active",
    "brand": "Lumen Skincare",
    "product": "Vitamin C serum, 30 ml",
    "goal": "Make the serum known to first-time buyers between 18 and 30 before the holidays begin.",
    "platforms": ["instagram", "tiktok"],
    "budget": {"amount": 12500.50, "currency": "EUR"},
    "startsAt": "2026-06-01T08:00:00Z",
    "endsAt": "2030-07-01T08:00:00Z",
    "influencerIds": [f"creator-{number:04}" for number in range(8)],
    "metadata": {"region": "DACH", "owner": "team-blue", "tags": ["serum", "summer", "launch"]},
}
"""The body of every campaign here; the event it makes is about 1.5 KB."""


@dataclass(frozen=True)
class Ground:
    """Fresh, migrated servers and what the processes on them are started with."""

    folder: Path
    endpoints: Endpoints
    postgres: Server
    valkey: Server
    switch: DeadMansSwitch
    jwt_secret: str
    webhook_secret: str
    encryption_key: str

    def environment(self, **more: object) -> dict[str, str]:
        """Production's settings; nothing of the caller's own FAMEDASH_* reaches a measured process."""
        settings = {
            "database_url": self.endpoints.database_url,
            "redis_url": self.endpoints.redis_url,
            "data_dir": self.folder / "processes",
            "jwt_secret": self.jwt_secret,
            "webhook_secret": self.webhook_secret,
            "encryption_key": self.encryption_key,
            "webhook_max_in_flight": IN_FLIGHT,
            "webhook_allow_private": "127.0.0.0/8",
            "rate_per_second": 0,
            "log_level": "warning",
            **more,
        }
        return clean_environment() | {
            f"FAMEDASH_{name.upper()}": str(value) for name, value in settings.items()
        }

    def token(self, workspace: str = WORKSPACE) -> str:
        defaults = Settings(_env_file=None)
        return mint(
            self.jwt_secret,
            subject="bench",
            workspace=workspace,
            scopes=SCOPES,
            lifetime=timedelta(hours=1),
            audience=defaults.jwt_audience,
            issuer=defaults.jwt_issuer,
            now=datetime.now(UTC),
        )

    @asynccontextmanager
    async def product(self, name: str, **settings: object) -> AsyncIterator[Process]:
        """`python -m famedash {name}` for the block's duration."""
        async with running(
            self.switch, "famedash", name, folder=self.folder, environment=self.environment(**settings)
        ) as process:
            yield process

    @asynccontextmanager
    async def own(self, name: str, *arguments: object) -> AsyncIterator[Process]:
        """One of this package's programs for the block's duration."""
        module = f"famedash.processes.bench.{name}"
        async with running(
            self.switch, module, *arguments, folder=self.folder, environment=clean_environment()
        ) as process:
            yield process


@dataclass(frozen=True)
class Seen:
    """What a sink received: the event ids in order, when (monotonic seconds), and at which path."""

    ids: list[str]
    at: list[float]
    paths: list[str]

    def ids_at(self, path: str) -> list[str]:
        return [id for id, where in zip(self.ids, self.paths, strict=True) if where == path]


@dataclass(frozen=True)
class SinkAddress:
    url: str
    session: aiohttp.ClientSession

    async def count(self, path: str = "") -> int:
        """Of all POSTs, or of those to one path (`/…`)."""
        return int(await self._get(f"count{path}"))

    async def hang(self, path: str) -> None:
        """From now on it takes what is posted there, and never answers."""
        await self._get(f"hang{path}")

    async def answer(self) -> None:
        """It answers again, what waits for it too."""
        await self._get("answer")

    async def seen(self) -> Seen:
        found = [line.split(" ") for line in (await self._get("seen")).splitlines()]
        ids, times, paths = zip(*found, strict=True) if found else ((), (), ())
        return Seen(list(ids), list(map(float, times)), list(paths))

    async def _get(self, what: str) -> str:
        async with self.session.get(f"{self.url}/{what}") as response:
            return await response.text()


@asynccontextmanager
async def open_ground() -> AsyncIterator[Ground]:
    """Durable servers, as in production; gone with all their data at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="famedash-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        async with embedded_servers(folder / "data") as embedded:
            await migrate(embedded.endpoints.database_url)
            webhook_secret = PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
            yield Ground(
                folder,
                embedded.endpoints,
                embedded.postgres,
                embedded.valkey,
                embedded.switch,
                secrets.token_urlsafe(48),
                webhook_secret,
                new_key(),
            )


@asynccontextmanager
async def open_sink(ground: Ground) -> AsyncIterator[SinkAddress]:
    async with ground.own("sink") as process, aiohttp.ClientSession() as session:
        assert process.stdout is not None  # noqa: S101
        port = int(await process.stdout.readline())
        yield SinkAddress(f"http://127.0.0.1:{port}", session)


async def worker_is_ready(database: Database, workers: int = 1) -> None:
    """Return once so many workers own every partition, the same number each."""
    sql = """
        select count(*) from (
            select owner from reader_leases where reader = $1 and owner is not null
            group by owner having count(*) = $2
        ) equal
    """
    while await database.fetchval(sql, READER, PARTITIONS // workers) < workers:  # noqa: ASYNC110 - a row in a database
        await asyncio.sleep(0.05)


async def listens(port: int) -> None:
    """Return once a server answers there."""
    deadline = time.monotonic() + LONGEST_START_SECONDS
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return


@asynccontextmanager
async def running(
    switch: DeadMansSwitch, module: str, *arguments: object, folder: Path, environment: Mapping[str, str]
) -> AsyncIterator[Process]:
    """A Python module as a process; at the end SIGTERM, and SIGKILL when that is not enough."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *map(str, arguments)),
        cwd=folder,
        env=environment,
        stdin=PIPE,
        stdout=PIPE,
    )
    switch.watch(process.pid, SIGTERM)
    try:
        yield process
    finally:
        await _end(process)
        switch.forget(process.pid)


async def _end(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("FAMEDASH_")}


async def answers(process: Process, given: bytes) -> bytes:
    """Hand a program its standard input; answers what it printed. Raises where it failed."""
    printed, _ = await process.communicate(given)
    if process.returncode != 0:
        raise RuntimeError(f"a program of the benchmark ended with code {process.returncode}")
    return printed
