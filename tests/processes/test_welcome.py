"""The first words of `up`, also where something goes wrong with them."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from structlog.testing import capture_logs

from famedash.processes import demo_campaigns, up
from famedash.processes.settings import Settings
from famedash.processes.welcome import welcome
from tests.serving import serving

COULD_NOT = "its campaigns could not be made"


def api(create: Callable[[], Response]) -> Starlette:
    """Ready, and answers every new campaign with `create()`."""

    async def ready(_: Request) -> Response:
        return PlainTextResponse("ready")

    async def campaigns(_: Request) -> Response:
        return create()

    return Starlette(
        routes=[Route("/readyz", ready), Route("/campaigns", campaigns, methods=["POST"])],
    )


def breaks_off() -> Response:
    raise ConnectionResetError


async def words(folder: Path, create: Callable[[], Response], capsys: pytest.CaptureFixture[str]) -> str:
    async with serving(api(create)) as base_url:
        port = int(base_url.rsplit(":", 1)[1])
        settings = Settings(data_dir=folder, database_url="", jwt_jwks_url="")
        await asyncio.wait_for(welcome(settings, port=port, practice=None), 20)
    return capsys.readouterr().out


@pytest.mark.parametrize("status", [400, 429, 500, 503])
async def test_demo_campaigns_that_cannot_be_made_are_a_sentence_and_the_rest_is_still_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    """PROMISE: a newcomer always gets a token and a line to try it with."""
    said = await words(tmp_path, lambda: Response(status_code=status), capsys)

    assert COULD_NOT in said
    assert "curl -s http://127.0.0.1:" in said
    assert "\neyJ" in said  # the token


async def test_an_api_that_breaks_off_takes_no_token_away(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "\neyJ" in await words(tmp_path, breaks_off, capsys)


async def test_an_api_that_never_answers_takes_no_token_away(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_campaigns, "PATIENCE_SECONDS", 1e-9)

    said = await words(tmp_path, lambda: Response(status_code=201), capsys)

    assert COULD_NOT in said
    assert "\neyJ" in said


@pytest.mark.parametrize("status", [201, 409])
async def test_campaigns_made_now_or_long_ago_are_no_news(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    said = await words(tmp_path, lambda: Response(status_code=status), capsys)

    assert COULD_NOT not in said
    assert "curl -s http://127.0.0.1:" in said


async def test_a_welcome_that_fails_is_a_line_in_the_log() -> None:
    async def fail() -> None:
        raise KeyError("a fault of ours")

    async def wait() -> None:
        await asyncio.sleep(60)

    with capture_logs() as logs:
        failed, cancelled = asyncio.create_task(fail()), asyncio.create_task(wait())
        for greeting in (failed, cancelled):
            greeting.add_done_callback(up._note_failure)
        await asyncio.sleep(0.01)
        cancelled.cancel()
        await asyncio.wait([failed, cancelled])
        await asyncio.sleep(0)

    assert [log["event"] for log in logs] == ["up.welcome_failed"]


@pytest.mark.parametrize(
    ("host", "url"), [("127.0.0.1", "http://127.0.0.1:8081"), ("::1", "http://[::1]:8081")]
)
def test_the_practice_receiver_has_an_address_whatever_its_host(host: str, url: str) -> None:
    assert up._practice_url(Settings(practice_host=host), "8081") == url


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_the_folder_of_numbers_that_root_makes_is_the_users_to_empty_later(tmp_path: Path) -> None:
    """Breaks if it stays root's: then that user's next `up` cannot start."""
    os.chown(tmp_path, 1234, 5678)

    folder = up._emptied(tmp_path / "metrics")

    assert (folder.stat().st_uid, folder.stat().st_gid) == (1234, 5678)
