"""`history` against the real API."""

import asyncio
from collections.abc import AsyncIterator
from urllib.error import HTTPError

import pytest

from famedash import receiver
from famedash.receiver import history
from tests.flow.system import System, running


@pytest.fixture
async def system(database_url: str, redis_url: str) -> AsyncIterator[System]:
    async with running(database_url, redis_url, workers=0) as system:
        yield system


@pytest.mark.parametrize("page", [1, 2, 3, 1000])
async def test_it_brings_every_event_after_a_version_whatever_the_page(
    system: System, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver, "PAGE", page)
    await system.create("summer")
    for version in (2, 3, 4):
        await system.change(goal=f"goal {version}")
    fetch = history(system.api.base_url + "/", system.api.token)

    found = await asyncio.to_thread(fetch, "summer", 1)

    assert [item["data"]["version"] for item in found] == [2, 3, 4]
    assert await asyncio.to_thread(fetch, "summer", 4) == []


async def test_an_answer_that_is_none_is_an_error(system: System) -> None:
    """PROMISE: no history is never taken for an empty one."""
    with pytest.raises(HTTPError, match="404"):
        await asyncio.to_thread(history(system.api.base_url, system.api.token), "nobody/knows?", 0)
    with pytest.raises(HTTPError, match="401"):
        await asyncio.to_thread(history(system.api.base_url, "no token"), "summer", 0)
