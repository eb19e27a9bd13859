"""The tend loop itself, against the real servers: what the clock asks for happens, and it ends when asked."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from famedash.campaigns import queries, service
from famedash.campaigns.model import Campaign, Plan, Status
from famedash.infra.database import Database
from famedash.infra.log.fence import move, standings
from famedash.infra.log.model import Move, Position
from famedash.infra.log.ownership import Ownership
from famedash.infra.log.redis_log import RedisLog, stream_key
from famedash.infra.loop import Stop
from famedash.processes import tend as tend_module
from famedash.processes.tend import EVENTS_KEPT_SECONDS, tend
from famedash.webhooks.service import READER
from tests.flow.system import until


@asynccontextmanager
async def tending(database: Database, redis: Redis) -> AsyncIterator[asyncio.Task[None]]:
    """The loop as a task; asked to stop at the end, and then it must end soon."""
    stop = Stop()
    task = asyncio.create_task(tend(database, RedisLog(redis, "events"), stop, dedupe_days=7))
    yield task
    stop.ask()
    await asyncio.wait_for(task, 3)


async def scheduled(database: Database, *, starts_in: float, ends_in: float) -> Campaign:
    async with database.transaction() as tx:
        now = await tx.now()
        plan = Plan(
            name="Summer",
            status=Status.SCHEDULED,
            starts_at=now + timedelta(seconds=starts_in),
            ends_at=now + timedelta(seconds=ends_in),
        )
        return await service.create(tx, plan, workspace="acme", campaign_id="summer", actor="ada")


async def now_is(database: Database, status: Status) -> Campaign:
    """The campaign once it has come so far."""
    found: list[Campaign] = []

    async def there() -> bool:
        campaign = await queries.get(database, "acme", "summer")
        assert campaign
        found[:] = [campaign]
        return campaign.status == status

    await until(there)
    return found[0]


async def actors(database: Database) -> list[str]:
    rows = await database.fetch(
        "select convert_from(body, 'UTF8')::jsonb #>> '{data,actor}' as actor from outbox_events"
        " where workspace_id = $1 order by version",
        "acme",
    )
    return [row["actor"] for row in rows]


async def test_a_campaign_becomes_active_at_its_start_and_completed_at_its_end(
    database: Database, redis: Redis
) -> None:
    """PROMISE: nobody has to press a button. Breaks if the loop runs only once, or only one of its steps."""
    planned = await scheduled(database, starts_in=0.6, ends_in=2.2)
    assert planned.starts_at
    assert planned.ends_at

    async with tending(database, redis):
        active = await now_is(database, Status.ACTIVE)
        completed = await now_is(database, Status.COMPLETED)

    assert (active.version, completed.version) == (2, 3)
    assert planned.starts_at <= active.updated_at < planned.ends_at <= completed.updated_at
    assert await actors(database) == ["ada", "system:clock", "system:clock"]


async def test_what_was_due_while_nobody_tended_happens_at_once(database: Database, redis: Redis) -> None:
    await scheduled(database, starts_in=0.01, ends_in=0.02)
    await asyncio.sleep(0.05)

    async with tending(database, redis):
        completed = await now_is(database, Status.COMPLETED)

    assert completed.version == 3


async def test_two_loops_move_a_campaign_once(database: Database, redis: Redis) -> None:
    await scheduled(database, starts_in=0.3, ends_in=60)

    async with tending(database, redis), tending(database, redis):
        await now_is(database, Status.ACTIVE)
        await asyncio.sleep(tend_module.CLOCK_SECONDS + 0.2)

    assert await actors(database) == ["ada", "system:clock"]


async def test_it_ends_when_asked_in_the_middle_of_its_longest_pause(
    database: Database, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tend_module, "CLOCK_SECONDS", 60.0)

    async with tending(database, redis) as task:
        await asyncio.sleep(0.3)
        assert not task.done()

    assert task.done()
    assert task.exception() is None


async def test_housekeeping_drops_old_keys_and_trims_what_was_read(database: Database, redis: Redis) -> None:
    old_ms = int((time.time() - EVENTS_KEPT_SECONDS - 60) * 1000)
    for entry in (f"{old_ms}-0", f"{old_ms}-1", "*"):
        await redis.xadd(stream_key("events", 3), {"data": b"x"}, id=entry)
    await _stand_at_the_end(database, redis, partition=3)
    await database.fetchval(
        "insert into idempotency_keys (workspace_id, key, fingerprint, created_at)"
        " values ('acme', 'old', '', now() - interval '25 hours'), ('acme', 'young', '', now())"
        " returning true"
    )

    async with tending(database, redis):
        await until(lambda: _is(redis.xlen(stream_key("events", 3)), 1))

    keys = await database.fetch("select key from idempotency_keys where workspace_id = 'acme'")
    assert [row["key"] for row in keys] == ["young"]


async def _stand_at_the_end(database: Database, redis: Redis, *, partition: int) -> None:
    ((last, _),) = await redis.xrevrange(stream_key("events", partition), count=1)
    await Ownership(database, READER).renew()
    standing = (await standings(database, READER, [partition]))[partition]
    async with database.transaction() as tx:
        await move(tx, READER, [Move(standing, Position(last.decode()))], uuid4())


async def _is(found: Any, expected: object) -> bool:
    return bool(await found == expected)
