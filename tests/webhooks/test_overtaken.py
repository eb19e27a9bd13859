"""Answers of the database that come late: what they say may be over by then; real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from famedash.infra.database import Database
from famedash.infra.ids import uuid7
from famedash.infra.loop import Stop
from famedash.webhooks import queries, store
from famedash.webhooks import worker as worker_module
from famedash.webhooks.endpoints import Endpoints
from famedash.webhooks.model import Event
from famedash.webhooks.sender import open_sender
from famedash.webhooks.settings import WebhookSettings
from famedash.webhooks.window import Row
from famedash.webhooks.worker import Deliverer
from tests.secrets import SEAL
from tests.webhooks.builders import NOON, delivery
from tests.webhooks.rows import make_endpoint
from tests.webhooks.test_sender import AMPLE_SECONDS
from tests.webhooks.test_service import LONG_ENOUGH_TO_OVERTAKE

HERE = "http://127.0.0.1:9/hook"


class Overtaken(Database):
    """Its first answer is held back until `meanwhile` is over."""

    def __init__(self, database: Database, meanwhile: Callable[[], Awaitable[object]]) -> None:
        super().__init__(database.pool)
        self.meanwhile = meanwhile
        self.late: list[Any] | None = None

    async def fetch(self, sql: str, *values: object) -> list[Any]:
        found = await super().fetch(sql, *values)
        if self.late is None:
            self.late = found
            await self.meanwhile()
        return found


@pytest.fixture
async def deliverer(database: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Deliverer]:
    """A worker that holds every partition and does nothing by itself but write down."""
    monkeypatch.setattr(worker_module, "RENEW_SECONDS", 0.0)
    async with open_sender(timeout_seconds=AMPLE_SECONDS) as sender:
        log: Any = None  # not read here
        one = Deliverer(database, log, sender, WebhookSettings(HERE, ()), SEAL)
        writing = asyncio.create_task(one.recorder.run())
        await one._renew()
        yield one
        writing.cancel()


async def test_of_two_readings_of_the_endpoints_the_newer_one_stays(database: Database) -> None:
    """PROMISE: an endpoint that is known is not forgotten: its events would never be sent.

    Breaks if two batches may read at once, and the answer that was asked for first comes last.
    """
    endpoints = Endpoints(WebhookSettings("", ()), SEAL)
    newer: list[asyncio.Task[None]] = []

    async def meanwhile() -> None:
        await make_endpoint(database, "ep_1", HERE)
        newer.append(asyncio.create_task(endpoints.refresh(database, ["acme"])))
        await asyncio.wait(newer, timeout=LONG_ENOUGH_TO_OVERTAKE)

    older = Overtaken(database, meanwhile)
    await endpoints.refresh(older, ["acme"])
    await newer[0]

    event = Event("acme", "summer", 1, uuid7(), "CampaignUpdated", datetime.now(UTC), 0, b"{}")
    assert older.late == []
    assert [owed.endpoint_id for owed in endpoints.owing(event)] == ["ep_1"]


@pytest.mark.parametrize("taken_again", [False, True], ids=["lost", "lost and taken again"])
async def test_a_row_that_was_fetched_in_one_hold_is_not_started_in_the_next(
    taken_again: bool, database: Database, deliverer: Deliverer
) -> None:
    """PROMISE: what another owner may have sent meanwhile is not sent from what was read before.

    Breaks if the window is looked up after the query: there may be none, or a new one.
    """
    row = delivery(partition=0)
    async with database.transaction() as tx:
        await store.write_rows(tx, [(row, Row(1, NOON - timedelta(days=365)))])
    old = deliverer.windows[0]
    old.ready = True

    async def meanwhile() -> None:
        deliverer._lose(old)
        if taken_again:
            await deliverer._renew()
            deliverer.windows[0].ready = True

    late = deliverer.database = Overtaken(database, meanwhile)
    stop = Stop()
    stop.ask()
    await deliverer._fetch_due(stop)

    assert [found["event_id"] for found in late.late or ()] == [row.event_id]
    assert (0 in deliverer.windows, old.closed) == (taken_again, True)
    assert deliverer.lanes.endpoints == {}
    assert await queries.marked(database, 0) == []
