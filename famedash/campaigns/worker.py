"""The clock: campaigns start and end when they said they would. One job of the `tend` process."""

from collections.abc import Awaitable, Callable

from famedash.campaigns import service
from famedash.infra.database import Database


async def move_due(database: Database, limit: int = 100) -> int:
    """Start, then end, every campaign whose time has come, `limit` a transaction; answers how many moves.

    Safe with replicas: a row that another process holds is skipped, and is not due any more once that one
    has moved it. A campaign that is late for both its start and its end gets both, as two versions.
    """
    started = await _all(database, service.start_due, limit)
    ended = await _all(database, service.end_due, limit)
    return started + ended


async def _all(database: Database, step: Callable[..., Awaitable[int]], limit: int) -> int:
    total = 0
    while True:
        async with database.transaction() as tx:
            moved = await step(tx, limit=limit)
        total += moved
        if moved < limit:
            return total
