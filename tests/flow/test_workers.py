"""Workers that stop, die, freeze and share: what is on record, and who goes on."""

import asyncio
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from famedash.infra.log.ownership import Share
from famedash.practice.receiver import Behaviour
from famedash.webhooks import worker as worker_module
from famedash.webhooks.worker import Deliverer
from tests.flow.system import System, Worker, running, until


async def sending(system: System, posts: int = 1) -> None:
    """Until the receiver has been called so often."""
    await until(lambda: _called(system, posts))


async def _called(system: System, posts: int) -> bool:
    return len(system.receiver.received) >= posts


async def freeze(worker: Worker) -> None:
    """Its lease runs out without its noticing: no renewal any more, everything else goes on."""
    worker.deliverer.ownership.renew = _never  # type: ignore[method-assign]
    for window in worker.deliverer.windows.values():
        window.fresh_until = float("inf")


async def _never(*, claim: bool = True) -> None:
    await asyncio.Event().wait()


def attempts(rows: list[dict]) -> list[tuple[int, str]]:  # type: ignore[type-arg]
    return [(row["attempt"], row["status"]) for row in rows]


async def test_a_killed_worker_resumes_at_the_second_attempt(database_url: str, redis_url: str) -> None:
    """PROMISE: an attempt that was made is never forgotten.

    Breaks if the due time or the attempt count lives in memory.
    """
    async with running(database_url, redis_url, backoff_seconds=0.6, lease_seconds=0.5) as system:
        system.receiver.behaviour = Behaviour(answers=[503])
        await system.create()
        await until(lambda: _logged(system, 1))
        await system.workers[0].kill()

        await system.start_worker()
        rows = await system.settled(1)

    assert attempts(rows) == [(1, "retrying"), (2, "delivered")]


async def _logged(system: System, rows: int) -> bool:
    return len(await system.logs()) >= rows


async def test_what_a_killed_worker_was_sending_is_on_record_and_sent_again(
    database_url: str, redis_url: str
) -> None:
    """PROMISE: no POST without a row. The resend has the same number and the same webhook id."""
    async with running(database_url, redis_url, lease_seconds=0.5) as system:
        system.receiver.behaviour = Behaviour(delay_seconds=1.0)
        await system.create()
        await sending(system)
        await system.workers[0].kill()
        system.receiver.behaviour = Behaviour()

        await system.start_worker()
        rows = await system.settled(1)

    assert attempts(rows) == [(1, "interrupted"), (1, "delivered")]
    assert len({one.webhook_id for one in system.receiver.received}) == 1
    assert len(system.receiver.received) == 2


async def test_a_retry_that_was_interrupted_by_a_kill_keeps_its_number(
    database_url: str, redis_url: str
) -> None:
    async with running(database_url, redis_url, lease_seconds=0.5) as system:
        system.receiver.behaviour = Behaviour(answers=[503], delay_seconds=0.4)
        await system.create()
        await sending(system, posts=2)
        await system.workers[0].kill()

        await system.start_worker()
        rows = await system.settled(1)

    assert attempts(rows) == [(1, "retrying"), (2, "interrupted"), (2, "delivered")]


async def test_a_send_that_outlasts_the_stop_is_recorded_as_interrupted(
    database_url: str, redis_url: str
) -> None:
    async with running(database_url, redis_url, workers=0) as system:
        worker = await system.start_worker(stop_seconds=0.2)
        system.receiver.behaviour = Behaviour(delay_seconds=1.0)
        await system.create()
        await sending(system)

        await worker.stop()
        rows = await system.logs()
        system.receiver.behaviour = Behaviour()
        await system.start_worker()
        later = await system.settled(1)

    assert attempts(rows) == [(1, "interrupted")]
    assert attempts(later) == [(1, "interrupted"), (1, "delivered")]


async def test_a_clean_stop_leaves_nothing_to_suspect(database_url: str, redis_url: str) -> None:
    async with running(database_url, redis_url) as system:
        await system.create("a")
        await system.settled(1, "a")
        await system.workers[0].stop()
        for name in "bcd":
            await system.create(name)

        await system.start_worker()
        rows = [row for name in "bcd" for row in await system.settled(1, name)]

    assert attempts(rows) == [(1, "delivered")] * 3


async def test_three_workers_share_and_record_every_event_once(database_url: str, redis_url: str) -> None:
    async with running(database_url, redis_url, workers=3) as system:
        await until(lambda: _shared_out(system), 15)
        names = [f"c{number}" for number in range(12)]
        for name in names:
            await system.create(name)
            for version in range(2, 5):
                await system.change(name, name=f"Version {version}")
        rows = {name: await system.settled(4, name) for name in names}

    for name in names:
        assert attempts(rows[name]) == [(1, "delivered")] * 4
        assert system.received(name) == [1, 2, 3, 4]


async def _shared_out(system: System) -> bool:
    return sorted(len(worker.deliverer.windows) for worker in system.workers) == [5, 5, 6]


async def test_a_frozen_owner_that_wakes_up_is_refused(database_url: str, redis_url: str) -> None:
    """PROMISE: an owner that lost its partition writes nothing, so no event is recorded twice."""
    async with running(database_url, redis_url, lease_seconds=0.5) as system:
        system.receiver.behaviour = Behaviour(delay_seconds=1.5)
        await system.create()
        await sending(system)
        await freeze(system.workers[0])
        await asyncio.sleep(0.6)
        second = await system.start_worker()
        rows = await system.settled(1)
        await asyncio.sleep(0.5)

        assert attempts(rows) == attempts(await system.logs()) == [(1, "interrupted"), (1, "delivered")]
        assert len(second.deliverer.windows) == 16
        await system.workers[0].kill()


async def test_a_renewal_whose_answer_comes_late_costs_nothing(database_url: str, redis_url: str) -> None:
    """PROMISE: a healthy owner keeps its partition, however many writes lie between question and answer.

    Breaks if it knows only some of its own writes again: it would drop what it has sent, without a row.
    """
    async with running(database_url, redis_url, workers=0) as system:
        system.receiver.behaviour = Behaviour(delay_seconds=0.01)
        await system.create()
        for number in range(149):
            await system.change(name=f"Version {number}")
        worker = await system.start_worker()
        renew = worker.deliverer.ownership.renew

        async def renew_late(*, claim: bool = True) -> Share:
            share = await renew(claim=claim)
            await asyncio.sleep(0.5)
            return share

        worker.deliverer.ownership.renew = renew_late  # type: ignore[method-assign]
        rows = await system.settled(150, seconds=30)

        assert [status for _, status in attempts(rows)] == ["delivered"] * 150
        assert system.received() == list(range(1, 151))


async def test_a_due_retry_does_not_wait_for_the_backlog_of_its_endpoint(
    database_url: str, redis_url: str
) -> None:
    """PROMISE: the schedule holds under load. Breaks if the log fills every slot that comes free."""
    async with running(database_url, redis_url, workers=0, backoff_seconds=0.1) as system:
        for number in range(120):
            await system.create(f"c{number}")
        system.receiver.behaviour = Behaviour(delay_seconds=0.03)
        system.receiver.behaviour.answers = [503]
        await system.start_worker(max_in_flight=2)
        await until(lambda: _called(system, 3), 20)
        system.receiver.behaviour.answers = []
        first = json.loads(bytes(system.receiver.received[0].event))["data"]["campaignId"]
        rows = await system.settled(1, first, seconds=30)
        others = len(system.receiver.received)

    assert attempts(rows) == [(1, "retrying"), (2, "delivered")]
    assert others < 80


async def test_a_lane_drains_though_the_workers_clock_is_behind(
    database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PROMISE: clocks may differ. Breaks if each row of a lane waits out the difference."""
    monkeypatch.setattr(worker_module, "now", lambda: datetime.now(UTC) - timedelta(seconds=1.5))
    async with running(database_url, redis_url) as system:
        system.receiver.behaviour = Behaviour(answers=[503])
        await system.create()
        for number in range(7):
            await system.change(name=f"Version {number}")
        await system.settled(8, seconds=6)

        assert system.received() == list(range(1, 9))


async def test_what_is_lost_while_others_are_forfeited_is_forfeited_too(
    database_url: str, redis_url: str
) -> None:
    """PROMISE: a partition that was dropped is taken again only under a new epoch, under suspicion.

    Breaks if the answer to one forfeit clears what was lost meanwhile.
    """
    async with running(database_url, redis_url) as system:
        deliverer = system.workers[0].deliverer
        await until(lambda: _owns(deliverer, 16))
        forfeit = deliverer.ownership.forfeit

        async def forfeit_slowly(given: Iterable[int]) -> None:
            await forfeit(given)
            if 5 in deliverer.windows:
                deliverer._lose(deliverer.windows[5])

        deliverer.ownership.forfeit = forfeit_slowly  # type: ignore[method-assign]
        deliverer._lose(deliverer.windows[4])
        await until(lambda: _taken_again(deliverer, 4, 5), 10)


async def _owns(deliverer: Deliverer, partitions: int) -> bool:
    return len(deliverer.windows) == partitions


async def _taken_again(deliverer: Deliverer, *partitions: int) -> bool:
    found = [deliverer.windows.get(partition) for partition in partitions]
    return all(window and window.standing.epoch > 1 and window.standing.suspects for window in found)
