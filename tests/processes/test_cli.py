"""The command line as a person meets it: in a process of its own."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest

from famedash.infra.auth.principal import SCOPES
from famedash.infra.auth.settings import AuthSettings
from famedash.infra.auth.tokens import open_authenticator
from famedash.infra.embedded import free_port
from tests.secrets import ENCRYPTION_KEY, WEBHOOK_SECRET

SECRET = "s" * 40
COMMANDS = (
    "up",
    "api",
    "relay",
    "deliver",
    "ingest",
    "tend",
    "migrate",
    "practice",
    "reseal",
    "llm",
    "brief",
    "token",
    "demo",
    "doctor",
)


def environment(**settings: str) -> dict[str, str]:
    """Ours, with these settings of FameDash and no others."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("FAMEDASH_")}
    return others | {f"FAMEDASH_{name.upper()}": value for name, value in settings.items()}


def famedash(*arguments: str, folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "famedash", *arguments],
        cwd=folder,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def claims(token: str) -> dict[str, Any]:
    return dict(jwt.decode(token, SECRET, ["HS256"], audience="famedash", issuer="famedash"))


def test_help_names_every_command(tmp_path: Path) -> None:
    answer = famedash("--help", folder=tmp_path)

    assert answer.returncode == 0
    for command in COMMANDS:
        assert f"\n  {command} " in answer.stdout


async def test_token_prints_nothing_but_a_token_that_the_api_takes(tmp_path: Path) -> None:
    answer = famedash("token", folder=tmp_path, data_dir="data")

    assert (answer.returncode, answer.stderr) == (0, "")
    secret = (tmp_path / "data" / "jwt_secret").read_text()
    authenticator = await open_authenticator(AuthSettings(secret, "", "famedash", "famedash"))
    principal = await authenticator.verify(answer.stdout.removesuffix("\n"))
    assert (principal.workspace, principal.scopes) == ("default", SCOPES)


def test_token_takes_workspace_scopes_and_days(tmp_path: Path) -> None:
    answer = famedash(
        *(
            "token",
            "--workspace",
            "acme",
            "--scope",
            "metrics:read",
            "--scope",
            "events:write",
            "--days",
            "2",
        ),
        folder=tmp_path,
        jwt_secret=SECRET,
    )

    made = claims(answer.stdout.strip())
    assert made["workspace"] == "acme"
    assert made["scope"] == "events:write metrics:read"
    assert made["exp"] - made["iat"] == 2 * 86_400
    assert not (tmp_path / ".famedash").exists()


@pytest.mark.parametrize(
    ("arguments", "settings", "sentence"),
    [
        (("token",), {"port": "eight"}, "FAMEDASH_PORT"),
        (("token",), {"jwt_secret": "hunter2"}, "at least 32 bytes"),
        (
            ("up",),
            {"webhook_url": "ftp://me:hunter2@h"},
            "FAMEDASH_WEBHOOK_URL: must be empty, or an http:// or https:// address with a host.",
        ),
        (
            ("deliver",),
            {"webhook_allow_private": "10.0.0.1/8"},
            "FAMEDASH_WEBHOOK_ALLOW_PRIVATE: must be networks such as 10.0.0.0/8,::1/128 (10.0.0.1/8 has",
        ),
        (("token", "--scope", "everything"), {"jwt_secret": SECRET}, "No such scope: everything"),
        (("token", "--workspace", ""), {"jwt_secret": SECRET}, "1 to 200"),
        (("token",), {"database_url": "postgresql://db/x"}, "Set FAMEDASH_JWT_SECRET"),
        (("token",), {"jwt_jwks_url": "https://idp/jwks"}, "identity provider"),
        (
            ("api",),
            {"database_url": "postgresql://db/x", "redis_url": "redis://r"},
            "Set FAMEDASH_JWT_SECRET",
        ),
    ],
)
def test_a_wrong_setting_is_one_sentence_and_exit_code_2(
    tmp_path: Path, arguments: tuple[str, ...], settings: dict[str, str], sentence: str
) -> None:
    answer = famedash(*arguments, folder=tmp_path, **settings)

    assert answer.returncode == 2
    assert sentence in answer.stderr
    assert len(answer.stderr.splitlines()) == 1
    assert answer.stdout == ""
    assert "hunter2" not in answer.stderr


def test_migrate_says_what_it_did_and_then_that_there_is_nothing_to_do(
    tmp_path: Path, database_url: str, redis_url: str
) -> None:
    answer = famedash("migrate", folder=tmp_path, database_url=database_url, redis_url=redis_url)

    assert (answer.returncode, answer.stdout) == (0, "nothing to do\n")


def test_a_database_that_is_away_is_one_sentence_and_exit_code_1(tmp_path: Path) -> None:
    away = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    answer = famedash("migrate", folder=tmp_path, database_url=away, redis_url="redis://127.0.0.1:1")

    assert answer.returncode == 1
    assert answer.stderr == "famedash: The database cannot be reached: check FAMEDASH_DATABASE_URL.\n"


@pytest.mark.parametrize("command", ["migrate", "up"])
def test_a_database_that_does_not_exist_is_one_sentence_and_exit_code_1(
    tmp_path: Path, database_url: str, redis_url: str, command: str
) -> None:
    none = database_url.rpartition("/")[0] + "/no_such_database"
    answer = famedash(
        command,
        folder=tmp_path,
        database_url=none,
        redis_url=redis_url,
        port=str(free_port()),
        data_dir="data",
    )

    assert answer.returncode == 1
    assert answer.stderr == "famedash: The database cannot be reached: check FAMEDASH_DATABASE_URL.\n"


def test_doctor_names_what_is_wrong_and_the_remedy(tmp_path: Path, database_url: str) -> None:
    answer = famedash(
        "doctor",
        folder=tmp_path,
        database_url=database_url,
        redis_url=f"redis://127.0.0.1:{free_port()}",
        jwt_secret=SECRET,
    )

    assert answer.returncode == 1
    assert "ok  tokens can be verified" in answer.stdout
    assert "ok  the database is migrated" in answer.stdout
    assert "NO  webhooks can be signed: Set FAMEDASH_WEBHOOK_SECRET" in answer.stdout
    assert "NO  Redis answers: start it, or correct FAMEDASH_REDIS_URL" in answer.stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_api_serves_until_it_is_asked_to_stop_and_ends_with_0(
    tmp_path: Path, database_url: str, redis_url: str, number: signal.Signals
) -> None:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "famedash", "api"),
        cwd=tmp_path,
        env=environment(
            database_url=database_url,
            redis_url=redis_url,
            jwt_secret=SECRET,
            webhook_secret=WEBHOOK_SECRET,
            encryption_key=ENCRYPTION_KEY,
            port=str(port),
        ),
        stderr=subprocess.PIPE,
    )
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as api:
            ready = await answer_of(api, "/readyz", process)
            document = await (await api.get("/openapi.json")).json()
            docs = await (await api.get("/docs")).text()
    finally:
        process.send_signal(number)
        _, errors = await asyncio.wait_for(process.communicate(), 15)

    assert ready == {"status": "ready", "database": "ok", "redis": "ok"}
    assert {"/campaigns", "/campaigns/{campaign_id}", "/logs", "/readyz"} <= set(document["paths"])
    assert "famedash token" in document["info"]["description"]
    assert "https://" not in docs  # everything the page needs comes from us
    assert (process.returncode, errors) == (0, b"")


async def answer_of(api: aiohttp.ClientSession, path: str, process: asyncio.subprocess.Process) -> Any:
    """The first answer of a process that is starting."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.returncode is None:
        try:
            return await (await api.get(path)).json()
        except aiohttp.ClientConnectionError:
            await asyncio.sleep(0.05)
    raise AssertionError("the API did not start")
