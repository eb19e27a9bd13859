"""The relay's session with Redis: two connections that never reconnect by themselves.

The first carries the batches, one Lua call each. The second proves that they are on disk: after a small
write of its own, WAITAOF there covers all that the server took before. If either is lost, nothing sent
in this session counts as sent.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from famedash.infra.errors import Postponed
from famedash.infra.log.model import Record
from famedash.infra.log.redis_log import PREFIX, stream_key

CAP_OF_PLAIN_STREAMS = 100_000

APPEND = """
for i = 1, #KEYS do
    local cap, data = ARGV[2 * i - 1], ARGV[2 * i]
    if cap == '0' then redis.call('XADD', KEYS[i], '*', 'data', data)
    else redis.call('XADD', KEYS[i], 'MAXLEN', '~', cap, '*', 'data', data) end
end
return #KEYS
"""


class RedisPublisher:
    def __init__(self, sender: Redis, witness: Redis) -> None:
        self.sender = sender
        self.witness = witness

    async def publish(self, records: Sequence[Record]) -> None:
        keys = [stream_key(record.topic, record.partition) for record in records]
        values: list[bytes | str] = []
        for record in records:
            values += [str(CAP_OF_PLAIN_STREAMS) if record.partition is None else "0", record.data]
        try:
            await self.sender.eval(APPEND, len(keys), *keys, *values)
        except (RedisError, OSError) as lost:
            raise Postponed("Redis took only part of a batch or none of it; it is sent again.") from lost

    async def confirm(self) -> None:
        try:
            await self.witness.set(f"{PREFIX}relay:witness", "1")
            synced: Any = await self.witness.waitaof(1, 0, 2_000)
        except ResponseError as refused:
            if "appendonly is disabled" in str(refused):
                return
            raise Postponed("Redis cannot say what is on disk.") from refused
        except (RedisError, OSError) as lost:
            raise Postponed("Redis went away before it had synced a batch; it is sent again.") from lost
        if synced[0] < 1:
            raise Postponed("Redis did not sync a batch within 2 s; it is sent again.")


@asynccontextmanager
async def redis_session(url: str) -> AsyncIterator[RedisPublisher]:
    """Open both connections; raises `Postponed` when Redis is away."""
    sender, witness = _connection(url), _connection(url)
    try:
        try:
            await sender.ping()
            await witness.ping()
        except (RedisError, OSError) as away:
            raise Postponed("Redis cannot be reached.") from away
        yield RedisPublisher(sender, witness)
    finally:
        await sender.aclose()
        await witness.aclose()


def _connection(url: str) -> Redis:
    return Redis.from_url(
        url,
        single_connection_client=True,
        retry=Retry(NoBackoff(), 0),
        socket_timeout=5,
        socket_connect_timeout=2,
    )
