"""A change and its announcement, in a real PostgreSQL."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from famedash.campaigns import events, queries, service, worker
from famedash.campaigns.model import Budget, Campaign, IllegalMove, Plan, Status
from famedash.infra.database import Database
from famedash.infra.errors import NotFound, PreconditionFailed
from famedash.outbox import service as outbox
from famedash.outbox.model import DEAD_WEBHOOKS

PAST = datetime(2020, 1, 1, tzinfo=UTC)
FUTURE = datetime(2100, 1, 1, tzinfo=UTC)


async def create(database: Database, *, id: str = "c1", workspace: str = "acme", **plan: Any) -> Campaign:
    async with database.transaction() as tx:
        return await service.create(
            tx, Plan(**{"name": "Summer", **plan}), workspace=workspace, campaign_id=id, actor="ada"
        )


async def change(database: Database, id: str = "c1", *, workspace: str = "acme", **patch: Any) -> Campaign:
    async with database.transaction() as tx:
        return await service.change(tx, workspace, id, patch, actor="bob")


async def published(database: Database, id: str = "c1", workspace: str = "acme") -> list[dict[str, Any]]:
    rows = await database.fetch(
        "select body from outbox_events where workspace_id = $1 and campaign_id = $2 order by seq",
        workspace,
        id,
    )
    return [json.loads(row["body"]) for row in rows]


async def test_a_creation_is_written_and_announced(database: Database) -> None:
    budget = Budget(Decimal("100.50"), "EUR")

    campaign = await create(
        database, budget=budget, platforms=("tiktok",), metadata={"big": 1e22, "z": 1, "a": None}
    )

    assert await queries.get(database, "acme", "c1") == campaign
    [event] = await published(database)
    assert event["type"] == "CampaignCreated"
    assert event["data"] | {"campaign": None} == {
        "workspace": "acme",
        "campaignId": "c1",
        "version": 1,
        "actor": "ada",
        "changes": {
            "name": {"from": None, "to": "Summer"},
            "status": {"from": None, "to": "draft"},
            "platforms": {"from": [], "to": ["tiktok"]},
            "budget": {"from": None, "to": {"amount": 100.5, "currency": "EUR"}},
            "metadata": {"from": {}, "to": {"big": 1e22, "z": 1, "a": None}},
        },
        "campaign": None,
    }
    assert event["data"]["campaign"]["createdAt"] == event["timestamp"]
    assert datetime.fromisoformat(event["timestamp"]) == campaign.created_at
    assert await database.fetchval("select count(*) from outbox_unpublished") == 1


async def test_a_taken_id_is_refused_and_the_first_campaign_stays(database: Database) -> None:
    await create(database, name="First")

    with pytest.raises(service.Taken):
        await create(database, name="Second")
    await create(database, name="Elsewhere", workspace="other")

    found = await queries.get(database, "acme", "c1")
    assert found is not None
    assert found.name == "First"
    assert len(await published(database)) == 1


async def test_a_change_that_fails_after_its_announcement_leaves_neither(database: Database) -> None:
    """PROMISE: the row and the event commit together or not at all.

    Breaks if either is written outside the caller's transaction.
    """
    await create(database)

    async def change_then_fail() -> None:
        async with database.transaction() as tx:
            await service.change(tx, "acme", "c1", {"name": "Autumn"}, actor="bob")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await change_then_fail()

    found = await queries.get(database, "acme", "c1")
    assert found is not None
    assert (found.name, found.version) == ("Summer", 1)
    assert len(await published(database)) == 1


async def test_a_change_tells_what_was_and_what_is(database: Database) -> None:
    await create(database, goal="reach")

    await change(database, goal="sales", starts_at=FUTURE, status=Status.SCHEDULED)

    event = (await published(database))[-1]
    assert event["type"] == "CampaignUpdated"
    assert event["data"]["actor"] == "bob"
    assert event["data"]["changes"] == {
        "status": {"from": "draft", "to": "scheduled"},
        "goal": {"from": "reach", "to": "sales"},
        "startsAt": {"from": None, "to": "2100-01-01T00:00:00Z"},
    }
    assert event["data"]["campaign"]["version"] == 2


async def test_a_patch_without_a_change_emits_nothing_and_keeps_the_version(database: Database) -> None:
    created = await create(database, goal="reach", metadata={"a": 1})

    after = await change(database, goal="reach", metadata={"a": 1, "b": None}, status=Status.DRAFT)

    assert after == created == await queries.get(database, "acme", "c1")
    assert len(await published(database)) == 1


async def test_twenty_concurrent_changes_make_twenty_versions_without_a_gap(database: Database) -> None:
    """PROMISE: versions have no gaps, and `seq`, version and time agree on the order within a campaign.

    Breaks if the row is read without its lock, or the time before the lock.
    """
    await create(database)

    await asyncio.gather(*(change(database, name=f"name {n}") for n in range(20)))

    told = await published(database)
    assert [event["data"]["version"] for event in told] == list(range(1, 22))
    assert sorted(event["timestamp"] for event in told) == [event["timestamp"] for event in told]
    names = [event["data"]["changes"]["name"] for event in told]
    assert [each["from"] for each in names[1:]] == [each["to"] for each in names[:-1]]


async def test_the_time_of_a_change_is_read_after_the_lock_was_granted(database: Database) -> None:
    await create(database)

    async with database.transaction() as other:
        await other.execute("select 1 from campaigns where workspace_id = 'acme' and id = 'c1' for update")
        waiting = asyncio.create_task(change(database, name="Autumn"))
        await asyncio.sleep(0.2)
        released: datetime = await other.fetchval("select clock_timestamp()")

    assert (await waiting).updated_at > released


async def test_a_stale_expectation_is_refused(database: Database) -> None:
    await create(database)
    await change(database, name="Autumn")

    async with database.transaction() as tx:
        with pytest.raises(PreconditionFailed):
            await service.change(tx, "acme", "c1", {}, actor="bob", expected=frozenset({1}))
        await service.change(tx, "acme", "c1", {}, actor="bob", expected=frozenset({1, 2}))


async def test_an_id_of_another_workspace_is_as_missing_as_one_that_exists_nowhere(
    database: Database,
) -> None:
    await create(database, id="theirs", workspace="other")

    details = []
    for id in ("theirs", "nowhere"):
        with pytest.raises(NotFound) as refusal:
            await change(database, id, name="Mine now")
        details.append(refusal.value.detail)
        assert await queries.get(database, "acme", id) is None
        assert await queries.history(database, "acme", id, since=0, limit=10) is None

    assert details[0] == details[1]


async def test_an_illegal_move_writes_nothing(database: Database) -> None:
    await create(database)

    with pytest.raises(IllegalMove):
        await change(database, status=Status.PAUSED, name="Autumn")

    found = await queries.get(database, "acme", "c1")
    assert found is not None
    assert (found.version, found.name) == (1, "Summer")


async def test_the_clock_moves_what_is_due_and_nothing_else(database: Database) -> None:
    plans: dict[str, dict[str, Any]] = {
        "starts": {"status": Status.SCHEDULED, "starts_at": PAST},
        "waits": {"status": Status.SCHEDULED, "starts_at": FUTURE},
        "ends": {"status": Status.ACTIVE, "ends_at": PAST},
        "runs": {"status": Status.ACTIVE, "ends_at": FUTURE},
        "paused": {"status": Status.ACTIVE, "ends_at": PAST},
        "draft": {"starts_at": PAST, "ends_at": PAST + timedelta(days=1)},
        "both": {"status": Status.SCHEDULED, "starts_at": PAST, "ends_at": PAST + timedelta(days=1)},
    }
    for id, plan in plans.items():
        await create(database, id=id, **plan)
    await change(database, "paused", status=Status.PAUSED)

    moved = await worker.move_due(database)

    rows = await database.fetch("select id, status, version from campaigns where workspace_id = 'acme'")
    assert {row["id"]: (row["status"], row["version"]) for row in rows} == {
        "starts": ("active", 2),
        "waits": ("scheduled", 1),
        "ends": ("completed", 2),
        "runs": ("active", 1),
        "paused": ("completed", 3),
        "draft": ("draft", 1),
        "both": ("completed", 3),
    }
    assert moved == 5
    assert await worker.move_due(database) == 0
    event = (await published(database, "starts"))[-1]
    assert event["data"]["actor"] == "system:clock"
    assert event["data"]["changes"] == {"status": {"from": "scheduled", "to": "active"}}


async def test_clocks_at_the_same_moment_move_each_campaign_once(database: Database) -> None:
    for n in range(30):
        await create(database, id=f"c{n}", status=Status.SCHEDULED, starts_at=PAST)

    moved = await asyncio.gather(*(worker.move_due(database, limit=7) for _ in range(4)))

    assert sum(moved) == 30
    versions = await database.fetch("select version from campaigns where workspace_id = 'acme'")
    assert {row["version"] for row in versions} == {2}


async def test_the_clock_passes_over_a_campaign_that_somebody_holds(database: Database) -> None:
    await create(database, id="held", status=Status.SCHEDULED, starts_at=PAST)
    await create(database, id="free", status=Status.SCHEDULED, starts_at=PAST)

    async with database.transaction() as other:
        await other.execute("select 1 from campaigns where workspace_id = 'acme' and id = 'held' for update")
        moved = await asyncio.wait_for(worker.move_due(database), timeout=5)

    assert moved == 1
    assert await worker.move_due(database) == 1


async def test_the_history_shows_no_deaths_of_deliveries(database: Database) -> None:
    campaign = await create(database)
    death = replace(events.created(campaign, actor="ada"), type="DeliveryDead", topic=DEAD_WEBHOOKS)
    async with database.transaction() as tx:
        await outbox.append(tx, death)

    history = await queries.history(database, "acme", "c1", since=0, limit=10)

    assert history is not None
    assert [json.loads(body)["type"] for _, body in history] == ["CampaignCreated"]


async def test_the_history_starts_after_the_version_that_was_seen(database: Database) -> None:
    await create(database)
    for n in range(3):
        await change(database, name=f"name {n}")

    history = await queries.history(database, "acme", "c1", since=1, limit=2)

    assert history is not None
    assert [version for version, _ in history] == [2, 3]
    assert [json.loads(body) for _, body in history] == (await published(database))[1:3]
    assert await queries.history(database, "acme", "c1", since=4, limit=10) == []
