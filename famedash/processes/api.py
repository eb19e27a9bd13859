"""`famedash api`: the HTTP process. Composition only: resources, the app, the server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import version

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from redis.asyncio import Redis
from starlette.middleware import Middleware

from famedash.briefs import routes as briefs
from famedash.briefs.knowledge import routes as knowledge
from famedash.briefs.knowledge.embedder import Embedder
from famedash.briefs.knowledge.pipeline import Sources
from famedash.campaigns import queries as campaign_queries
from famedash.campaigns import routes as campaigns
from famedash.infra import health
from famedash.infra.auth.tokens import Authenticator, open_authenticator
from famedash.infra.background import Background
from famedash.infra.database import IMPATIENT, Database, open_database
from famedash.infra.http import handlers, openapi
from famedash.infra.http.bearer import requires
from famedash.infra.http.edge import Edge
from famedash.infra.http.limits import Limits
from famedash.infra.http.rates import Rates
from famedash.infra.http.watch import Watch
from famedash.infra.log.poke import Poke
from famedash.infra.log.redis_appender import RedisAppender
from famedash.infra.log.redis_log import RedisLog
from famedash.infra.loop import Stop, repeat
from famedash.infra.redis import open_redis
from famedash.infra.sealing import Seal
from famedash.metrics import routes as metrics
from famedash.metrics.inlet import Inlet, waiting_in
from famedash.metrics.live import Live
from famedash.metrics.model import TOPIC as ENGAGEMENT
from famedash.metrics.pipeline import Facts
from famedash.metrics.windows import CampaignFacts
from famedash.performers import routes as performers
from famedash.performers.inbox import Inbox
from famedash.processes.briefs import GetCraft, composing, minilm, open_craft, open_embedder, studio
from famedash.processes.deliver import webhook_keys, webhook_settings
from famedash.processes.etl_child import launcher
from famedash.processes.http_server import serve
from famedash.processes.secrets import auth_settings, seal
from famedash.processes.settings import Settings
from famedash.webhooks import routes as webhooks
from famedash.webhooks.letters import routes as letters
from famedash.webhooks.lookups import Lookups
from famedash.webhooks.registry import routes as registry
from famedash.webhooks.registry.pipeline import Registry
from famedash.webhooks.sender import Sender, open_sender
from famedash.webhooks.timeline import routes as timeline

DATABASE_CONNECTIONS = 20

DESCRIPTION = """
The backend under influencer-marketing campaigns: it owns a campaign's life and tells other systems reliably.

**A token first.** `make token` (or `famedash token`) prints one; paste it behind *Authorize*, or send it as
`Authorization: Bearer …`. Every answer that is an error is a problem document (RFC 9457).
"""
TAGS = [
    {"name": "campaigns", "description": "Create, change and follow campaigns."},
    {"name": "webhooks", "description": "Where events are delivered, what happened to them, dead letters."},
    {"name": "metrics", "description": "What was counted: the last hour, 24 hours, everything; what rises."},
    {"name": "performers", "description": "Who brought what: rankings, and the files they come from."},
    {"name": "briefs", "description": "Briefs that a creator could shoot tomorrow, and what became of them."},
    {"name": "knowledge", "description": "What a workspace knows of its brands: briefs are grounded in it."},
    {"name": "operations", "description": "Is it alive, can it serve, numbers."},
]


@dataclass(frozen=True)
class Resources:
    """What the app is built on; opened and closed by the process, never by the app.

    `stop` ends what would go on for ever: live streams, uploads. `background` ends with it.
    `craft`: what makes briefs, else the composer. `webhook_keys` sign test events to the endpoint `default`,
    `sender` posts them to any; without one it is made when it is needed.
    """

    database: Database
    redis: Redis
    authenticator: Authenticator
    seal: Seal
    stop: Stop = field(default_factory=Stop)
    background: Background = field(default_factory=Background)
    embedder: Embedder = field(default_factory=minilm)
    craft: GetCraft | None = None
    webhook_keys: tuple[bytes, ...] = ()
    sender: Sender | None = None


def create_app(settings: Settings, resources: Resources) -> FastAPI:
    """The whole API. Opens nothing: a test may pass resources of its own."""
    app = FastAPIOffline(
        redoc_url=None,
        title="FameDash",
        version=version("famedash"),
        description=DESCRIPTION,
        openapi_tags=TAGS,
        servers=[{"url": "/", "description": "This server"}],
        redirect_slashes=False,
        middleware=[
            Middleware(Watch),
            Middleware(
                Limits,
                max_body_bytes=settings.max_body_bytes,
                bound_of={
                    "/events": settings.events_max_body_bytes,
                    "/imports": settings.imports_max_body_bytes,
                },
            ),
        ],
        swagger_ui_parameters={"persistAuthorization": True},
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    handlers.install(app)
    openapi.install(app)
    rates = Rates(per_second=settings.rate_per_second, burst=settings.rate_burst)
    edge = Edge(resources.database, requires(resources.authenticator, rates))
    include_features(app, edge, settings, resources)
    app.include_router(health.router(resources.database, resources.redis))
    return app


def include_features(app: FastAPI, edge: Edge, settings: Settings, resources: Resources) -> None:
    """Every feature's routes, and the facts that one tells another."""
    redis = resources.redis
    _include_briefs(app, edge, settings, resources)
    app.include_router(campaigns.router(edge))
    app.include_router(webhooks.router(edge))
    sending = webhook_settings(settings, resources.webhook_keys)
    lookups = Lookups(sending.allowed)
    endpoints = Registry(edge.database, resources.seal, sending, lookups, resources.sender)
    app.include_router(registry.router(edge, endpoints))
    app.include_router(letters.router(edge, default_points=bool(settings.webhook_url)))
    app.include_router(timeline.router(edge, default_points=bool(settings.webhook_url)))
    inlet = Inlet(RedisAppender(redis), waiting_in(redis), most=settings.events_backlog)
    facts, log = campaign_facts(edge.database), RedisLog(redis, ENGAGEMENT)
    app.include_router(metrics.router(edge, facts, log, inlet, Live(resources.stop)))
    folder, launch = settings.data_path / "imports", launcher(settings)
    inbox = Inbox(edge.database, folder, launch, resources.background, resources.stop)
    app.include_router(performers.router(edge, inbox))


def _include_briefs(app: FastAPI, edge: Edge, settings: Settings, resources: Resources) -> None:
    """First of all: a route costs 10 us for each one that stands before it, and a repeat takes few more."""
    sources = Sources(edge.database, resources.embedder)
    craft = resources.craft or composing(edge.database, resources.embedder)
    making = studio(settings, edge.database, resources.redis, craft)
    app.include_router(briefs.router(edge, making, sources))
    app.include_router(knowledge.router(edge, sources))


def campaign_facts(database: Database) -> Facts:
    """What metrics ask about a campaign."""

    async def facts(workspace: str, campaign_id: str) -> CampaignFacts | None:
        campaign = await campaign_queries.get(database, workspace, campaign_id)
        if campaign is None:
            return None
        budget = campaign.budget
        return CampaignFacts(budget.amount, budget.currency) if budget else CampaignFacts()

    return facts


@asynccontextmanager
async def open_resources(settings: Settings, stop: Stop) -> AsyncIterator[Resources]:
    """Raises `Postponed` while the database is away. Redis may be away: a poke is only haste."""
    authenticator, sealing = await open_authenticator(auth_settings(settings)), seal(settings)
    webhooks = webhook_settings(settings, webhook_keys(settings))
    async with (
        open_database(
            settings.database_url,
            application="api",
            max_connections=DATABASE_CONNECTIONS,
            settings=IMPATIENT,
        ) as database,
        open_redis(settings.redis_url) as redis,
        open_embedder(settings) as embedder,
        open_craft(settings, database, embedder) as craft,
        open_sender(timeout_seconds=webhooks.timeout_seconds, allowed=webhooks.allowed) as sender,
    ):
        poke = Poke(redis)
        database.listener = poke.request
        try:
            async with _background(stop) as background:
                yield Resources(
                    database,
                    redis,
                    authenticator,
                    sealing,
                    stop,
                    background,
                    embedder,
                    craft,
                    webhooks.secrets,
                    sender,
                )
        finally:
            await poke.close()


@asynccontextmanager
async def _background(stop: Stop) -> AsyncIterator[Background]:
    """It begins to end when we are asked to stop, while requests are still answered: both take seconds."""
    background = Background()
    closing = asyncio.create_task(background.close_on(stop))
    try:
        yield background
    finally:
        closing.cancel()
        await background.close()


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; requests under way are answered first, for at most 7 s."""
    stop = Stop().listen()

    async def session() -> None:
        async with open_resources(settings, stop) as resources:
            app = create_app(settings, resources)
            await serve(app, host=settings.host, port=settings.port, stop=stop)

    await repeat("api.start", session, stop)
