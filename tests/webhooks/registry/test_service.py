"""What is written about an endpoint: sealed, in turns, and as a whole, in a real PostgreSQL."""

import asyncio
from base64 import b64decode
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from famedash.infra.database import Database
from famedash.infra.errors import Conflict, NotFound
from famedash.infra.sealing import Seal, Unsealable, new_key
from famedash.webhooks import service as changes
from famedash.webhooks.registry import queries, service, store
from famedash.webhooks.registry.model import MOST_ENDPOINTS, Endpoint, Plan
from famedash.webhooks.signing import key_of
from tests.secrets import ENCRYPTION_KEY, SEAL

PLAN = Plan("https://here.test/hook", "Ours", None, (("X-Token", "opensesame"),), 8)
LONG_ENOUGH_TO_OVERTAKE = 0.3
NEW_KEY = new_key()


async def create(database: Database, plan: Plan = PLAN, workspace: str = "acme") -> tuple[Endpoint, str]:
    async with database.transaction() as tx:
        return await service.create(tx, SEAL, workspace, plan)


async def change(database: Database, endpoint_id: str, **patch: Any) -> None:
    async with database.transaction() as tx:
        await service.change(tx, SEAL, "acme", endpoint_id, patch)


async def gone(database: Database, endpoint_id: str) -> None:
    """What a worker does after a 410."""
    async with database.transaction() as tx:
        await changes.switch(tx, "acme", endpoint_id, enabled=False, reason="gone")


async def rows(database: Database, endpoint_id: str) -> list[tuple[bool, str, list[str] | None]]:
    found = await database.fetch(
        "select * from webhook_endpoint_changes where endpoint_id = $1 order by effective_at", endpoint_id
    )
    return [(row["enabled"], row["reason"], row["event_types"]) for row in found]


async def everything(database: Database) -> bytes:
    """Every row of every table, as a dump shows it."""
    tables = await database.fetch(
        "select format('%I', table_name) as name from information_schema.tables where table_schema = 'public'"
    )
    found = b""
    for table in tables:
        for row in await database.fetch(f"select * from {table['name']}"):  # noqa: S608 - ours
            found += b"\n".join(v if isinstance(v, bytes) else str(v).encode() for v in row.values())
    return found


async def test_secrets_lie_nowhere_in_clear(database: Database) -> None:
    """PROMISE: who steals the database can neither sign for us nor read a receiver's tokens."""
    endpoint, first = await create(database)
    async with database.transaction() as tx:
        second, _ = await service.rotate(tx, SEAL, "acme", endpoint.id)
    await change(database, endpoint.id, headers=(("X-Token", "opensesame"), ("X-More", "tapioka")))

    dump = await everything(database)

    assert b"https://here.test/hook" in dump
    for secret in (first, second):
        assert secret.encode() not in dump
        assert secret.removeprefix("whsec_").encode() not in dump
        assert key_of(secret) not in dump
        assert b64decode(secret.removeprefix("whsec_")).hex().encode() not in dump
    assert b"opensesame" not in dump
    assert b"tapioka" not in dump


async def test_a_deleted_endpoint_leaves_no_secret_behind(database: Database) -> None:
    endpoint, _ = await create(database)
    async with database.transaction() as tx:
        await service.rotate(tx, SEAL, "acme", endpoint.id)
    async with database.transaction() as tx:
        await service.delete(tx, "acme", endpoint.id)

    row = await database.fetchrow("select * from webhook_endpoints")

    assert row
    assert (row["secret"], row["previous_secret"], row["headers"]) == (b"", None, None)
    assert row["deleted_at"] is not None
    assert await rows(database, endpoint.id) == [(True, "created", None), (False, "deleted", None)]


async def test_an_endpoint_and_its_first_change_are_written_together_or_not_at_all(
    database: Database,
) -> None:
    """PROMISE: there is no endpoint that nothing is ever owed to, and no change of none."""
    with suppress(RuntimeError):
        async with database.transaction() as tx:
            await service.create(tx, SEAL, "acme", PLAN)
            raise RuntimeError

    assert await database.fetchval("select count(*) from webhook_endpoints") == 0
    assert await database.fetchval("select count(*) from webhook_endpoint_changes") == 0


async def test_of_two_that_take_the_last_place_at_once_one_is_refused(database: Database) -> None:
    """Breaks without the lock: the second one would count before the first one is there."""
    for _ in range(MOST_ENDPOINTS - 1):
        await create(database)
    await create(database, workspace="rival")

    async with database.transaction() as tx:
        await service.create(tx, SEAL, "acme", PLAN)
        second = asyncio.create_task(create(database))
        await asyncio.wait([second], timeout=LONG_ENOUGH_TO_OVERTAKE)

    with pytest.raises(Conflict):
        await second


async def test_endpoints_cannot_be_switched_without_end(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PROMISE: what every batch of deliveries reads is bounded. A new description still goes."""
    monkeypatch.setattr(service, "MOST_CHANGES", 2)
    endpoint, _ = await create(database)
    await change(database, endpoint.id, enabled=False)

    with pytest.raises(Conflict):
        await change(database, endpoint.id, enabled=True)
    with pytest.raises(Conflict):
        await create(database)
    await change(database, endpoint.id, description="Off for good")
    await create(database, workspace="rival")


async def test_of_two_changes_at_once_the_second_builds_on_the_first(database: Database) -> None:
    """Breaks without the lock: the filter of the second row would not know that it was switched off."""
    endpoint, _ = await create(database)

    async with database.transaction() as tx:
        await service.change(tx, SEAL, "acme", endpoint.id, {"enabled": False})
        second = asyncio.create_task(change(database, endpoint.id, event_types=("CampaignCreated",)))
        await asyncio.wait([second], timeout=LONG_ENOUGH_TO_OVERTAKE)
    await second

    assert await rows(database, endpoint.id) == [
        (True, "created", None),
        (False, "by_request", None),
        (False, "by_request", ["CampaignCreated"]),
    ]


async def test_a_filter_given_while_it_is_off_keeps_the_reason_why_it_is_off(database: Database) -> None:
    endpoint, _ = await create(database)
    await gone(database, endpoint.id)

    await change(database, endpoint.id, event_types=("CampaignUpdated",))
    await change(database, endpoint.id, enabled=True)

    assert await rows(database, endpoint.id) == [
        (True, "created", None),
        (False, "gone", None),
        (False, "gone", ["CampaignUpdated"]),
        (True, "by_request", ["CampaignUpdated"]),
    ]


async def test_it_was_off_since_it_was_first_switched_off(database: Database) -> None:
    """Breaks if a filter given meanwhile, or an earlier time off, is taken for the beginning."""
    endpoint, _ = await create(database)
    await change(database, endpoint.id, enabled=False)
    await change(database, endpoint.id, enabled=True)
    await gone(database, endpoint.id)
    await change(database, endpoint.id, event_types=("CampaignUpdated",))

    async with database.transaction() as tx:
        since = await service.change(tx, SEAL, "acme", endpoint.id, {"enabled": True})

    times = await database.fetch("select effective_at from webhook_endpoint_changes order by effective_at")
    assert since == times[3]["effective_at"]


async def test_a_410_that_comes_after_the_deletion_changes_nothing(database: Database) -> None:
    endpoint, _ = await create(database)
    async with database.transaction() as tx:
        await service.delete(tx, "acme", endpoint.id)

    await gone(database, endpoint.id)

    assert (await rows(database, endpoint.id))[-1] == (False, "deleted", None)
    with pytest.raises(NotFound):
        await change(database, endpoint.id, enabled=True)


async def test_after_resealing_the_old_key_is_not_needed_any_more(database: Database) -> None:
    """PROMISE: secrets, those of an overlap, and headers stay what they were, under the new key alone."""
    made, secret = await create(database)
    async with database.transaction() as tx:
        newer, _ = await service.rotate(tx, SEAL, "acme", made.id)
    other, _ = await create(database, replace(PLAN, headers=()), workspace="rival")
    both, new = Seal([NEW_KEY, ENCRYPTION_KEY]), Seal([NEW_KEY])
    assert len(await queries.unopened(database, new)) == 2

    async with database.transaction() as tx:
        assert await service.reseal(tx, both) == 2

    assert await queries.unopened(database, new) == []
    (found,) = await queries.found(database, new, "acme", endpoint_id=made.id)
    assert found.plan.headers == PLAN.headers
    sealed = {one.endpoint_id: one for one in await queries.all_sealed(database)}
    ours = sealed[made.id]
    assert ours.previous_secret is not None
    assert [new.open(ours.secret), new.open(ours.previous_secret)] == [key_of(newer), key_of(secret)]
    assert (sealed[other.id].previous_secret, sealed[other.id].headers) == (None, None)


async def test_what_no_key_opens_keeps_all_as_it_was(database: Database) -> None:
    """PROMISE: a forgotten key costs nothing. Breaks if resealing stops half way."""
    await create(database)
    await create(database, workspace="rival")
    async with database.transaction() as tx:
        await tx.execute("update webhook_endpoints set secret = $1 where workspace_id = 'rival'", b"garbage")
    before = await queries.all_sealed(database)

    with pytest.raises(Unsealable):
        async with database.transaction() as tx:
            await service.reseal(tx, Seal([NEW_KEY, ENCRYPTION_KEY]))

    assert await queries.all_sealed(database) == before
    assert [one.workspace for one in await queries.unopened(database, SEAL)] == ["rival"]


async def test_a_rotation_that_comes_while_secrets_are_resealed_is_not_undone(database: Database) -> None:
    """PROMISE: nobody's new secret is overwritten by the one before it, sealed anew."""
    made, _ = await create(database)

    async def rotate() -> str:
        async with database.transaction() as tx:
            return (await service.rotate(tx, SEAL, "acme", made.id))[0]

    async with database.transaction() as tx:
        read = await queries.all_sealed(tx)
        rotating = asyncio.create_task(rotate())
        await asyncio.sleep(LONG_ENOUGH_TO_OVERTAKE)
        await store.save_sealed(tx, read)

    newer = await rotating
    (sealed,) = await queries.all_sealed(database)
    assert SEAL.open(sealed.secret) == key_of(newer)
