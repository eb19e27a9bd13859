"""A running system for the samples."""

from collections.abc import AsyncIterator

import pytest

from tests.flow.system import System, running


@pytest.fixture
async def system(database_url: str, redis_url: str) -> AsyncIterator[System]:
    async with running(database_url, redis_url) as system:
        yield system
