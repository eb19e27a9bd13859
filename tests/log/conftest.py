"""Every broker there is, one after the other."""

import pytest
from redis.asyncio import Redis

from tests.log.brokers import Broker, RedisBroker


@pytest.fixture(params=["redis"])
async def broker(request: pytest.FixtureRequest, redis: Redis, redis_url: str) -> Broker:
    match request.param:
        case "redis":
            return RedisBroker(redis, redis_url)
    raise AssertionError(f"no such broker: {request.param}")
