"""The metrics worker: owns partitions and has them counted, trims what was counted, copies dead letters."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

import structlog

from famedash.infra.database import Database
from famedash.infra.log.fence import standings
from famedash.infra.log.model import Appender, Log, Standing
from famedash.infra.log.ownership import Ownership, Share
from famedash.infra.loop import AGAIN_LATER, Stop, repeat
from famedash.metrics import letters
from famedash.metrics.consumer import Again, Consumer
from famedash.metrics.model import READER
from famedash.metrics.settings import MetricsSettings

log = structlog.get_logger()

RENEW_SECONDS = 1.0
TRIM_SECONDS = 1.0
COPY_SECONDS = 5.0
EVERYTHING_READ = 2**53
LEAVE_SECONDS = 1.5


class Ingester:
    def __init__(
        self,
        database: Database,
        log: Log,
        appender: Appender,
        settings: MetricsSettings,
        *,
        seed: int,
        ownership: Ownership | None = None,
    ) -> None:
        self.database = database
        self.log = log
        self.appender = appender
        self.ownership = ownership or Ownership(database, READER)
        self.consumer = Consumer(database, log, appender, settings, seed=seed)
        self._share: Share | None = None
        self._changed = asyncio.Event()
        self._leaving = False
        self._trimmed: dict[int, str] = {}

    async def run(self, stop: Stop) -> None:
        """Count until asked to stop, then finish the write under way and give everything back."""
        renewing = asyncio.create_task(repeat("metrics.renew", self._renew, Stop()))
        counting = asyncio.create_task(repeat("metrics.count", lambda: self._count(stop), stop))
        others = [
            asyncio.create_task(repeat("metrics.trim", lambda: self._trim(stop), stop, pause=5)),
            asyncio.create_task(repeat("metrics.letters", lambda: self._copy_letters(stop), stop, pause=5)),
        ]
        tasks = [renewing, counting, *others]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            await self._leave(counting, renewing)
        finally:
            for task in tasks:
                task.cancel()

    # --- owning

    async def _renew(self) -> None:
        share = await self.ownership.renew(claim=not self._leaving)
        self._share = share
        if share.surplus or not self._agrees(share.held):
            self._changed.set()
        await asyncio.sleep(RENEW_SECONDS)

    def _agrees(self, held: Mapping[int, Standing]) -> bool:
        tapes = self.consumer.tapes
        return set(held) == set(tapes) and all(tapes[n].agrees_with(stood) for n, stood in held.items())

    async def _count(self, stop: Stop) -> None:
        """One tenure: from the rows as they stand until the share changes."""
        held = await self._own(stop)
        stood = await standings(self.database, READER, held)
        mine = {n: standing for n, standing in stood.items() if standing.epoch == held[n].epoch}
        with suppress(Again):
            await self.consumer.run(mine, lambda: bool(stop) or self._changed.is_set())

    async def _own(self, stop: Stop) -> dict[int, Standing]:
        """What is ours, less what we hold beyond a fair share: that is given back first."""
        while not stop and not (self._share and self._share.held):
            self.consumer.tapes = {}
            await stop.wait_or(self._changed, RENEW_SECONDS)
            self._changed.clear()
        self._changed.clear()
        held = dict(self._share.held) if self._share else {}
        surplus = sorted(held)[len(held) - self._share.surplus :] if self._share else []
        if surplus:
            await self.ownership.release(surplus)
            self._share = None
        return {partition: stood for partition, stood in held.items() if partition not in surplus}

    async def _leave(self, counting: "asyncio.Task[None]", renewing: "asyncio.Task[None]") -> None:
        self._leaving = True
        await counting
        renewing.cancel()
        await asyncio.wait([renewing])
        with suppress(*AGAIN_LATER):
            async with asyncio.timeout(LEAVE_SECONDS):
                await self.ownership.release(self.consumer.tapes)
                await self.ownership.leave()

    # --- looking after

    async def _trim(self, stop: Stop) -> None:
        """Drop what is behind the positions: it is counted."""
        for partition, tape in list(self.consumer.tapes.items()):
            position = tape.standing.position.entry
            if self._trimmed.get(partition) != position:
                await self.log.trim(partition, position=position, older_than_ms=EVERYTHING_READ)
                self._trimmed[partition] = position
        await stop.wait(TRIM_SECONDS)

    async def _copy_letters(self, stop: Stop) -> None:
        written = self.consumer.letters_written
        written.clear()
        if not await letters.copy(self.database, self.appender, list(self.consumer.tapes)):
            await stop.wait_or(written, COPY_SECONDS)
