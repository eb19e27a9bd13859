"""What `tend` does for the metrics: tables for the days to come, none for what nobody asks for any more."""

from datetime import timedelta

from famedash.infra.database import Database
from famedash.metrics import queries, service

HASHTAGS_KEPT = timedelta(days=30)
LETTERS_KEPT = timedelta(days=30)
PREPARED_DAYS = 3


async def look_after(database: Database, *, dedupe_days: int) -> None:
    """Safe with replicas: making and dropping find nothing left to do the second time."""
    today = service.minute_of(await queries.now(database)) // 1440
    await service.prepare(database, (day * 1440 for day in range(today, today + PREPARED_DAYS)))
    async with database.transaction() as tx:
        await service.move_horizon(tx, kept=timedelta(days=dedupe_days))
    async with database.transaction() as tx:
        await service.merge_fingerprints(tx)
    async with database.transaction() as tx:
        await service.drop_minutes(tx)
    async with database.transaction() as tx:
        await service.drop_hashtags(tx, kept=HASHTAGS_KEPT)
        await service.delete_letters(tx, kept=LETTERS_KEPT)
