"""Work beside the requests: ended before the process is."""

import asyncio

import pytest

from famedash.infra.background import Background
from famedash.infra.errors import Unavailable
from famedash.infra.loop import Stop


async def test_work_that_is_under_way_is_cancelled_once_and_waited_for() -> None:
    """Breaks if two who close cancel it twice: then it could not clean up."""
    background, stop, ended = Background(), Stop(), []

    async def work(name: str) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.05)
            ended.append(name)

    background.start(work, "load")
    await asyncio.sleep(0)
    closing = asyncio.create_task(background.close_on(stop))
    stop.ask()
    await asyncio.sleep(0.01)

    await background.close()

    assert ended == ["load"]
    await closing


async def test_a_fault_ends_only_its_own_work() -> None:
    background, done = Background(), asyncio.Event()

    async def fail() -> None:
        raise ZeroDivisionError

    async def succeed() -> None:
        done.set()

    background.start(fail)
    background.start(succeed)

    await asyncio.wait_for(done.wait(), 1)
    await background.close()


async def test_nothing_is_begun_once_it_is_closed() -> None:
    background = Background()
    await background.close()

    async def work() -> None: ...

    with pytest.raises(Unavailable):
        background.start(work)
