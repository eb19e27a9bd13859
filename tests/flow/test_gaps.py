"""A log that loses entries under a worker: told once, in `reader_gaps`, and delivery goes on."""

import asyncio
from typing import Any

from famedash.infra.log.model import START
from famedash.infra.log.partitions import partition_of
from famedash.infra.log.redis_log import LOOK_EVERYWHERE_SECONDS, stream_key
from tests.flow.system import System, until

PARTITION = partition_of("acme", "summer")
KEY = stream_key("events", PARTITION)


async def gaps(system: System) -> list[dict[str, Any]]:
    rows = await system.database.fetch(
        "select reader, partition, expected, resumed_at from reader_gaps order by id"
    )
    return [dict(row) for row in rows]


async def entries(system: System) -> list[str]:
    return [entry.decode() for entry, _ in await system.redis.xrange(KEY)]


async def position(system: System) -> str:
    return str(
        await system.database.fetchval(
            "select entry from reader_positions where reader = 'webhooks' and partition = $1", PARTITION
        )
    )


async def standing_at_the_end(system: System) -> str:
    """Once everything in the partition is recorded: the entry at the reader's position."""

    async def stands() -> bool:
        there = await entries(system)
        return bool(there) and there[-1] == await position(system)

    await until(stands)
    return await position(system)


async def told(system: System, number: int) -> None:
    """Until so many gaps are on record, and then for as long as a second report would take."""

    async def reported() -> bool:
        return len(await gaps(system)) >= number

    await until(reported)
    await asyncio.sleep(2 * LOOK_EVERYWHERE_SECONDS + 0.2)


async def in_the_log(system: System, number: int) -> list[str]:
    async def relayed() -> bool:
        return len(await entries(system)) >= number

    await until(relayed)
    return await entries(system)


def a_gap(expected: str, resumed_at: str | None) -> dict[str, Any]:
    return {
        "reader": "webhooks",
        "partition": PARTITION,
        "expected": expected,
        "resumed_at": resumed_at,
    }


async def test_a_log_that_is_reset_under_a_worker_is_told_once_and_delivery_goes_on(system: System) -> None:
    """PROMISE: a loss in the broker is loud, and no reason to stop.

    Breaks if the worker waits for entries after a position that is gone, or reports at every look.
    """
    await system.create()
    await system.settled(1)
    lost = await standing_at_the_end(system)

    await system.redis.delete(KEY)
    await told(system, 1)
    await system.change(name="After the reset")
    await system.change(name="And after that")
    await system.settled(3)

    assert await gaps(system) == [a_gap(lost, None)]
    assert system.received() == [1, 2, 3]
    assert await standing_at_the_end(system) != lost


async def test_a_gap_that_was_told_is_not_told_again_by_the_next_worker(system: System) -> None:
    """Breaks if only the worker's memory knows that the gap was told."""
    await system.create()
    await system.settled(1)
    await standing_at_the_end(system)
    await system.redis.delete(KEY)
    await told(system, 1)

    await system.workers[0].stop()
    await system.start_worker()
    await asyncio.sleep(LOOK_EVERYWHERE_SECONDS + 0.5)
    await system.change(name="After the reset")
    await system.settled(2)

    assert len(await gaps(system)) == 1
    assert system.received() == [1, 2]


async def test_a_second_loss_is_told_too(system: System) -> None:
    await system.create()
    await system.settled(1)
    first = await standing_at_the_end(system)
    await system.redis.delete(KEY)
    await told(system, 1)
    await system.change(name="Between the losses")
    await system.settled(2)
    second = await standing_at_the_end(system)

    await system.redis.delete(KEY)
    await told(system, 2)

    assert await gaps(system) == [a_gap(first, None), a_gap(second, None)]


async def test_entries_that_were_trimmed_before_they_were_read_are_a_gap(system: System) -> None:
    """PROMISE: what was lost unread is on record with both ends; what the log still holds is delivered."""
    await system.create()
    await system.settled(1)
    expected = await standing_at_the_end(system)
    await system.workers[0].stop()
    for number in range(2, 5):
        await system.change(name=f"Summer {number}")
    _, _, third, fourth = await in_the_log(system, 4)
    await system.redis.xtrim(KEY, minid=third, approximate=False)

    await system.start_worker()
    await told(system, 1)
    await system.change(name="Summer 5")
    await system.settled(4)

    assert await gaps(system) == [a_gap(expected, third)]
    assert system.received() == [1, 3, 4, 5]
    assert await standing_at_the_end(system) > fourth


async def test_other_campaigns_never_notice(system: System) -> None:
    """Breaks if a gap of one partition holds up, or reads again, the others."""
    other = next(name for name in "abcdefgh" if partition_of("acme", name) != PARTITION)
    await system.create()
    await system.create(other)
    await system.settled(1)
    await system.settled(1, other)
    lost = await standing_at_the_end(system)

    await system.redis.delete(KEY)
    await told(system, 1)
    await system.change(other, name="Goes on")
    await system.settled(2, other)

    assert await gaps(system) == [a_gap(lost, None)]
    assert system.received(other) == [1, 2]
    assert lost != START
