"""A server or the receiver is away for a while: nothing is refused that can be kept, everything arrives."""

import asyncio

import pytest

from tests.chaos.proxy import proxied
from tests.chaos.receiver import after, first_tries
from tests.chaos.town import Town

pytestmark = [pytest.mark.chaos, pytest.mark.asyncio(loop_scope="session")]


async def test_a_campaign_is_created_while_redis_is_down_and_told_when_it_is_back(town: Town) -> None:
    """PROMISE: a change needs the database only; its event waits in the outbox.

    Breaks if the request publishes, or if the relay or a worker gives up instead of waiting.
    """
    await asyncio.gather(town.start("api"), town.start("relay"), town.start("deliver"))
    await town.ready()
    await town.servers.valkey.stop()

    await town.create("summer")
    await town.touch("summer")
    await asyncio.sleep(1)
    assert town.receiver.posts == []
    await town.servers.valkey.start()

    verdict = await town.proves_clean(15)
    assert verdict.delivered == 2
    assert town.odd_answers == []


async def test_a_receiver_that_is_down_gets_everything_when_it_is_up_again(town: Town) -> None:
    """PROMISE: an outage shorter than the retries loses nothing and keeps the order.

    Breaks if a later version is sent while an older one waits.
    """
    await asyncio.gather(
        town.start("api"), town.start("relay"), town.start("deliver", webhook_backoff_seconds="2")
    )
    await town.ready()
    await town.receiver.down()

    await town.create("summer")
    await town.touch("summer", 4)
    await town.rows("retrying")
    await town.receiver.up()

    verdict = await town.proves_clean(15)
    assert verdict.delivered == 5
    refused = [row for row in await town.logs() if row["status"] == "retrying"]
    assert {row["errorClass"] for row in refused} == {"connect"}


async def test_every_committed_version_ends_after_postgres_was_stopped_hard(town: Town) -> None:
    """PROMISE: within 60 s of the database's recovery every committed version has a final row.

    Breaks if a worker forgets what it sent, repeats a write blindly, or waits for a row nobody wrote.
    """
    await asyncio.gather(town.start("api"), town.start("relay"), town.start("deliver"))
    await town.ready()
    town.receiver.answer = after(0.02)

    async def drive(name: str) -> None:
        await town.create(name)
        await town.touch(name, 14)

    driving = asyncio.gather(*(drive(f"c{number}") for number in range(4)))
    for seconds_down in (0.2, 2.0):
        await town.posted(len(town.receiver.posts) + 5)
        await town.servers.postgres.stop()
        await asyncio.sleep(seconds_down)
        await town.servers.postgres.start()
    await driving

    verdict = await town.proves_clean(60)
    assert verdict.delivered == 60


@pytest.mark.parametrize("statuses", [(), (503,)], ids=["happy", "after a failure"])
async def test_outcomes_whose_commit_was_answered_to_nobody_are_recorded_once(
    town: Town, statuses: tuple[int, ...]
) -> None:
    """PROMISE: a commit whose answer was lost is neither repeated nor forgotten, and its lane goes on.

    Breaks if the write is simply repeated, or if the lane waits for rows that there are not.
    """
    async with proxied(town.database_url) as wire:
        await asyncio.gather(
            town.start("api"), town.start("relay"), town.start("deliver", database_url=wire.url)
        )
        await town.ready()
        await town.owned(1)
        town.receiver.answer = after(0.5) if not statuses else first_tries(*statuses)
        await town.create("summer")
        wire.arm(b"CampaignCreated", b"retrying" if statuses else b"delivered", b"COMMIT")
        await town.touch("summer", 5)
        await wire.cut()

        verdict = await town.proves_clean(15)

    assert verdict.delivered == 6


async def test_outcomes_whose_commit_lands_late_are_recorded_once(town: Town) -> None:
    """PROMISE: of two copies of one write the second is refused, whichever it is.

    Breaks if only epoch and position are compared, or if a refused copy counts as a lost partition.
    """
    async with proxied(town.database_url) as wire:
        await asyncio.gather(
            town.start("api"), town.start("relay"), town.start("deliver", database_url=wire.url)
        )
        await town.ready()
        await town.owned(1)
        town.receiver.answer = first_tries(503)
        wire.arm(b"CampaignCreated", b"retrying", b"COMMIT", late_seconds=1.5)
        await town.create("summer")
        await town.touch("summer", 3)
        await asyncio.wait_for(wire.fired.wait(), 10)

        verdict = await town.proves_clean(15)

    assert (verdict.delivered, verdict.duplicated, verdict.interrupted) == (4, 0, 0)


async def test_outcomes_whose_answer_comes_very_late_are_recorded_once(town: Town) -> None:
    """PROMISE: an owner whose database froze in the middle of a write goes on when it is back.

    The database ends such a transaction after 5 s (idle in transaction). Breaks if that is taken for a bug.
    """
    async with proxied(town.database_url) as wire:
        await asyncio.gather(
            town.start("api"), town.start("relay"), town.start("deliver", database_url=wire.url)
        )
        await town.ready()
        await town.owned(1)
        town.receiver.answer = after(0.2)
        wire.arm(b"CampaignCreated", b"delivered")
        await town.create("summer")
        await town.touch("summer", 5)
        await asyncio.wait_for(wire.fired.wait(), 10)
        await asyncio.sleep(6)
        wire.release()

        verdict = await town.proves_clean(30)

    assert verdict.delivered == 6
