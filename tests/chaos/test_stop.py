"""SIGTERM: what is open is finished or owned up to, and the process is gone within 10 s with code 0."""

import asyncio
import time

import pytest

from tests.chaos.receiver import Post
from tests.chaos.town import Town

pytestmark = [pytest.mark.chaos, pytest.mark.asyncio(loop_scope="session")]


async def test_a_send_still_open_at_the_end_is_interrupted_and_sent_again_by_the_next_worker(
    town: Town,
) -> None:
    """PROMISE: a stop never waits for a slow receiver beyond its patience, and forgets nothing.

    Breaks if an open send is dropped without a row, or counted as a try.
    """
    _, _, worker = await asyncio.gather(
        town.start("api"), town.start("relay"), town.start("deliver", webhook_timeout_seconds="30")
    )
    await town.ready()
    opened = asyncio.Event()

    async def answer(post: Post) -> int:
        if post.nth == 1 and post.version == 1:
            opened.set()
            await asyncio.sleep(60)
        return 200

    town.receiver.answer = answer
    await town.create("summer")
    await town.touch("summer", 2)
    await asyncio.wait_for(opened.wait(), 15)

    began = time.monotonic()
    code = await worker.stop()
    seconds = time.monotonic() - began
    left = [(row["attempt"], row["status"]) for row in await town.logs()]
    await town.start("deliver")

    assert code == 0, worker.last_words()
    assert 6.5 < seconds < 10
    assert left == [(1, "interrupted")]
    verdict = await town.proves_clean(15)
    assert (verdict.delivered, verdict.duplicated, verdict.interrupted) == (3, 0, 1)
    assert len({post.webhook_id for post in town.receiver.posts if post.version == 1}) == 1


async def test_a_send_that_ends_in_time_is_recorded_by_the_worker_that_stops(town: Town) -> None:
    """PROMISE: a clean stop leaves nothing to suspect: no `interrupted` row, no repeat."""
    _, _, worker = await asyncio.gather(town.start("api"), town.start("relay"), town.start("deliver"))
    await town.ready()

    async def answer(_: Post) -> int:
        await asyncio.sleep(1.5)
        return 200

    town.receiver.answer = answer
    await asyncio.gather(*(town.create(f"c{number}") for number in range(4)))
    await town.touch("c0", 2)
    await town.posted(4)

    code = await worker.stop()
    await town.start("deliver")

    assert code == 0, worker.last_words()
    verdict = await town.proves_clean(20)
    assert (verdict.delivered, verdict.duplicated, verdict.interrupted) == (6, 0, 0)


@pytest.mark.parametrize("away", ["postgres", "valkey"])
async def test_everything_stops_in_time_although_a_server_is_away(town: Town, away: str) -> None:
    """PROMISE: SIGTERM ends every process within 10 s, outage or not.

    Breaks if a stop waits for a write that cannot be made; what was sent is suspected by the next owner.
    """
    await asyncio.gather(town.start("api"), town.start("relay"), town.start("deliver"))
    await town.ready()
    opened = asyncio.Event()

    async def answer(_: Post) -> int:
        opened.set()
        await asyncio.sleep(1)
        return 200

    town.receiver.answer = answer
    await asyncio.gather(*(town.create(f"c{number}") for number in range(4)))
    await asyncio.wait_for(opened.wait(), 15)
    server = getattr(town.servers, away)
    await server.stop()
    await asyncio.sleep(1.5)

    began = time.monotonic()
    codes = await asyncio.gather(*(process.stop(20) for process in town.processes), return_exceptions=True)
    seconds = time.monotonic() - began
    await server.start()
    await asyncio.gather(town.start("api"), town.start("relay"), town.start("deliver"))
    await town.ready()

    await town.proves_clean(20)
    assert codes == [0, 0, 0]
    assert seconds < 10
