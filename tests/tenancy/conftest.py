"""A workspace that has something in every list."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from famedash.metrics import queries
from famedash.metrics.windows import HOUR, floor
from famedash.practice.receiver import Behaviour
from tests.flow.system import System, running
from tests.metrics.builders import Tagged, tag
from tests.performers.loads import Post, load, text_of


@pytest.fixture
async def system_with_a_death(database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[System]:
    async with running(database_url, redis_url, backoff_seconds=0.01) as system:
        system.receiver.behaviour = Behaviour(then=500)
        await system.create()
        await system.settled(1)
        await tag(system.database, Tagged("trail", floor(await queries.now(system.database), HOUR), 50))
        await load(system.database, tmp_path, text_of([Post("trail", "mia", 100, 4)]))
        await system.api.post({"title": "Voice", "text": "We speak plainly."}, path="/knowledge")
        asked = {"brand": "Lumi", "product": "Serum", "goal": "Sell", "platform": "x"}
        await system.api.post(asked, path="/generate-brief")
        await system.api.post({"url": "http://127.0.0.1:9/hook"}, path="/webhook-endpoints")
        yield system
