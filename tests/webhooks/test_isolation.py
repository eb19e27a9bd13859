"""Receivers that misbehave, each in its own way, beside one that does not: nobody pays for another."""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from tests.flow.system import System, running, until
from tests.webhooks.rows import make_endpoint
from tests.webhooks.test_sender import (
    OK,
    Behaviour,
    Receiver,
    answering,
    dripping,
    endless,
    hanging,
    receiving,
    resetting,
)

CAMPAIGNS, CHANGES = 3, 100
TIMEOUT_SECONDS = 0.6
FLOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n"
BUSY = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"
BAD: dict[str, Behaviour] = {
    "never-answers": hanging,
    "a-byte-a-second": dripping(OK),
    "resets": resetting,
    "a-gigabyte": endless(FLOOD, b"x" * 65_536),
    "too-many-requests": answering(BUSY),
}
OUTCOMES = {
    "never-answers": {"retrying": "timeout", "dead": "timeout"},
    "a-byte-a-second": {"retrying": "timeout", "dead": "timeout"},
    "resets": {"retrying": "reset", "dead": "reset"},
    "a-gigabyte": {"delivered": None},
    "too-many-requests": {"retrying": "http_4xx", "dead": "http_4xx"},
}


@asynccontextmanager
async def beside(system: System, behaviours: dict[str, Behaviour]) -> AsyncIterator[dict[str, Receiver]]:
    """An endpoint for each of these, with a cap of two."""
    async with AsyncExitStack() as stack:
        found = {}
        for name, behave in behaviours.items():
            found[name] = await stack.enter_async_context(receiving(behave))
            await make_endpoint(system.database, name, found[name].url, max_in_flight=2)
        yield found


async def write(system: System) -> int:
    """How many events."""
    names = [f"c{number}" for number in range(CAMPAIGNS)]
    for name in names:
        await system.create(name)
    for number in range(CHANGES):
        await asyncio.gather(*(system.change(name, name=f"Change {number}") for name in names))
    return CAMPAIGNS * (1 + CHANGES)


def versions(bodies: list[bytes]) -> dict[str, list[int]]:
    """Of each campaign, as they came."""
    found = defaultdict(list)
    for body in bodies:
        data = json.loads(body)["data"]
        found[data["campaignId"]].append(data["version"])
    return found


async def final(system: System, name: str) -> dict[str, Any]:
    """Status -> error class of every row of this endpoint, and how many deliveries have ended."""
    rows = await system.database.fetch(
        "select status, error_class from webhook_attempts where workspace_id = 'acme' and endpoint_id = $1",
        name,
    )
    ended = Counter(row["status"] for row in rows if row["status"] in ("delivered", "dead"))
    return {"rows": {row["status"]: row["error_class"] for row in rows}, "ended": ended.total()}


async def test_five_that_misbehave_slow_nobody_else(database_url: str, redis_url: str) -> None:
    """PROMISE: the healthy receivers have everything, in order, before a hanging one's first try is over.

    Breaks if a hanging receiver's deliveries fill the memory that all share.
    """
    async with (
        running(database_url, redis_url, workers=0, timeout_seconds=30.0) as system,
        beside(system, BAD) as bad,
        beside(system, {"healthy": answering(OK)}) as healthy,
    ):
        events = await write(system)
        await system.start_worker(stop_seconds=0.2)

        async def all_there() -> bool:
            return len(healthy["healthy"].bodies) >= events and len(system.receiver.received) >= events

        await until(all_there, 30)
        assert (await final(system, "never-answers"))["rows"] == {}
        for came in versions(healthy["healthy"].bodies).values():
            assert came == list(range(1, 2 + CHANGES))
        assert all(len(bad[name].bodies) for name in BAD)


@pytest.mark.parametrize("name", BAD)
async def test_what_becomes_of_a_bad_ones_deliveries(name: str, database_url: str, redis_url: str) -> None:
    """Every delivery ends as said, and every try is on record."""
    async with (
        running(database_url, redis_url, workers=0, timeout_seconds=TIMEOUT_SECONDS) as system,
        beside(system, {name: BAD[name]}) as bad,
    ):
        await system.create("one")
        await system.create("two")
        await system.start_worker()

        async def ended() -> bool:
            return int((await final(system, name))["ended"]) == 2

        await until(ended, 30)
        assert (await final(system, name))["rows"] == OUTCOMES[name]
        assert len(bad[name].bodies) == (2 if name == "a-gigabyte" else 6)
