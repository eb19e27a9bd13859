"""The receiver of docs/webhooks.md, taken from the document and called by the real worker."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from starlette.types import ASGIApp

from famedash.webhooks import signing
from tests.docs.samples import blocks
from tests.flow.system import running
from tests.secrets import WEBHOOK_SECRET
from tests.serving import serving

EVENT = b'{"id": "e1", "type": "CampaignCreated", "data": {"campaignId": "summer", "version": 1}}'


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> ASGIApp:
    (code,) = blocks("docs/webhooks.md", "python")
    monkeypatch.setenv("WEBHOOK_SECRET", WEBHOOK_SECRET)
    names: dict[str, Any] = {"__name__": "receiver"}
    exec(compile(code, "docs/webhooks.md", "exec"), names)  # noqa: S102 - it is our own document
    app: ASGIApp = names["app"]
    return app


@pytest.fixture
async def url(receiver: ASGIApp) -> AsyncIterator[str]:
    async with serving(receiver) as base_url:
        yield f"{base_url}/campaign"


def signed(secret: str = WEBHOOK_SECRET) -> dict[str, str]:
    now = int(datetime.now(UTC).timestamp())
    return signing.headers([signing.key_of(secret)], message_id="e1", timestamp=now, body=EVENT)


async def post(url: str, headers: dict[str, str]) -> int:
    async with aiohttp.ClientSession() as session, session.post(url, data=EVENT, headers=headers) as reply:
        return reply.status


async def test_it_takes_what_the_worker_sends(
    url: str, database_url: str, redis_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """PROMISE: the receiver we show verifies what we send. Breaks when signing or the body changes."""
    async with running(database_url, redis_url, receiver_url=url) as system:
        await system.create()
        rows = await system.settled(1)

    assert [(row["status"], row["httpStatus"]) for row in rows] == [("delivered", 204)]
    assert "CampaignCreated summer 1\n" in capsys.readouterr().out


async def test_it_answers_a_repeat_with_2xx_and_handles_it_once(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    statuses = [await post(url, signed()), await post(url, signed())]

    assert statuses == [204, 204]
    assert capsys.readouterr().out.count("CampaignCreated summer 1\n") == 1


async def test_it_refuses_what_another_secret_signed(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    status = await post(url, signed(secret="whsec_" + "A" * 44))

    assert status == 401
    assert capsys.readouterr().out == ""
