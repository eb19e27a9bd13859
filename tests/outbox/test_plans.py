"""What the relay asks PostgreSQL costs what it publishes, whatever the tables held when it was planned."""

from collections.abc import AsyncIterator

import pytest

from famedash.infra.database import Database
from famedash.outbox import service
from famedash.processes import relay as process
from famedash.processes.settings import Settings
from tests.plans import EXECUTIONS, reads, vacuum

TABLES = ("outbox_events", "outbox_unpublished")
EVENTS, BATCH = 5_000, 10
FEW_READS = 200


@pytest.fixture
async def relay(database_url: str) -> AsyncIterator[Database]:
    """As the relay's process opens it. One question at a time goes over one connection, which keeps plans."""
    async with process.own_database(Settings(database_url=database_url)) as one:
        yield one


@pytest.mark.parametrize("vacuumed", [False, True], ids=["never looked at", "known to be empty"])
async def test_a_relay_that_waited_long_publishes_a_burst_batch_by_batch(
    relay: Database, vacuumed: bool
) -> None:
    """PROMISE: the first load of a new installation, and the first after an outage of Redis, is not the
    square of its size. Breaks if a batch reads all that was ever announced, or all that waits.
    """
    if vacuumed:
        await vacuum(relay, *TABLES)
    for _ in range(EXECUTIONS):
        assert await service.unpublished(relay, limit=BATCH, limit_bytes=1_000_000) == []
        await service.forget(relay, [1])
    await _announce(relay)

    before = await reads(relay, *TABLES)
    batch = await service.unpublished(relay, limit=BATCH, limit_bytes=1_000_000)
    await service.forget(relay, [event.seq for event in batch])

    assert len(batch) == BATCH
    assert await reads(relay, *TABLES) - before < FEW_READS


async def _announce(relay: Database) -> None:
    async with relay.transaction() as tx:
        await tx.execute(
            """
            with event as (
                insert into outbox_events
                    (workspace_id, campaign_id, version, event_id, type, topic, partition, body, occurred_at)
                select 'acme', 'c' || number, 1, uuidv7(), 'CampaignCreated', 'events', 0, '{}', now()
                from generate_series(1, $1::int) number
                returning seq
            )
            insert into outbox_unpublished (seq) select seq from event
            """,
            EVENTS,
        )
