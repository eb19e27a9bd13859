"""`famedash deliver`: the webhook worker, as a process."""

import asyncio
import resource
from contextlib import AbstractAsyncContextManager

import structlog

from famedash.infra.database import BY_KEY, IMPATIENT, Database, open_database
from famedash.infra.log.redis_log import RedisLog
from famedash.infra.loop import Stop, repeat
from famedash.infra.redis import open_redis
from famedash.outbox.model import EVENTS
from famedash.processes.secrets import seal, webhook_secret
from famedash.processes.settings import Settings
from famedash.webhooks import signing
from famedash.webhooks.addresses import Forbidden, parse_networks, place_of, resolve
from famedash.webhooks.sender import open_sender
from famedash.webhooks.settings import WebhookSettings
from famedash.webhooks.worker import Deliverer

MOST_FILES = 65_536

log = structlog.get_logger()


def webhook_keys(settings: Settings) -> tuple[bytes, ...]:
    """What deliveries to the endpoint `default` are signed with. Raises `Misconfigured`."""
    return (signing.key_of(webhook_secret(settings)),)


def webhook_settings(settings: Settings, keys: tuple[bytes, ...]) -> WebhookSettings:
    return WebhookSettings(
        url=settings.webhook_url,
        secrets=keys,
        attempts=settings.webhook_attempts,
        backoff_seconds=settings.webhook_backoff_seconds,
        timeout_seconds=settings.webhook_timeout_seconds,
        max_in_flight=settings.webhook_max_in_flight,
        allowed=parse_networks(settings.webhook_allow_private),
    )


def own_database(settings: Settings) -> AbstractAsyncContextManager[Database]:
    return open_database(settings.database_url, application="deliver", settings=IMPATIENT + BY_KEY)


async def run(settings: Settings) -> None:
    """Deliver until asked to stop; start again, from what is recorded, when a server was away."""
    stop = Stop().listen()
    webhooks, sealing = webhook_settings(settings, webhook_keys(settings)), seal(settings)

    warning = asyncio.create_task(warn_of_forbidden(webhooks))
    allow_connections()

    async def session() -> None:
        async with (
            own_database(settings) as database,
            open_redis(settings.redis_url) as redis,
            open_sender(timeout_seconds=webhooks.timeout_seconds, allowed=webhooks.allowed) as sender,
        ):
            await Deliverer(database, RedisLog(redis, EVENTS), sender, webhooks, sealing).run(stop)

    await repeat("deliver", session, stop)
    warning.cancel()


def allow_connections() -> None:
    """As many open ones as the system lets us: 50 endpoints of a workspace may have 100 each."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_FILES if hard == resource.RLIM_INFINITY else min(MOST_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


async def warn_of_forbidden(webhooks: WebhookSettings) -> None:
    """Say at once what every try at `default` would end with."""
    if not webhooks.url:
        return
    try:
        place = place_of(webhooks.url)
        await resolve(place.host, place.port, webhooks.allowed, tls=place.tls)
    except Forbidden as reason:
        log.error("webhook.url_forbidden", setting="FAMEDASH_WEBHOOK_URL", reason=str(reason))
    except OSError:  # it may have an address later
        return
