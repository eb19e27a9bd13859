"""What delivery asks PostgreSQL costs what it touches, whatever the tables held when its plans were made."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from uuid import uuid4

import pytest

from famedash.infra.database import Database
from famedash.processes import deliver
from famedash.processes.settings import Settings
from famedash.webhooks import queries, store
from famedash.webhooks.model import Attempt, Delivery, Status
from famedash.webhooks.window import Row
from tests.plans import EXECUTIONS, reads, vacuum
from tests.webhooks.builders import NOON, delivery

Ask = Callable[[Database, list[Delivery]], Awaitable[object]]

TABLES = ("webhook_waiting", "webhook_attempts")
IN_THE_WAY = 5_000
FEW_READS = 200
"""A row, its index entries, and what is dead of it; a plan that reads the table is at 5,000 and more."""


@pytest.fixture
async def worker(database_url: str) -> AsyncIterator[Database]:
    """As the worker's process opens it. One question at a time goes over one connection: it keeps plans."""
    async with deliver.own_database(Settings(database_url=database_url)) as one:
        yield one


async def known(worker: Database, deliveries: list[Delivery]) -> None:
    await queries.known(worker, deliveries)


async def attempts(worker: Database, deliveries: list[Delivery]) -> None:
    tried = [Attempt(uuid4(), each, 1, Status.DELIVERED, NOON) for each in deliveries]
    async with worker.transaction() as tx:
        await store.insert_attempts(tx, tried)


async def rows(worker: Database, deliveries: list[Delivery]) -> None:
    async with worker.transaction() as tx:
        await store.write_rows(tx, [(each, Row(1, NOON)) for each in deliveries])


async def promote(worker: Database, deliveries: list[Delivery]) -> None:
    async with worker.transaction() as tx:
        await store.promote(tx, [each.lane for each in deliveries])


async def mark(worker: Database, deliveries: list[Delivery]) -> None:
    async with worker.transaction() as tx:
        await store.mark_sending(tx, deliveries)


async def drop(worker: Database, deliveries: list[Delivery]) -> None:
    async with worker.transaction() as tx:
        await store.drop_rows(tx, deliveries)


async def due(worker: Database, deliveries: list[Delivery]) -> None:
    free = {deliveries[0].endpoint: 4}
    await queries.due(worker, range(4), now=NOON + timedelta(days=1), free=free, otherwise_free=4)


async def next_due(worker: Database, _: list[Delivery]) -> None:
    await queries.next_due_at(worker, range(4), after=NOON)


async def marked(worker: Database, _: list[Delivery]) -> None:
    await queries.marked(worker, 1)


@pytest.mark.parametrize("vacuumed", [False, True], ids=["never looked at", "known to be empty"])
@pytest.mark.parametrize("ask", [known, attempts, rows, promote, mark, drop, due, next_due, marked])
async def test_a_plan_that_was_made_on_empty_tables_reads_no_more_when_they_fill(
    worker: Database, ask: Ask, vacuumed: bool
) -> None:
    """PROMISE: an endpoint that hangs fills the table of waiting rows, and slows nobody else.

    Breaks if a plan scans a table, or joins by hashing it: cheapest while it is empty, kept when it is full.
    """
    if vacuumed:
        await vacuum(worker, *TABLES)
    for _ in range(EXECUTIONS):
        await ask(worker, [delivery()])
    await _fill(worker)

    before = await reads(worker, *TABLES)
    await ask(worker, [delivery()])
    assert await reads(worker, *TABLES) - before < FEW_READS


async def test_reads_are_counted(worker: Database) -> None:
    """Breaks if the count that the others are judged by stays where it is."""
    await _fill(worker)
    before = await reads(worker, *TABLES)

    await worker.fetch("select count(distinct tries) from webhook_waiting")

    assert await reads(worker, *TABLES) - before >= IN_THE_WAY


async def _fill(worker: Database) -> None:
    """Other campaigns' rows that wait for the same endpoint, and what was delivered to it before."""
    async with worker.transaction() as tx:
        await tx.execute(
            """
            insert into webhook_waiting
                (workspace_id, campaign_id, endpoint_id, version, event_id, event_type, occurred_at,
                 partition, tries, due_at, body)
            select 'acme', 'c' || number, 'default', 1, uuidv7(), 'CampaignUpdated', $1::timestamptz,
                   number % 4, 1, $1::timestamptz + interval '1 hour', '{}'
            from generate_series(1, $2::int) number
            """,
            NOON,
            IN_THE_WAY,
        )
        await tx.execute(
            """
            insert into webhook_attempts
                (workspace_id, id, event_id, event_type, campaign_id, version, endpoint_id, attempt, status,
                 attempted_at)
            select 'acme', uuidv7(), uuidv7(), 'CampaignUpdated', 'c' || number, 1, 'default', 1, 'delivered',
                   $1::timestamptz
            from generate_series(1, $2::int) number
            """,
            NOON,
            IN_THE_WAY,
        )
