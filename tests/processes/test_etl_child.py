"""Loads of a real `famedash api`: they get what they need of its settings, and do not outlive it."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest

from famedash.infra.database import Database
from famedash.infra.embedded import free_port
from famedash.processes.etl_child import child_environment
from famedash.processes.settings import Settings
from tests.campaigns.api import Api
from tests.flow.system import until
from tests.performers.loads import HEAD
from tests.performers.sending import begin_upload, once, process_of, sent, writing_is_held
from tests.processes.terminal import as_from_a_terminal
from tests.secrets import ENCRYPTION_KEY, JWT_SECRET, WEBHOOK_SECRET, token

FILE = HEAD + "summer,mia,100,9,0,0\n"


def test_a_load_is_given_the_addresses_and_no_secret() -> None:
    settings = Settings(
        database_url="postgresql://db/x",
        redis_url="redis://r/0",
        data_dir=Path("/data"),
        jwt_secret=JWT_SECRET,
        webhook_secret=WEBHOOK_SECRET,
        encryption_key=ENCRYPTION_KEY,
    )
    ours = {"PATH": "/bin", "FAMEDASH_JWT_SECRET": JWT_SECRET, "PROMETHEUS_MULTIPROC_DIR": "/metrics"}

    assert child_environment(settings, ours) == {
        "PATH": "/bin",
        "FAMEDASH_DATABASE_URL": "postgresql://db/x",
        "FAMEDASH_REDIS_URL": "redis://r/0",
        "FAMEDASH_DATA_DIR": "/data",
        "FAMEDASH_LOG_FORMAT": "auto",
        "FAMEDASH_LOG_LEVEL": "info",
    }


@asynccontextmanager
async def real_api(
    database_url: str, redis_url: str, folder: Path
) -> AsyncIterator[tuple[Api, subprocess.Popen[bytes]]]:
    port = free_port()
    settings = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "DATA_DIR": str(folder / "data"),
        "JWT_SECRET": JWT_SECRET,
        "WEBHOOK_SECRET": WEBHOOK_SECRET,
        "ENCRYPTION_KEY": ENCRYPTION_KEY,
        "PORT": str(port),
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("FAMEDASH_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "famedash", "api"],
        env=inherited | {f"FAMEDASH_{name}": value for name, value in settings.items()},
    )
    async with aiohttp.ClientSession() as session:
        api = Api(session, f"http://127.0.0.1:{port}", token("acme"))
        try:
            await until(lambda: _is_ready(api), 30)
            yield api, process
        finally:
            process.kill()
            process.wait()


async def _is_ready(api: Api) -> bool:
    try:
        return (await api.get("/readyz")).status == 200
    except aiohttp.ClientError:
        return False


async def _failed(database: Database, number: int) -> bool:
    found = await database.fetchval(
        "select count(*) from imports where workspace_id = 'acme' and status = 'failed'"
    )
    return bool(found == number)


async def _errors(database: Database) -> list[str]:
    rows = await database.fetch("select error from imports where workspace_id = 'acme' order by import_id")
    return [row["error"] for row in rows]


async def test_a_stopped_api_takes_its_loads_and_uploads_with_it(
    database: Database, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    """PROMISE: SIGTERM ends everything within 10 s, with exit code 0, and says what has to be done again."""
    async with real_api(database_url, redis_url, tmp_path) as (api, process):
        async with writing_is_held(database):
            load = await _busy(api)
            writer = await begin_upload(api, announced=10_000, first=FILE.encode())
            await until(lambda: _is_received(database))

            process.send_signal(signal.SIGTERM)
            code = await asyncio.wait_for(asyncio.to_thread(process.wait), 10)

        assert (code, load.is_running()) == (0, False)
        assert await _errors(database) == [
            "The load was stopped; nothing was loaded. Load the file again.",
            "The load was stopped; nothing was loaded. Load the file again.",
            "The server is being stopped; nothing was loaded. Send the file again.",
        ]
        assert list((tmp_path / "data" / "imports").iterdir()) == []
        writer.close()


async def _busy(api: Api) -> psutil.Process:
    """One load that is being written, one that waits behind it; answers the process of the first."""
    loading, _ = [await sent(api, FILE) for _ in range(2)]
    await once(api, loading, lambda shown: shown["step"] == "writing")
    load = process_of(loading)
    assert load is not None
    return load


async def _is_received(database: Database) -> bool:
    sql = "select true from imports where workspace_id = 'acme' and step = 'receiving'"
    return bool(await database.fetchval(sql))


async def test_a_load_does_not_outlive_a_killed_api(
    database: Database, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    """PROMISE: kill -9 of the API ends its load in a moment; `tend` settles those that nobody had begun."""
    async with real_api(database_url, redis_url, tmp_path) as (api, process), writing_is_held(database):
        load = await _busy(api)

        process.kill()

        await until(lambda: _is_over(load), 3)
        await until(lambda: _failed(database, 1))
        errors: list[Any] = await _errors(database)
        assert errors == ["The load was stopped; nothing was loaded. Load the file again.", None]


async def _is_over(process: psutil.Process) -> bool:
    return not process.is_running()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_load_that_is_asked_to_end_says_so_and_is_failed(
    database: Database, database_url: str, redis_url: str, tmp_path: Path, number: signal.Signals
) -> None:
    file = tmp_path / "performance.csv"
    file.write_text(FILE)
    environment = os.environ | {
        "FAMEDASH_DATABASE_URL": database_url,
        "FAMEDASH_REDIS_URL": redis_url,
        "FAMEDASH_DATA_DIR": str(tmp_path / "data"),
    }
    async with writing_is_held(database, "default"):
        etl = subprocess.Popen(
            [sys.executable, "-m", "famedash", "etl", str(file)],
            env=environment,
            stderr=subprocess.PIPE,
            preexec_fn=as_from_a_terminal,  # noqa: PLW1509 - no thread has begun in the child
        )
        await until(lambda: _is_writing(database))

        etl.send_signal(number)
        _, said = await asyncio.wait_for(asyncio.to_thread(etl.communicate), 10)

    assert etl.returncode not in (0, 2, 3)
    assert b"Traceback" not in said
    (error,) = [row["error"] for row in await database.fetch("select error from imports")]
    assert error == "The load was stopped; nothing was loaded. Load the file again."


async def _is_writing(database: Database) -> bool:
    return bool(await database.fetchval("select true from imports where step = 'writing'"))
