"""Work that outlives the request that began it, and ends before the process does."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import ParamSpec

import structlog

from famedash.infra.errors import Unavailable
from famedash.infra.loop import Stop

P = ParamSpec("P")

log = structlog.get_logger()


class Background:
    """The tasks of one process."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closed = False

    def start(self, work: Callable[P, Awaitable[None]], *args: P.args, **named: P.kwargs) -> None:
        """Begin `work`. Raises `Unavailable` once closed."""
        if self._is_closed:
            raise Unavailable("The server is being stopped; nothing was begun. Try again.")

        async def run() -> None:
            try:
                await work(*args, **named)
            except Exception as fault:
                log.error("background.failed", exc_info=fault)

        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Cancel everything, once, and wait until it has ended."""
        if not self._is_closed:
            self._is_closed = True
            for task in self._tasks:
                task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def close_on(self, stop: Stop) -> None:
        await stop.wait()
        await self.close()
