"""What delivery writes: an endpoint that is switched, a new address, a row that may go; real PostgreSQL."""

import asyncio
from datetime import timedelta

from famedash.infra.database import Database
from famedash.webhooks import service, store
from famedash.webhooks.model import DEFAULT_ENDPOINT
from famedash.webhooks.registry import queries
from famedash.webhooks.window import Row
from tests.webhooks.builders import NOON, delivery

HERE, THERE = "http://here.test/hook", "http://there.test/hook"
LONG_ENOUGH_TO_OVERTAKE = 0.3


async def follow(database: Database, url: str) -> int:
    async with database.transaction() as tx:
        return await service.follow_url(tx, url)


async def switch(
    database: Database, *, enabled: bool, workspace: str = "acme", endpoint_id: str = DEFAULT_ENDPOINT
) -> bool:
    async with database.transaction() as tx:
        return await service.switch(tx, workspace, endpoint_id, enabled=enabled, reason="by_request")


async def state(
    database: Database, workspace: str = "acme", endpoint_id: str = DEFAULT_ENDPOINT
) -> tuple[bool, str] | None:
    newest = await queries.newest_change(database, workspace, endpoint_id)
    return (newest["enabled"], newest["reason"]) if newest else None


async def changes(database: Database) -> int:
    return int(await database.fetchval("select count(*) from webhook_endpoint_changes"))


async def test_the_first_address_enables_nothing(database: Database) -> None:
    """Breaks if a start with a fresh setting counts as a new address: what somebody switched off goes on."""
    await switch(database, enabled=False)

    assert await follow(database, HERE) == 0
    assert await state(database) == (False, "by_request")


async def test_the_same_address_again_enables_nothing(database: Database) -> None:
    """PROMISE: a restart does not switch on what was switched off."""
    await follow(database, HERE)
    await switch(database, enabled=False)

    assert await follow(database, HERE) == 0
    assert await state(database) == (False, "by_request")


async def test_a_new_address_enables_it_again_wherever_it_was_off(database: Database) -> None:
    await follow(database, HERE)
    await switch(database, enabled=False, workspace="acme")
    await switch(database, enabled=False, workspace="rival")
    await switch(database, enabled=False, workspace="undecided")
    await switch(database, enabled=True, workspace="undecided")

    assert await follow(database, THERE) == 2
    assert await state(database, "acme") == (True, "url_changed")
    assert await state(database, "rival") == (True, "url_changed")
    assert await state(database, "undecided") == (True, "by_request")
    assert await state(database, "elsewhere") is None


async def test_a_new_address_is_new_only_once(database: Database) -> None:
    await follow(database, HERE)
    await switch(database, enabled=False)
    await follow(database, THERE)
    await switch(database, enabled=False)

    assert await follow(database, THERE) == 0
    assert await state(database) == (False, "by_request")


async def test_workers_that_start_together_enable_it_once(database: Database) -> None:
    await follow(database, HERE)
    await switch(database, enabled=False)

    async with database.transaction() as tx:
        first = await service.follow_url(tx, THERE)
        second = asyncio.create_task(follow(database, THERE))
        await asyncio.wait([second], timeout=LONG_ENOUGH_TO_OVERTAKE)

    assert (first, await second) == (1, 0)
    assert await changes(database) == 2


async def test_only_default_follows_the_address(database: Database) -> None:
    await follow(database, HERE)
    await switch(database, enabled=False, endpoint_id="other")

    assert await follow(database, THERE) == 0
    assert await state(database, endpoint_id="other") == (False, "by_request")


async def test_to_switch_it_to_what_it_is_writes_nothing(database: Database) -> None:
    assert not await switch(database, enabled=True)
    assert await switch(database, enabled=False)
    assert not await switch(database, enabled=False)
    assert await changes(database) == 1


async def test_of_two_switches_at_once_one_is_written(database: Database) -> None:
    """Breaks without the lock: the second one would not see the first and write a row of its own."""
    async with database.transaction() as tx:
        first = await service.switch(tx, "acme", DEFAULT_ENDPOINT, enabled=False, reason="gone")
        second = asyncio.create_task(switch(database, enabled=False))
        await asyncio.wait([second], timeout=LONG_ENOUGH_TO_OVERTAKE)

    assert (first, await second) == (True, False)
    assert await changes(database) == 1
    assert await state(database) == (False, "gone")


async def test_switches_of_different_workspaces_do_not_wait_for_each_other(database: Database) -> None:
    async with database.transaction() as tx:
        await service.switch(tx, "acme", DEFAULT_ENDPOINT, enabled=False, reason="gone")
        async with asyncio.timeout(2):
            assert await switch(database, enabled=False, workspace="rival")


async def test_an_event_from_the_future_holds_up_nobody(database: Database) -> None:
    """PROMISE: a poison entry never stops its lane. Breaks if a row is due when its event says."""
    poison = delivery(occurred_at=NOON + timedelta(days=300_000))
    async with database.transaction() as tx:
        await store.write_rows(tx, [(poison, Row(0))])
        await store.promote(tx, [poison.lane])

    assert await database.fetchval("select due_at <= clock_timestamp() from webhook_waiting")
