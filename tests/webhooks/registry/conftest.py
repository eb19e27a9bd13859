"""The API without workers, and a receiver that keeps what comes."""

from collections.abc import AsyncIterator

import pytest

from tests.campaigns.api import Api
from tests.flow.system import System, running
from tests.webhooks.registry.hooks import Hook, open_hook


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    async with open_hook() as hook:
        yield hook


@pytest.fixture
async def system(database_url: str, redis_url: str) -> AsyncIterator[System]:
    async with running(database_url, redis_url, workers=0) as system:
        yield system


@pytest.fixture
async def api(system: System) -> Api:
    return system.api
