"""A load's life beside its work: a sign every second, and a sentence where it ends in failure."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from uuid import UUID

from famedash.infra.database import GONE, Database
from famedash.infra.errors import Refusal, Unavailable
from famedash.infra.loop import Stop
from famedash.performers import service
from famedash.performers.model import Progress
from famedash.performers.service import GivenUp

BEAT_SECONDS = 1.0
DATABASE_WENT = "The database went away; nothing was loaded. Load the file again."
LOST_SIGHT = "The database went away. Load the file again: where it is loaded already, that changes nothing."
"""The answer to the COMMIT may be what was lost."""
STOPPING = "The server is being stopped; nothing was loaded. Send the file again."


@asynccontextmanager
async def alive(
    database: Database, workspace: str, import_id: UUID, progress: Progress, *, stop: Stop | None = None
) -> AsyncIterator[None]:
    """Show `progress` while the block runs. Whatever ends the block early makes the load `failed`.

    Raises inside the block: `GivenUp` when nobody believes in the load any more, `Unavailable` when asked to
    `stop`. A database that went away comes out as `Unavailable`.
    """
    try:
        async with _beating(database, workspace, import_id, progress, stop=Stop() if stop is None else stop):
            yield
    except BaseException as fault:
        with suppress(*GONE, Unavailable):
            await service.fail(database, workspace, import_id, _sentence(fault))
        if isinstance(fault, GONE):
            raise Unavailable(LOST_SIGHT) from fault
        raise


@asynccontextmanager
async def _beating(
    database: Database, workspace: str, import_id: UUID, progress: Progress, *, stop: Stop
) -> AsyncIterator[None]:
    """The verdict on the block comes from a task beside it, which cancels it."""
    work = asyncio.current_task()
    assert work is not None  # noqa: S101 - we are in one
    verdict: list[Refusal] = []

    async def beat() -> None:
        while not verdict:
            try:
                await service.note(database, workspace, import_id, progress)
            except GivenUp as given_up:
                verdict.append(given_up)
            except (Unavailable, *GONE):
                pass  # the work itself will find out
            if not verdict and await stop.wait(BEAT_SECONDS):
                verdict.append(Unavailable(STOPPING))
        work.cancel()

    beating = asyncio.create_task(beat())
    try:
        yield
    except asyncio.CancelledError:
        if verdict:
            work.uncancel()
            raise verdict[0] from None
        raise
    finally:
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)


def _sentence(fault: BaseException) -> str:
    if isinstance(fault, Refusal):
        return fault.detail
    if isinstance(fault, GONE):
        return DATABASE_WENT
    if isinstance(fault, asyncio.CancelledError):
        return "The load was stopped; nothing was loaded. Load the file again."
    return "The load failed because of a fault on our side; nothing was loaded."
