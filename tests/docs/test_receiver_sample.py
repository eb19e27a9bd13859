"""The receiver of docs/webhooks.md, taken from the document and called by the real worker."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from famedash.webhooks import signing
from tests.docs.samples import blocks
from tests.flow.system import System, running
from tests.receiver.posts import FOREIGN, OLD
from tests.secrets import WEBHOOK_SECRET
from tests.serving import serving

(CODE,) = blocks("docs/webhooks.md", "python")


class Later:
    """Stands at an address before the receiver that belongs there can be made."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


@pytest.fixture
async def both(
    database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[System, str]]:
    """FameDash and the document's receiver, each with the other's address; gives the receiver's too."""
    async with AsyncExitStack() as stack:
        later = Later()
        url = await stack.enter_async_context(serving(later)) + "/campaign"
        system = await stack.enter_async_context(running(database_url, redis_url, receiver_url=url))
        monkeypatch.setenv("WEBHOOK_SECRETS", f"{OLD} {WEBHOOK_SECRET}")
        monkeypatch.setenv("API", system.api.base_url)
        monkeypatch.setenv("TOKEN", system.api.token)
        names: dict[str, Any] = {"__name__": "receiver"}
        exec(compile(CODE, "docs/webhooks.md", "exec"), names)  # noqa: S102 - it is our own document
        later.app = names["app"]
        yield system, url


async def post(url: str, event: dict[str, Any], *, secret: str = WEBHOOK_SECRET, age: int = 0) -> int:
    """As the worker would have sent it that many seconds ago."""
    body, now = json.dumps(event).encode(), int(datetime.now(UTC).timestamp())
    headers = signing.headers(
        [signing.key_of(secret)], message_id=event["id"], timestamp=now - age, body=body
    )
    async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=headers) as reply:
        return reply.status


async def history(system: System) -> list[dict[str, Any]]:
    return list((await system.api.get("/campaigns/summer/events")).json["items"])


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    printed = capsys.readouterr().out.splitlines()
    return [line.strip() for line in printed if line.startswith(("Campaign", "Endpoint"))]


def test_it_has_fifteen_lines() -> None:
    assert len([line for line in CODE.splitlines() if line]) <= 15


async def test_it_takes_what_the_worker_sends(
    both: tuple[System, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """PROMISE: the receiver we show verifies what we send. Breaks when signing or the body changes."""
    system, _ = both

    await system.create()
    await system.change(goal="reach")
    rows = await system.settled(2)

    assert [(row["status"], row["httpStatus"]) for row in rows] == [("delivered", 204)] * 2
    assert lines(capsys) == ["CampaignCreated summer 1", "CampaignUpdated summer 2"]


async def test_it_answers_a_repeat_with_2xx_and_handles_it_once(
    both: tuple[System, str], capsys: pytest.CaptureFixture[str]
) -> None:
    system, url = both
    await system.create()
    await system.settled(1)
    (created,) = await history(system)

    assert [await post(url, created), await post(url, created)] == [204, 204]
    assert lines(capsys) == ["CampaignCreated summer 1"]


async def test_it_handles_versions_in_order_whatever_comes_first(
    both: tuple[System, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """PROMISE: what is missing is fetched from the real history, before what came too early."""
    system, url = both
    for worker in system.workers:
        await worker.stop()
    await system.create()
    for goal in ("reach", "sales", "trust"):
        await system.change(goal=goal)
    first, second, third, fourth = await history(system)

    for event in (first, third, second, fourth):
        assert await post(url, event) == 204

    assert lines(capsys) == ["CampaignCreated summer 1", *(f"CampaignUpdated summer {v}" for v in (2, 3, 4))]


@pytest.mark.parametrize("refused", [{"age": 310}, {"age": -310}, {"secret": FOREIGN}])
async def test_it_refuses_an_old_timestamp_and_what_another_secret_signed(
    both: tuple[System, str], capsys: pytest.CaptureFixture[str], refused: dict[str, Any]
) -> None:
    system, url = both
    for worker in system.workers:
        await worker.stop()
    await system.create()
    (created,) = await history(system)

    assert await post(url, created, **refused) == 401
    assert lines(capsys) == []
    assert await post(url, created, secret=OLD, age=290) == 204
