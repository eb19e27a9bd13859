"""`famedash relay`: the outbox's worker, as a process."""

from contextlib import AbstractAsyncContextManager

from famedash.infra.database import BY_KEY, IMPATIENT, Database, open_database
from famedash.infra.log.ear import Ear
from famedash.infra.log.redis_publisher import redis_session
from famedash.infra.loop import Stop, repeat
from famedash.infra.redis import open_redis
from famedash.outbox.service import WAKE_RELAY
from famedash.outbox.worker import Relay
from famedash.processes.settings import Settings


def own_database(settings: Settings) -> AbstractAsyncContextManager[Database]:
    return open_database(
        settings.database_url, application="relay", max_connections=3, settings=IMPATIENT + BY_KEY
    )


async def run(settings: Settings) -> None:
    """Publish until asked to stop; standbys wait for the lease."""
    stop = Stop().listen()

    async def session() -> None:
        async with (
            own_database(settings) as database,
            open_redis(settings.redis_url) as redis,
        ):
            relay = Relay(database, lambda: redis_session(settings.redis_url), Ear(redis, WAKE_RELAY))
            await repeat("relay", lambda: relay.run(stop), stop)

    await repeat("relay.start", session, stop)
