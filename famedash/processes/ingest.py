"""`famedash ingest`: the metrics worker, as a process."""

import asyncio
import gc

from famedash.infra.database import IMPATIENT, open_database
from famedash.infra.log.redis_appender import RedisAppender
from famedash.infra.log.redis_log import RedisLog
from famedash.infra.loop import Stop, repeat
from famedash.infra.redis import open_redis
from famedash.metrics import service
from famedash.metrics.model import TOPIC
from famedash.metrics.settings import MetricsSettings
from famedash.metrics.worker import Ingester
from famedash.processes.settings import Settings

COLLECT_SECONDS = 60.0


def metrics_settings(settings: Settings) -> MetricsSettings:
    return MetricsSettings(
        flush_seconds=settings.metrics_flush_seconds,
        most_events=settings.metrics_most_events,
        most_fingerprints=settings.metrics_most_fingerprints,
        creators=settings.metrics_creators,
        hashtags=settings.metrics_hashtags,
    )


async def run(settings: Settings) -> None:
    """Count until asked to stop; start again, from what is recorded, when a server was away."""
    stop = Stop().listen()
    collecting = asyncio.create_task(repeat("ingest.collect", lambda: collect_garbage(stop), stop))

    async def session() -> None:
        async with (
            open_database(
                settings.database_url, application="ingest", max_connections=4, settings=IMPATIENT
            ) as database,
            open_redis(settings.redis_url) as redis,
        ):
            await Ingester(
                database,
                RedisLog(redis, TOPIC),
                RedisAppender(redis),
                metrics_settings(settings),
                seed=await service.fingerprint_seed(database),
            ).run(stop)

    await repeat("ingest", session, stop)
    await collecting


async def collect_garbage(stop: Stop) -> None:
    """Once a minute, not every 700 objects: a batch is a million of them, short-lived and in no cycle."""
    gc.collect()
    gc.freeze()
    gc.disable()
    await stop.wait(COLLECT_SECONDS)
