"""Versions that were lost on the way are found and sent again; what is only late is left alone."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from famedash.infra import telemetry
from famedash.infra.database import Database
from famedash.infra.ids import uuid7
from famedash.infra.log.partitions import partition_of
from famedash.infra.log.redis_log import RedisLog, stream_key
from famedash.infra.loop import Stop
from famedash.outbox import service as outbox
from famedash.outbox.model import EVENTS, DomainEvent
from famedash.practice.receiver import Behaviour
from famedash.processes import tend as tend_module
from famedash.webhooks import store
from famedash.webhooks.model import Attempt, Change, Event, Status
from famedash.webhooks.reconcile.model import Candidate, Horizon, Span, follow, unsettled
from famedash.webhooks.reconcile.worker import Reconciler
from famedash.webhooks.window import Row
from tests.flow.system import System, running, until
from tests.webhooks.builders import NOON, answer, delivery
from tests.webhooks.rows import make_endpoint
from tests.webhooks.test_sender import OK, answering, receiving

KEY = stream_key("events", partition_of("acme", "summer"))
SECOND = timedelta(seconds=1)


def reconciler(database: Database, redis: Redis, **more: Any) -> Reconciler:
    more = {"default_points_somewhere": True, "margin_seconds": 0.0, **more}
    return Reconciler(database, RedisLog(redis, EVENTS), **more)


async def looks(one: Reconciler, times: int = 8, *, with_one_open: bool = False) -> None:
    """More than a whole round takes, where nothing of this test (`with_one_open`) keeps it from judging."""
    await one.look()
    if not with_one_open:
        await until(partial(_have_ended, one.database, await _begun(one.database)))
    for _ in range(times - 1):
        await one.look()
        await asyncio.sleep(0.002)  # the broker's clock counts in milliseconds


async def _begun(database: Database) -> int:
    return int(await database.fetchval("select pg_snapshot_xmax(pg_current_snapshot())::text::bigint"))


async def _have_ended(database: Database, begun: int) -> bool:
    """Every transaction of this server begun before: tests beside us have databases of their own on it."""
    oldest = await database.fetchval("select pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
    return int(oldest) >= begun


async def looking_until(one: Reconciler, condition: Callable[[], Awaitable[bool]]) -> None:
    async def there() -> bool:
        await one.look()
        return await condition()

    await until(there)


async def proven(database: Database) -> int:
    return int(await database.fetchval("select seq from webhook_reconciliation"))


async def newest(database: Database) -> int:
    return int(await database.fetchval("select max(seq) from outbox_events"))


async def everything_is_proven(database: Database) -> bool:
    return await proven(database) == await newest(database)


async def unpublished(database: Database) -> list[int]:
    return [row["seq"] for row in await database.fetch("select seq from outbox_unpublished order by seq")]


async def is_published(database: Database) -> bool:
    return await unpublished(database) == []


def gauges() -> tuple[float, float]:
    """(How many versions are undelivered, the age of the oldest in seconds)."""
    page = telemetry.exposition().decode()
    names = ("famedash_undelivered_versions", "famedash_undelivered_oldest_seconds")
    values = [re.search(rf"^{name} (\S+)$", page, re.MULTILINE) for name in names]
    return tuple(float(value[1]) for value in values if value)  # type: ignore[return-value]


def happened(version: int = 1, **more: Any) -> DomainEvent:
    event = DomainEvent(uuid7(), "CampaignUpdated", NOON - timedelta(days=365), "acme", "summer", version, {})
    return replace(event, **more)


async def announce(database: Database, *events: DomainEvent) -> None:
    async with database.transaction() as tx:
        await outbox.append_all(tx, events)


async def lose(database: Database) -> None:
    """What a relay does whose broker then forgets everything."""
    await outbox.forget(database, await unpublished(database))


async def announce_and_lose(database: Database, *events: DomainEvent) -> None:
    await announce(database, *events)
    await lose(database)


async def tried(database: Database, event: DomainEvent, status: Status, endpoint_id: str = "default") -> None:
    owed = delivery(event.version, event_id=event.id, endpoint_id=endpoint_id)
    async with database.transaction() as tx:
        await store.insert_attempts(tx, [Attempt(uuid7(), owed, 1, status, NOON, answer(200))])


async def waits(database: Database, event: DomainEvent) -> None:
    async with database.transaction() as tx:
        await store.write_rows(tx, [(delivery(event.version, event_id=event.id), Row(1, NOON))])


# --- through the whole system


@asynccontextmanager
async def without_worker(database_url: str, redis_url: str, **more: Any) -> AsyncIterator[System]:
    """Three versions of one campaign stand in the log, unread."""
    async with running(database_url, redis_url, workers=0, **more) as system:
        await system.create()
        await system.change(name="Second")
        await system.change(name="Third")
        await until(lambda: is_published(system.database))
        yield system


async def lose_an_entry(redis: Redis) -> None:
    await redis.xdel(KEY, (await redis.xrange(KEY))[1][0])


async def lose_the_stream(redis: Redis) -> None:
    await redis.delete(KEY)


@pytest.mark.parametrize(("loss", "lost"), [(lose_an_entry, [2]), (lose_the_stream, [1, 2, 3])])
async def test_what_the_broker_lost_is_noticed_and_delivered_once(
    database_url: str, redis_url: str, loss: Callable[[Redis], Awaitable[None]], lost: list[int]
) -> None:
    """PROMISE: an event whose change was committed is delivered, whatever the broker forgets.

    Breaks if only the log decides what is delivered.
    """
    async with without_worker(database_url, redis_url) as system:
        one = reconciler(system.database, system.redis)
        await loss(system.redis)
        await system.start_worker()

        async def told_of() -> bool:
            return bool(one.held)

        with capture_logs() as logs:
            await looking_until(one, told_of)
        noticed = gauges()
        await looking_until(one, lambda: everything_is_proven(system.database))

        told = [entry["version"] for entry in logs if entry["event"] == "webhooks.undelivered"]
        assert told == lost
        assert noticed[0] == len(lost)
        assert noticed[1] > 0
        assert gauges() == (0, 0)
        assert sorted(system.received()) == [1, 2, 3]
        assert [row["status"] for row in await system.logs()] == ["delivered"] * 3


async def test_nothing_is_sent_again_while_the_worker_is_only_away(database_url: str, redis_url: str) -> None:
    """PROMISE: late is not lost. Breaks if the age of an event alone makes it suspect."""
    async with without_worker(database_url, redis_url) as system:
        one = reconciler(system.database, system.redis)
        await looks(one)
        before = (await proven(system.database), dict(one.held), await system.redis.xlen(KEY))

        await system.start_worker()
        await looking_until(one, lambda: everything_is_proven(system.database))

        assert before == (0, {}, 3)
        assert await system.redis.xlen(KEY) == 3
        assert system.received() == [1, 2, 3]


async def test_what_waits_for_its_next_try_is_in_good_hands(database_url: str, redis_url: str) -> None:
    """Breaks if only attempts count: a back-off of minutes would be a loss."""
    async with without_worker(database_url, redis_url, backoff_seconds=600) as system:
        one = reconciler(system.database, system.redis)
        system.receiver.behaviour = Behaviour(then=500)
        await system.start_worker()

        await looking_until(one, lambda: everything_is_proven(system.database))

        assert await system.redis.xlen(KEY) == 3
        assert [status for _, status in system.posts()] == [500]


async def test_only_the_endpoint_that_missed_it_gets_it(database_url: str, redis_url: str) -> None:
    async with (
        running(database_url, redis_url) as system,
        receiving(answering(OK)) as other,
    ):
        one = reconciler(system.database, system.redis)
        await system.create()
        await system.settled(1)
        await make_endpoint(system.database, "other", other.url)

        await looking_until(one, lambda: everything_is_proven(system.database))

        rows = [(row["endpointId"], row["status"]) for row in await system.logs()]
        assert rows == [("default", "delivered"), ("other", "delivered")]
        assert system.received() == [1]


async def test_tend_reconciles(database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tend_module, "Reconciler", partial(Reconciler, margin_seconds=0.0))
    monkeypatch.setattr(tend_module, "RECONCILIATION_SECONDS", 0.02)
    async with without_worker(database_url, redis_url) as system:
        await lose_an_entry(system.redis)
        await system.start_worker()
        stop, log = Stop(), RedisLog(system.redis, EVENTS)
        tending = asyncio.create_task(
            tend_module.tend(system.database, log, stop, dedupe_days=7, webhook_url="http://somewhere.test")
        )

        await until(lambda: everything_is_proven(system.database))
        stop.ask()
        await tending

        assert sorted(system.received()) == [1, 2, 3]


# --- what may be judged


async def test_what_the_relay_has_not_published_is_not_judged(database: Database, redis: Redis) -> None:
    """Breaks if a relay that is away makes every event look lost."""
    one = reconciler(database, redis)
    await announce(database, happened())

    await looks(one)
    before = (await proven(database), dict(one.held))
    await lose(database)
    await looks(one)

    assert before == (0, {})
    assert await unpublished(database) == [1]


async def test_it_waits_for_the_margin_after_the_publication(database: Database, redis: Redis) -> None:
    """Breaks if two clocks that differ can make an unread event look read."""
    await announce_and_lose(database, happened())

    patient, hasty = reconciler(database, redis, margin_seconds=3600), reconciler(database, redis)
    await looks(patient)
    waiting = dict(patient.held)
    await patient.lease.release()
    await looks(hasty)

    assert waiting == {}
    assert list(hasty.held) == [1]


async def test_nothing_is_judged_while_the_broker_is_away(database: Database, redis: Redis) -> None:
    await announce_and_lose(database, happened())
    away = Redis.from_url("redis://127.0.0.1:1")
    one = reconciler(database, away)

    await looks(one)

    assert (one.held, await proven(database)) == ({}, 0)


async def test_the_proof_never_passes_a_version_that_is_not_committed_yet(
    database: Database, redis: Redis
) -> None:
    """PROMISE: no version is left out. Breaks if a later commit may hide behind a proven seq."""
    one = reconciler(database, redis)
    async with database.transaction() as slow:
        await outbox.append(slow, happened(1))
        await announce_and_lose(database, happened(1, campaign_id="winter"))
        await looks(one, with_one_open=True)
        before = (await proven(database), dict(one.held))
    await lose(database)
    await looks(one)

    assert before == (0, {})
    assert sorted(one.held) == [1, 2]


# --- what is judged, and what follows


@pytest.mark.parametrize("status", [Status.DELIVERED, Status.DEAD, Status.EXPIRED])
async def test_a_final_attempt_is_proof(database: Database, redis: Redis, status: Status) -> None:
    event = happened()
    await announce_and_lose(database, event)
    await tried(database, event, status)

    await looks(reconciler(database, redis))

    assert (await proven(database), await unpublished(database)) == (1, [])


@pytest.mark.parametrize("status", [Status.RETRYING, Status.INTERRUPTED])
async def test_any_other_attempt_needs_a_waiting_row(
    database: Database, redis: Redis, status: Status
) -> None:
    event = happened()
    await announce_and_lose(database, event)
    await tried(database, event, status)

    one = reconciler(database, redis)
    await looks(one)
    before = (await proven(database), await unpublished(database))
    await lose(database)
    await waits(database, event)
    await looks(one)

    assert before == (0, [1])
    assert (await proven(database), await unpublished(database)) == (1, [])


async def test_of_two_endpoints_only_the_one_without_an_outcome_is_told(
    database: Database, redis: Redis
) -> None:
    event = happened(occurred_at=await database.fetchval("select now()"))
    await make_endpoint(database, "other", "https://other.test")
    await announce_and_lose(database, event)
    await tried(database, event, Status.DELIVERED, "default")

    with capture_logs() as logs:
        await looks(reconciler(database, redis))

    assert [(entry["endpoint"], entry["version"]) for entry in logs] == [("other", 1)]


async def test_a_dead_letters_event_is_owed_to_nobody(database: Database, redis: Redis) -> None:
    """Breaks if what travels on another stream counts: it would be published for ever."""
    await announce_and_lose(database, happened(topic="dead:webhooks"))

    await looks(reconciler(database, redis))

    assert (await proven(database), await unpublished(database)) == (1, [])


async def test_where_default_points_nowhere_nothing_is_owed_to_it(database: Database, redis: Redis) -> None:
    await announce_and_lose(database, happened())

    await looks(reconciler(database, redis, default_points_somewhere=False))

    assert (await proven(database), await unpublished(database)) == (1, [])


@pytest.mark.parametrize(("again_seconds", "repaired"), [(3600, []), (0, [1])])
async def test_a_repair_is_not_repeated_at_once(
    database: Database, redis: Redis, again_seconds: float, repaired: list[int]
) -> None:
    """Breaks if a version that nobody can settle is published at every look, or never again."""
    await announce_and_lose(database, happened())
    one = reconciler(database, redis, again_seconds=again_seconds)
    await looks(one)
    assert await unpublished(database) == [1]

    await lose(database)
    await looks(one)

    assert await unpublished(database) == repaired
    assert list(one.held) == [1]


async def test_the_proof_stands_before_the_first_lost_version_and_goes_on_behind_it(
    database: Database, redis: Redis
) -> None:
    """PROMISE: a loss that is known is not forgotten with the process that knew it."""
    lost, fine, newer = happened(1), happened(2), happened(3)
    await announce_and_lose(database, fine, lost, newer)
    await tried(database, fine, Status.DELIVERED)
    await tried(database, newer, Status.DELIVERED)

    first = reconciler(database, redis)
    await looks(first)
    found = (await proven(database), await unpublished(database))
    await lose(database)
    await first.lease.release()
    second = reconciler(database, redis)
    await looks(second)
    found_again = (await proven(database), await unpublished(database))
    await lose(database)
    await tried(database, lost, Status.DELIVERED)
    await looks(second)

    assert found == found_again == (1, [2])
    assert (await proven(database), second.held) == (3, {})


async def test_a_long_history_is_judged_page_by_page(
    database: Database, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Breaks if a page's end, a look's end or a full memory leaves out a version or stops the proof."""
    for name, value in {"PAGE": 2, "PAGES": 2, "MOST_HELD": 3}.items():
        monkeypatch.setattr(f"famedash.webhooks.reconcile.worker.{name}", value)
    events = [happened(version) for version in range(1, 14)]
    await announce_and_lose(database, *events)
    one, seen = reconciler(database, redis), set[int]()

    async def proven_in_the_end() -> bool:
        for seq in await unpublished(database):
            await tried(database, events[seq - 1], Status.DELIVERED)
            seen.add(seq)
        await lose(database)
        return await everything_is_proven(database)

    await looking_until(one, proven_in_the_end)

    assert seen == set(range(1, 14))


async def test_one_process_works_and_the_others_stand_by(database: Database, redis: Redis) -> None:
    await announce_and_lose(database, happened())
    first, second = reconciler(database, redis), reconciler(database, redis)
    await first.look()

    await looks(second)
    assert (await proven(database), second.held) == (0, {})
    await first.lease.release()
    await looks(second)
    await looks(first)

    assert (list(second.held), first.held) == ([1], {})


async def test_who_no_longer_works_says_so(database: Database, redis: Redis) -> None:
    """PROMISE: an alert ends with the process that raised it. Breaks if the gauges stay after the lease."""
    await announce_and_lose(database, happened())
    first, second = reconciler(database, redis), reconciler(database, redis)
    await looks(first)
    while_at_work = gauges()[0]

    await first.lease.release()
    assert await second.lease.hold()
    await first.look()

    assert (while_at_work, gauges()) == (1.0, (0.0, 0.0))


# --- pure


HORIZON = Horizon(NOON, proven=0, newest=9, oldest_unpublished=None, xmin=50, xmax=50)
SPAN = Span(end=7, xmax=40)
KNOWN = replace(SPAN, published_at=NOON - SECOND)


@pytest.mark.parametrize(
    ("span", "horizon", "expected"),
    [
        (None, HORIZON, Span(9, 50)),
        (SPAN, HORIZON, replace(SPAN, published_at=NOON)),
        (SPAN, replace(HORIZON, oldest_unpublished=8), replace(SPAN, published_at=NOON)),
        (SPAN, replace(HORIZON, oldest_unpublished=7), SPAN),
        (SPAN, replace(HORIZON, xmin=39), SPAN),
        (KNOWN, HORIZON, KNOWN),
        (KNOWN, replace(HORIZON, oldest_unpublished=3), SPAN),
    ],
)
def test_a_span_is_published_once_all_of_it_is_seen_and_none_of_it_waits(
    span: Span | None, horizon: Horizon, expected: Span
) -> None:
    assert follow(span, horizon) == expected


def since(seconds: float, *, enabled: bool = True, types: tuple[str, ...] | None = None) -> Change:
    return Change(NOON + timedelta(seconds=seconds), enabled, types)


@pytest.mark.parametrize(
    ("changes", "settled", "expected"),
    [
        ({}, [], ["default"]),
        ({}, ["default"], []),
        ({"other": [since(-1)]}, [], ["default", "other"]),
        ({"other": [since(-1)]}, ["default"], ["other"]),
        ({"other": [since(1)]}, [], ["default"]),
        ({"other": [since(-1), since(1, enabled=False)]}, ["default"], ["other"]),
        ({"other": [since(-1, types=("CampaignCreated",))]}, ["default"], []),
        ({"default": [since(-1, enabled=False)]}, [], []),
    ],
)
def test_who_was_owed_it_and_has_no_outcome(
    changes: dict[str, list[Change]], settled: list[str], expected: list[str]
) -> None:
    event = Event("acme", "summer", 1, uuid7(), "CampaignUpdated", NOON, 0, b"")
    candidate = Candidate(1, event, settled)

    found = unsettled(
        [candidate], {"acme": changes, "rival": {"theirs": [since(-1)]}}, default_points_somewhere=True
    )

    assert [delivery.endpoint_id for held in found for delivery in held.deliveries] == expected
