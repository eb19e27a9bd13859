"""The whole of FameDash in one event loop: the API on a real port, relay, workers, a real receiver."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import aiohttp
from redis.asyncio import Redis

from famedash.briefs.engines import Engine, composer
from famedash.briefs.knowledge.embedder import Embedder
from famedash.briefs.pipeline import Craft
from famedash.briefs.workshop import Workshop
from famedash.infra.auth.principal import SCOPES
from famedash.infra.auth.settings import AuthSettings
from famedash.infra.auth.tokens import open_authenticator
from famedash.infra.database import Database, open_database
from famedash.infra.log.ear import Ear
from famedash.infra.log.ownership import Ownership
from famedash.infra.log.poke import Poke
from famedash.infra.log.redis_log import RedisLog
from famedash.infra.log.redis_publisher import redis_session
from famedash.infra.loop import Stop, repeat
from famedash.infra.redis import open_redis
from famedash.outbox.service import WAKE_RELAY
from famedash.outbox.worker import Relay
from famedash.practice.receiver import Receiver
from famedash.practice.receiver import create_app as create_receiver
from famedash.processes.api import Resources, create_app
from famedash.processes.briefs import GetCraft, minilm
from famedash.processes.settings import Settings
from famedash.processes.workshop import ground
from famedash.webhooks import signing
from famedash.webhooks.addresses import parse_networks
from famedash.webhooks.sender import open_sender
from famedash.webhooks.service import READER
from famedash.webhooks.settings import WebhookSettings
from famedash.webhooks.worker import Deliverer
from tests.campaigns.api import Api
from tests.secrets import JWT_SECRET, SEAL, WEBHOOK_SECRET, token
from tests.serving import serving

LOOPBACK = "127.0.0.0/8,::1"


@dataclass
class Worker:
    """A webhook worker that runs as a task; `stop` is a SIGTERM, `kill` the end of its process."""

    deliverer: Deliverer
    asked: Stop
    task: asyncio.Task[None]

    async def stop(self) -> None:
        self.asked.ask()
        await self.task

    async def kill(self) -> None:
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task


@dataclass
class System:
    api: Api
    api_of: Callable[..., Api]
    database: Database
    redis: Redis
    receiver: Receiver
    start_worker: Callable[..., Awaitable[Worker]]
    workers: list[Worker] = field(default_factory=list)

    async def create(self, campaign_id: str = "summer", **more: Any) -> dict[str, Any]:
        reply = await self.api.post({"id": campaign_id, "name": "Summer", **more})
        assert reply.status == 201, reply.body
        return dict(reply.json)

    async def change(self, campaign_id: str = "summer", **more: Any) -> dict[str, Any]:
        reply = await self.api.patch(more, path=f"/campaigns/{quote(campaign_id)}")
        assert reply.status == 200, reply.body
        return dict(reply.json)

    async def logs(self, campaign_id: str | None = "summer") -> list[dict[str, Any]]:
        query = f"?campaignId={campaign_id}" if campaign_id else ""
        reply = await self.api.get(f"/logs{query}")
        assert reply.status == 200, reply.body
        return list(reply.json["items"])

    async def settled(self, versions: int, campaign_id: str = "summer", seconds: float = 10) -> list[dict]:  # type: ignore[type-arg]
        """The audit log once `versions` versions of the campaign have a final row."""
        rows: list[dict[str, Any]] = []

        async def done() -> bool:
            nonlocal rows
            rows = await self.logs(campaign_id)
            final = {row["version"] for row in rows if row["status"] in ("delivered", "dead", "expired")}
            return len(final) >= versions

        await until(done, seconds)
        return rows

    def received(self, campaign_id: str = "summer") -> list[int]:
        """The versions of this campaign that the receiver took with 2xx, in order of arrival."""
        return [version for version, status in self.posts(campaign_id) if status < 300]

    def posts(self, campaign_id: str = "summer") -> list[tuple[int, int]]:
        """(version, what was answered) of every POST, in order of arrival."""
        events = [(json.loads(bytes(one.event)), one.answered) for one in self.receiver.received]
        return [
            (event["data"]["version"], answered)
            for event, answered in events
            if event["data"]["campaignId"] == campaign_id
        ]


def crafting(database: Database, embedder: Embedder, engine: Engine | None = None) -> GetCraft:
    """The workshop of this engine, else of the composer."""
    workshop = Workshop(engine or composer(), ground(database, embedder))

    async def craft() -> Craft:
        return workshop

    return craft


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 10) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    while not await condition():
        assert asyncio.get_running_loop().time() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


@asynccontextmanager
async def running(
    database_url: str,
    redis_url: str,
    *,
    workers: int = 1,
    backoff_seconds: float = 0.05,
    receiver_url: str | None = None,
    lease_seconds: float = 4.0,
    timeout_seconds: float = 2.0,
    engine: Engine | None = None,
    embedder: Embedder | None = None,
    settings: dict[str, Any] | None = None,
) -> AsyncIterator[System]:
    """Everything up; a test may start more workers, and kill or stop them.

    `engine`, `embedder`: what briefs are made with, else the composer and MiniLM. `settings`: of the API.
    """
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(database_url, application="test api"))
        redis = await stack.enter_async_context(open_redis(redis_url))
        poke = Poke(redis)
        database.listener = poke.request
        stack.push_async_callback(poke.close)
        receiver_app = create_receiver(WEBHOOK_SECRET)
        url = receiver_url or await stack.enter_async_context(serving(receiver_app)) + "/campaign"
        authenticator = await open_authenticator(AuthSettings(JWT_SECRET, "", "famedash", "famedash"))
        embedder = embedder or minilm()
        resources = Resources(
            database,
            redis,
            authenticator,
            SEAL,
            embedder=embedder,
            craft=crafting(database, embedder, engine),
            webhook_keys=(signing.key_of(WEBHOOK_SECRET),),
        )
        of_the_api = {"webhook_url": url, "webhook_allow_private": LOOPBACK, **(settings or {})}
        app = create_app(Settings(**of_the_api), resources)
        base_url = await stack.enter_async_context(serving(app))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        stop = Stop()

        def api_of(workspace: str, scopes: frozenset[str] = SCOPES) -> Api:
            return Api(session, base_url, token(workspace, scopes))

        relay = Relay(database, lambda: redis_session(redis_url), Ear(redis, WAKE_RELAY))
        relaying = asyncio.create_task(repeat("relay", lambda: relay.run(stop), stop))

        async def start_worker(**more: Any) -> Worker:
            settings = WebhookSettings(
                url=url,
                secrets=(signing.key_of(WEBHOOK_SECRET),),
                backoff_seconds=backoff_seconds,
                timeout_seconds=timeout_seconds,
                allowed=parse_networks(LOOPBACK),
                **more,
            )
            worker_stack = await stack.enter_async_context(AsyncExitStack())
            own = await worker_stack.enter_async_context(open_database(database_url, application="worker"))
            log = await worker_stack.enter_async_context(open_redis(redis_url))
            sender = await worker_stack.enter_async_context(
                open_sender(timeout_seconds=timeout_seconds, allowed=parse_networks(LOOPBACK))
            )
            ownership = Ownership(own, READER, lease_seconds=lease_seconds)
            deliverer = Deliverer(own, RedisLog(log, "events"), sender, settings, SEAL, ownership=ownership)
            asked = Stop()
            worker = Worker(deliverer, asked, asyncio.create_task(deliverer.run(asked)))
            system.workers.append(worker)
            return worker

        system = System(api_of("acme"), api_of, database, redis, receiver_app.state.receiver, start_worker)
        for _ in range(workers):
            await start_worker()
        try:
            yield system
        finally:
            for worker in system.workers:
                if not worker.task.done():
                    await worker.stop()
            stop.ask()
            await relaying
