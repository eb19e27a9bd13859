"""Both servers together: the order of start and stop, and the promise that a half start leaves nothing."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from famedash.infra.embedded import postgres, valkey
from famedash.infra.embedded.data_dir import Endpoints, hold, publish
from famedash.infra.embedded.identity import Identity, identity_for, share_with_owner
from famedash.infra.embedded.ports import free_port
from famedash.infra.embedded.server import Server
from famedash.infra.embedded.switch import DeadMansSwitch

VALKEY_STOP_SECONDS, POSTGRES_STOP_SECONDS = 3.0, 6.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Embedded:
    """The running servers. For tests of outages each has `pid`, `stop`, `kill`, and `start` on its port."""

    endpoints: Endpoints
    postgres: Server
    valkey: Server
    switch: DeadMansSwitch

    def stop_within(self, seconds: float) -> None:
        """Bound the stop to come, both servers together; then SIGKILL (what was answered is on disk)."""
        self.valkey.stop_seconds = seconds / 3
        self.postgres.stop_seconds = seconds * 2 / 3


@asynccontextmanager
async def embedded_servers(
    data_dir: Path, *, durable: bool = True, postgres_port: int | None = None, redis_port: int | None = None
) -> AsyncIterator[Embedded]:
    """Run a real PostgreSQL and a real Valkey for the block's duration, on 127.0.0.1 only.

    Data stay in `data_dir`. A server that dies is brought back on its port. If we die, a dead-man's switch
    ends them; if that is killed too, the next start does. `durable=False` (tests): a power cut may lose data.
    Raises DataDirInUse and EmbeddedUnavailable, both with a message for a person.
    """
    with hold(data_dir) as root, DeadMansSwitch() as switch:
        async with AsyncExitStack() as stack:
            identity = identity_for(root)
            share_with_owner(root, identity)
            ports = postgres_port or free_port(), redis_port or free_port()
            embedded = await _start(stack, root, identity, switch, ports, durable=durable)
            publish(root, embedded.endpoints)
            log.info("embedded.started", postgres_port=ports[0], redis_port=ports[1], data_dir=str(root))
            yield embedded


async def _start(
    stack: AsyncExitStack,
    root: Path,
    identity: Identity,
    switch: DeadMansSwitch,
    ports: tuple[int, int],
    *,
    durable: bool,
) -> Embedded:
    postgres_port, redis_port = ports
    await postgres.prepare(root, identity)
    password = valkey.prepare(root, identity, port=redis_port, durable=durable)
    cluster = postgres.program(root, identity, port=postgres_port, durable=durable)
    streams = valkey.program(root, identity, port=redis_port, password=password)
    database = Server(cluster, switch, stop_seconds=POSTGRES_STOP_SECONDS)
    redis = Server(streams, switch, stop_seconds=VALKEY_STOP_SECONDS)
    for server in (database, redis):
        await server.start()
        stack.push_async_callback(server.stop)
    endpoints = Endpoints(postgres.url(root, postgres_port), valkey.url(redis_port, password))
    return Embedded(endpoints, database, redis, switch)
