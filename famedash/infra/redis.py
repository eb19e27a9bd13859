"""A pooled Redis client: for pokes, caches and reads; the relay's session has connections of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import BlockingConnectionPool, Redis


@asynccontextmanager
async def open_redis(url: str, *, max_connections: int = 8) -> AsyncIterator[Redis]:
    """Connects at the first command; waits for a free connection rather than refuse."""
    pool = BlockingConnectionPool.from_url(
        url, max_connections=max_connections, timeout=5, socket_connect_timeout=2, socket_timeout=10
    )
    client = Redis(connection_pool=pool)
    try:
        yield client
    finally:
        await client.aclose()
        await pool.disconnect()
