"""Several of each: one relay leads, workers share, and who was paused does no harm when it wakes."""

import asyncio

import pytest

from famedash.infra.log.partitions import partition_of
from tests.chaos.proxy import proxied
from tests.chaos.receiver import Post, after
from tests.chaos.town import WORKSPACE, Town, until

pytestmark = [pytest.mark.chaos, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize("how", ["killed", "paused"])
async def test_a_standby_relay_takes_over(town: Town, how: str) -> None:
    """PROMISE: within about 3 s events flow again, and a paused relay that wakes up changes nothing.

    Breaks if the lease is not renewed, or outlives its holder.
    """
    await asyncio.gather(town.start("api"), town.start("deliver"), town.start("relay"), town.start("relay"))
    await town.ready()
    await town.create("summer")
    await town.posted(1)
    (leader,) = [process for process in town.processes if process.says("relay.leading")]

    if how == "killed":
        await leader.kill()
    else:
        leader.pause()
    await town.touch("summer", 3)
    seconds = await until(lambda: _delivered(town, 4), 10, "the standby takes over")
    if how == "paused":
        leader.resume()
        await town.touch("summer", 3)
        await asyncio.sleep(1)

    assert seconds < 4
    verdict = await town.proves_clean(15)
    assert verdict.duplicated == 0


async def _delivered(town: Town, count: int) -> bool:
    return len([post for post in town.receiver.posts if post.answered == 200]) >= count


async def test_three_workers_share_the_work_and_survive_the_death_of_one(town: Town) -> None:
    """PROMISE: each event is recorded once, order per campaign is kept, partitions are shared out fairly.

    Breaks if two owners of one partition can write, or if leases of the dead are not taken over.
    """
    await asyncio.gather(town.start("api"), town.start("relay"))
    workers = await asyncio.gather(*(town.start("deliver") for _ in range(3)))
    await town.ready()
    await town.owned(3)
    town.receiver.answer = after(0.02)

    async def drive(name: str) -> None:
        await town.create(name)
        await town.touch(name, 11)

    driving = asyncio.gather(*(drive(f"c{number}") for number in range(8)))
    await town.posted(30)
    await workers[0].kill()
    seconds = await town.owned(2)
    await driving

    verdict = await town.proves_clean(30)
    assert verdict.delivered == 96
    assert seconds < 8


async def test_a_worker_that_joins_gets_its_share_without_a_repeat(town: Town) -> None:
    """PROMISE: a clean hand-over sends nothing twice. Breaks if a partition is released with sends open."""
    await asyncio.gather(town.start("api"), town.start("relay"), town.start("deliver"))
    await town.ready()
    await town.owned(1)
    town.receiver.answer = after(0.05)

    async def drive(name: str) -> None:
        await town.create(name)
        await town.touch(name, 11)

    driving = asyncio.gather(*(drive(f"c{number}") for number in range(8)))
    await town.posted(10)
    await town.start("deliver")
    await town.owned(2)
    await driving

    verdict = await town.proves_clean(30)
    assert (verdict.delivered, verdict.duplicated, verdict.interrupted) == (96, 0, 0)


async def test_a_paused_owner_that_wakes_up_records_nothing(town: Town) -> None:
    """PROMISE: an owner paused for longer than its lease is refused by its epoch, and goes on as a member.

    Breaks if an outcome is written without the fence, or if the awakened worker takes its loss for a bug.
    """
    _, _, paused = await asyncio.gather(town.start("api"), town.start("relay"), town.start("deliver"))
    await town.ready()
    await town.owned(1)
    opened = asyncio.Event()

    async def answer(post: Post) -> int:
        if post.nth == 1 and post.version == 1:
            opened.set()
            await asyncio.sleep(1)
        return 200

    town.receiver.answer = answer
    names = [f"c{number}" for number in range(4)]
    await asyncio.gather(*(town.create(name) for name in names))
    await asyncio.wait_for(opened.wait(), 10)
    await town.posted(4)
    paused.pause()
    await asyncio.gather(*(town.touch(name, 3) for name in names))
    await town.start("deliver")
    await town.settled(20)

    paused.resume()
    await town.owned(2)
    await asyncio.gather(*(town.touch(name, 3) for name in names))

    verdict = await town.proves_clean(20)
    assert paused.is_alive
    assert verdict.delivered == 28
    assert verdict.interrupted >= 4


@pytest.mark.parametrize("seconds", [4.5, 6.0])
async def test_a_worker_that_froze_inside_a_renewal_lives_on(town: Town, seconds: float) -> None:
    """PROMISE: a freeze is no bug: the worker finds out what it lost and goes on as a member.

    Breaks if it trusts that it is a member still (after 4 s it is not), or if the end of its idle transaction
    (after 5 s) is a surprise.
    """
    async with proxied(town.database_url) as wire:
        _, _, frozen = await asyncio.gather(
            town.start("api"), town.start("relay"), town.start("deliver", database_url=wire.url)
        )
        await town.ready()
        await town.owned(1)
        wire.arm(b"webhooks")
        await asyncio.wait_for(wire.fired.wait(), 10)
        await asyncio.sleep(seconds)
        wire.release()
        await asyncio.sleep(1.5)

        assert frozen.is_alive, frozen.last_words()
        await town.create("summer")
        await town.proves_clean(20)


async def test_a_worker_that_froze_after_a_renewal_does_not_take_the_next_owners_place(town: Town) -> None:
    """PROMISE: what a renewal found is what its own transaction saw, never the standing of the next owner.

    Breaks if positions are read after the renewal's commit: the awakened worker would write under the
    epoch of the one who took over, who would lose what it has in flight.
    """
    async with proxied(town.database_url) as wire:
        await asyncio.gather(
            town.start("api"), town.start("relay"), town.start("deliver", database_url=wire.url)
        )
        await town.ready()
        await town.owned(1)
        (first,) = await town.owners()
        await town.start("deliver")
        await town.owned(2)
        (row,) = await town.fetch("select min(partition) as n from reader_leases where owner = $1", first)
        names = (f"c{number}" for number in range(1000))
        busy, quiet, *_ = (name for name in names if partition_of(WORKSPACE, name) == row["n"])
        opened = {busy: asyncio.Event(), quiet: asyncio.Event()}

        async def answer(post: Post) -> int:
            if post.campaign_id == busy and post.nth == 1:
                return 503
            opened[post.campaign_id].set()
            await asyncio.sleep(3 if post.nth < 3 else 0)
            return 200

        town.receiver.answer = answer
        wire.arm(b"webhooks", b"COMMIT")
        await asyncio.wait_for(wire.fired.wait(), 10)
        await until(lambda: _owns_all_but(town, first), 15, "the other takes over")
        await town.create(busy)
        await asyncio.wait_for(opened[busy].wait(), 10)
        await town.create(quiet)
        await asyncio.wait_for(opened[quiet].wait(), 10)
        wire.release()

        verdict = await town.proves_clean(20)

    assert (verdict.delivered, verdict.duplicated) == (2, 0)


async def _owns_all_but(town: Town, first: str) -> bool:
    owners = await town.owners()
    return first not in owners and sum(owners.values()) == 16


async def test_a_worker_paused_again_and_again_does_no_harm(town: Town) -> None:
    """PROMISE: wherever the pause falls, nothing is recorded twice and nobody dies of it."""
    await asyncio.gather(town.start("api"), town.start("relay"))
    workers = await asyncio.gather(*(town.start("deliver") for _ in range(2)))
    await town.ready()
    await town.owned(2)
    town.receiver.answer = after(0.01)
    driving = asyncio.gather(*(_drive(town, f"c{number}", 40) for number in range(4)))
    for turn in range(2):
        victim = workers[turn % 2]
        victim.pause()
        await asyncio.sleep(4.8)
        victim.resume()
        await asyncio.sleep(1.2)
    await driving

    verdict = await town.proves_clean(30)
    assert verdict.delivered == 160


async def _drive(town: Town, name: str, versions: int) -> None:
    await town.create(name)
    await town.touch(name, versions - 1)
