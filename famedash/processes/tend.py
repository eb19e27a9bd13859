"""`famedash tend`: what the clock asks for. Safe with replicas.

Campaigns and old keys are locked row by row, and a row that another process holds is skipped. Trimming takes
no lock and needs none: it never passes a reader's position, and a second trim finds nothing left to drop.
Tables of the metrics are made and dropped under a lock, for which a job waits 2 s at most. One process at a
time reconciles: it holds a lease, and the others stand by.
"""

import asyncio

from famedash.campaigns.worker import move_due
from famedash.idempotency.worker import prune
from famedash.infra.database import IMPATIENT, Database, open_database
from famedash.infra.log.model import Log
from famedash.infra.log.redis_log import RedisLog
from famedash.infra.log.trimming import trim_read
from famedash.infra.loop import Stop, repeat
from famedash.infra.redis import open_redis
from famedash.metrics.retention import look_after
from famedash.outbox.model import EVENTS
from famedash.performers.worker import fail_silent
from famedash.processes.settings import Settings
from famedash.webhooks.letters.worker import replay_some
from famedash.webhooks.reconcile.worker import Reconciler
from famedash.webhooks.service import READER

CLOCK_SECONDS = 1.0
RECONCILIATION_SECONDS = 5.0
HOUSEKEEPING_SECONDS = 60.0
EVENTS_KEPT_SECONDS = 7 * 86_400


async def run(settings: Settings) -> None:
    """Run every job in its own rhythm until asked to stop."""
    stop = Stop().listen()

    async def session() -> None:
        async with (
            open_database(
                settings.database_url, application="tend", max_connections=4, settings=IMPATIENT
            ) as database,
            open_redis(settings.redis_url) as redis,
        ):
            log = RedisLog(redis, EVENTS)
            await tend(
                database, log, stop, dedupe_days=settings.dedupe_days, webhook_url=settings.webhook_url
            )

    await repeat("tend", session, stop)


async def tend(database: Database, log: Log, stop: Stop, *, dedupe_days: int, webhook_url: str = "") -> None:
    """`webhook_url`: where the endpoint `default` points; empty: nothing is owed to it."""
    reconciler = Reconciler(database, log, default_points_somewhere=bool(webhook_url))

    async def clock() -> None:
        await move_due(database)
        await stop.wait(CLOCK_SECONDS)

    async def housekeeping() -> None:
        await prune(database)
        await trim_read(database, log, reader=READER, keep_seconds=EVENTS_KEPT_SECONDS)
        await look_after(database, dedupe_days=dedupe_days)
        await fail_silent(database)
        await stop.wait(HOUSEKEEPING_SECONDS)

    async def replays() -> None:
        if not await replay_some(database, default_points=bool(webhook_url)):
            await stop.wait(CLOCK_SECONDS)

    async def reconciliation() -> None:
        await reconciler.look()
        await stop.wait(RECONCILIATION_SECONDS)

    await asyncio.gather(
        repeat("tend.clock", clock, stop),
        repeat("tend.housekeeping", housekeeping, stop, pause=5),
        repeat("tend.replays", replays, stop),
        repeat("tend.reconciliation", reconciliation, stop, pause=5),
    )
