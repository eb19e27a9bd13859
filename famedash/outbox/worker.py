"""The relay: moves committed events from the ledger to the log, one relay at a time, standbys behind it.

A session with the log ends at its first error; the next one sends again, in order, all that was not surely
on disk. Readers absorb the repeats.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

import structlog

from famedash.infra.database import Database
from famedash.infra.errors import Postponed
from famedash.infra.lease import Lease
from famedash.infra.log.ear import Ear
from famedash.infra.log.model import Publisher
from famedash.infra.loop import AGAIN_LATER, Stop
from famedash.infra.telemetry import counter
from famedash.outbox import service

log = structlog.get_logger()
published = counter("famedash_outbox_published_total", "Domain events published to the log.")

BATCH = 500
BATCH_BYTES = 4 * 1024 * 1024
LEASE_SECONDS = 2.0
POLL_SECONDS = 0.02

Session = Callable[[], AbstractAsyncContextManager[Publisher]]


class Relay:
    """`run` is one session with the log; the process's loop starts it again after an error."""

    def __init__(self, database: Database, open_session: Session, ear: Ear) -> None:
        self.database = database
        self.open_session = open_session
        self.ear = ear
        self.lease = Lease(database, "relay", seconds=LEASE_SECONDS)

    async def run(self, stop: Stop) -> None:
        """Wait for the lease, then publish until asked to stop. Raises `Postponed` when a server is away."""
        async with self._leadership(stop) as leading:
            if not leading:
                return
            async with self.open_session() as publisher:
                while not stop:
                    if await self.publish(publisher) < BATCH:
                        await self.ear.listen(POLL_SECONDS)

    async def publish(self, publisher: Publisher) -> int:
        """One batch: read, send, see it on disk, forget. Answers how many events it held."""
        if self.lease.wants_renewal() and not await self.lease.hold():
            raise Postponed("Another relay took over.")
        waiting = await service.unpublished(self.database, limit=BATCH, limit_bytes=BATCH_BYTES)
        if not waiting:
            return 0
        if not self.lease.is_fresh():
            raise Postponed("The relay's lease ran out while it read.")
        await publisher.publish([event.record for event in waiting])
        await publisher.confirm()
        await service.forget(self.database, [event.seq for event in waiting])
        published.inc(len(waiting))
        return len(waiting)

    @asynccontextmanager
    async def _leadership(self, stop: Stop) -> AsyncIterator[bool]:
        """Stand by until the lease is ours; release it on the way out, so that the next one need not wait."""
        while not stop and not await self.lease.hold():
            await stop.wait(0.2)
        if stop:
            yield False
            return
        log.info("relay.leading")
        try:
            yield True
        finally:
            with suppress(*AGAIN_LATER):
                await self.lease.release()
