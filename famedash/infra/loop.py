"""The shape of every process: repeat a step until asked to stop, and close in reverse order.

A step that is `Postponed` (a server is away, a lease is not ours) is repeated after a pause; anything else
that escapes is a bug and ends the process, whose supervisor starts it again.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable

import structlog

from famedash.infra.database import GONE
from famedash.infra.errors import Postponed, Unavailable

log = structlog.get_logger()

AGAIN_LATER = (Postponed, Unavailable, *GONE)
"""What a loop answers with patience."""


class Stop:
    """Asked to stop: set by SIGTERM or SIGINT, waited for by every loop of a process."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()

    def listen(self) -> "Stop":
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.ask)
        return self

    def ask(self) -> None:
        self._asked.set()

    def __bool__(self) -> bool:
        return self._asked.is_set()

    async def wait(self, seconds: float | None = None) -> bool:
        """True once asked to stop; False when `seconds` passed first."""
        try:
            await asyncio.wait_for(self._asked.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def wait_or(self, event: asyncio.Event, seconds: float) -> None:
        """Return when asked to stop, when `event` is set, or after `seconds`."""
        waits = [asyncio.ensure_future(self._asked.wait()), asyncio.ensure_future(event.wait())]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


async def repeat(name: str, step: Callable[[], Awaitable[object]], stop: Stop, *, pause: float = 0.5) -> None:
    """Run `step` again and again until `stop`; patience with servers that are away, none with bugs."""
    away = False
    while not stop:
        try:
            await step()
        except AGAIN_LATER as reason:
            if not away:
                log.warning("step.postponed", step=name, reason=str(reason) or type(reason).__name__)
            away = True
            await stop.wait(pause)
        else:
            if away:
                log.info("step.resumed", step=name)
            away = False
