"""Is this process alive, and can it serve? Asked by supervisors and load balancers, so without a token."""

import asyncio
from typing import Any

import asyncpg
from fastapi import APIRouter
from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.responses import Response

from famedash.infra import telemetry
from famedash.infra.database import GONE, Database
from famedash.infra.errors import Unavailable
from famedash.infra.http.responses import json_response
from famedash.infra.migrate import pending

PATIENCE_SECONDS = 2.0


def router(database: Database, redis: Redis) -> APIRouter:
    """`/healthz`, `/readyz`, `/metrics`."""
    routes = APIRouter(tags=["operations"])

    @routes.get("/healthz", summary="Is the process alive?")
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @routes.get("/readyz", summary="Can it serve?", responses={503: {"description": "Not now"}})
    async def readyz() -> Response:
        """200 when the database answers and is migrated. Redis is only reported: campaigns do without it."""
        return json_response(await readiness(database, redis))

    @routes.get("/metrics", summary="Numbers for Prometheus", response_class=Response)
    async def metrics() -> Response:
        return Response(await asyncio.to_thread(telemetry.exposition), media_type=telemetry.MEDIA_TYPE)

    return routes


async def readiness(database: Database, redis: Redis) -> dict[str, Any]:
    """Raises `Unavailable` that names what is missing."""
    missing, redis_answers = await asyncio.gather(_missing_migrations(database), answers(redis))
    if missing:
        raise Unavailable(f"The database lacks {len(missing)} migration(s): run `famedash migrate`.")
    return {"status": "ready", "database": "ok", "redis": "ok" if redis_answers else "unreachable"}


async def answers(redis: Redis) -> bool:
    """Does Redis answer a PING within our patience?"""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return bool(await redis.ping())
    except (RedisError, OSError):
        return False


async def _missing_migrations(database: Database) -> list[str]:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS), database.connection() as connection:
            return await pending(connection)
    except (Unavailable, asyncpg.PostgresError, *GONE):
        raise Unavailable("The database does not answer.") from None
