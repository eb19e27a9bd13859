"""Several `famedash ingest`: partitions are shared out, taken over, and nobody writes who lost them."""

import asyncio

import pytest

from tests.chaos.ingest_town import FOLDED, Feed, feed
from tests.chaos.proxy import proxied
from tests.chaos.town import Town

pytestmark = [pytest.mark.chaos, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]


@pytest.mark.parametrize("number", [2, 4])
async def test_several_consumers_share_join_and_die_and_every_cell_is_exact(town: Town, number: int) -> None:
    """PROMISE: each partition has one owner, a fair share each; the dead are replaced once their leases end.

    Breaks if two owners of one partition can write, or if a hand-over forgets what was drafted.
    """
    fed = await feed(town, 20 + number)
    consumers = await asyncio.gather(*(fed.start() for _ in range(number - 1)))
    await town.owned(number - 1)
    feeding = asyncio.create_task(_feed_on(fed))
    await fed.start()
    await town.owned(number)

    await consumers[0].kill()
    seconds = await town.owned(number - 1)
    feeding.cancel()
    await fed.put()

    await fed.proves_exact()
    assert seconds < 10


async def _feed_on(fed: Feed) -> None:
    while True:
        await asyncio.shield(fed.put(20))
        await asyncio.sleep(0.2)


MOMENTS = {
    "idle": ("", (), b""),
    "read": ("redis", (b"XRANGE",), b"eventId"),
    "written": ("postgres", (FOLDED,), b""),
    "committed": ("postgres", (FOLDED, b"COMMIT"), b"COMMIT\0"),
}


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_consumer_that_slept_past_its_lease_writes_nothing_when_it_wakes(
    town: Town, moment: str
) -> None:
    """PROMISE: who was replaced while it slept is refused by its epoch, and goes on as a member.

    Breaks if a write does not check the fence, or if the awakened one takes its loss for a bug.
    """
    server, words, answer = MOMENTS[moment]
    fed = await feed(town, 30)
    await fed.put()
    async with proxied(town.database_url) as postgres, proxied(town.redis_url) as redis:
        sleeper = await fed.start_and_catch_up(database_url=postgres.url, redis_url=redis.url)
        if words:
            wire = postgres if server == "postgres" else redis
            wire.arm(*words, answer=answer, strike=sleeper.pause)
            await fed.put()
            await asyncio.wait_for(wire.fired.wait(), 20)
            wire.release()
        else:
            sleeper.pause()
        await fed.put()
        await fed.start_and_catch_up()
        counted = await town.fetch("select sum(views) from metric_totals")

        sleeper.resume()
        await town.owned(2)

        assert await town.fetch("select sum(views) from metric_totals") == counted
        await fed.put()
        await fed.proves_exact()
        assert sleeper.is_alive
