"""Forgets old keys. One job of the `tend` process."""

from famedash.idempotency import service
from famedash.infra.database import Database

STEP = 1_000


async def prune(database: Database, step: int = STEP) -> int:
    """Delete every key past its 24 h, at most `step` a transaction; answers how many. Safe with replicas."""
    total = 0
    while True:
        async with database.transaction() as tx:
            deleted = await service.prune(tx, limit=step)
        total += deleted
        if deleted < step:
            return total
