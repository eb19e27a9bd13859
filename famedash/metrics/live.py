"""Live metrics as server-sent events: one look a second at each campaign that is watched, by however many.

The format is https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import structlog

from famedash.infra import json
from famedash.infra.errors import Unavailable
from famedash.infra.loop import Stop, repeat

MOST_STREAMS = 500
LOOK_SECONDS = 1.0
KEEP_ALIVE_SECONDS = 15.0
LONGEST_SECONDS = 3600.0

RETRY = b"retry: 2000\n\n"
KEEP_ALIVE = b": keep-alive\n\n"
OVER = b": over, connect again\n\n"

TIMES = frozenset({"asOf", "dataThrough", "from", "to"})

Look = Callable[[], Awaitable[Mapping[str, Any]]]
"""Answers the metrics document of one campaign. Raises `NotFound`."""

log = structlog.get_logger()


class Live:
    """One a process: which campaigns are watched, and how many streams are open."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._scenes: dict[tuple[str, str], Scene] = {}
        self.streams = 0

    @asynccontextmanager
    async def watch(
        self, workspace: str, campaign_id: str, look: Look, *, seconds: float = LONGEST_SECONDS
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """The stream of a campaign, for at most so many seconds, and an hour; its place is free afterwards.

        Raises before the stream begins: `Unavailable` where no place is free, and what the first look raises.
        """
        if self.streams >= MOST_STREAMS or self._stop:
            raise Unavailable("No more live streams can be opened here now.", retry_after_seconds=5)
        key = (workspace, campaign_id)
        scene = self._scenes.get(key) or self._scenes.setdefault(key, Scene(look, self._stop))
        self.streams += 1
        scene.watchers += 1
        try:
            await scene.begun()
            yield scene.stream(time.monotonic() + min(seconds, LONGEST_SECONDS))
        finally:
            self.streams -= 1
            scene.watchers -= 1
            if not scene.watchers:
                del self._scenes[key]
                scene.task.cancel()


class Scene:
    """A watched campaign: its newest document, told to everybody who watches when a count changed."""

    def __init__(self, look: Look, stop: Stop) -> None:
        self._look = look
        self._stop = stop
        self._newest = b""
        self._counted: Any = None
        self._changed = asyncio.Event()
        self.watchers = 0
        self.task = asyncio.create_task(self._follow())
        self.task.add_done_callback(self._over)

    async def begun(self) -> None:
        """Return once there is a document. Raises what the first look raised."""
        while not self._newest:
            if self.task.done():
                self.task.result()
                raise Unavailable("This server is stopping.")
            await self._changed.wait()

    async def stream(self, until: float) -> AsyncIterator[bytes]:
        """Events until then (monotonic seconds), until asked to stop, or until a look has a bug."""
        yield RETRY
        seen = b""
        while True:
            left = until - time.monotonic()
            if self._newest is not seen:  # who reads slowly gets the newest only
                seen = self._newest
                yield seen
            elif self.task.done() or left <= 0:
                yield OVER
                return
            elif not await self._changes(min(left, KEEP_ALIVE_SECONDS)):
                yield KEEP_ALIVE

    async def _follow(self) -> None:
        """Look every second. Patience with servers that are away begins after the first look."""
        await self._look_once()
        await repeat("live.look", self._look_again, self._stop, pause=0)

    async def _look_again(self) -> None:
        if not await self._stop.wait(LOOK_SECONDS):
            await self._look_once()

    async def _look_once(self) -> None:
        document = await self._look()
        if (counted := counts(document)) != self._counted:
            self._counted = counted
            self._tell(b"event: metrics\ndata: " + json.encode(document) + b"\n\n")

    async def _changes(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._changed.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def _tell(self, newest: bytes) -> None:
        self._newest = newest
        self._changed.set()
        self._changed = asyncio.Event()

    def _over(self, task: asyncio.Task[None]) -> None:
        bug = None if task.cancelled() else task.exception()
        if bug and self._newest:  # else it is answered to those who wait for the first look
            log.error("live.look_failed", exc_info=bug)
        self._changed.set()


def counts(value: Any) -> Any:
    """A document without its times: they pass while nothing happens."""
    if isinstance(value, Mapping):
        return {name: counts(each) for name, each in value.items() if name not in TIMES}
    if isinstance(value, list | tuple):
        return [counts(each) for each in value]
    return value
