"""Names looked up so that a name server that hangs holds up nobody but the workspace that names it.

The system's resolver keeps a thread until it gives up, long after our time-out; a process has 64 for it.
"""

import asyncio
from weakref import WeakValueDictionary

from famedash.webhooks.addresses import Lookup, Networks, Place, resolve

MOST_AT_ONCE = 8
"""Look-ups of a workspace."""


class Lookups:
    def __init__(self, allowed: Networks, lookup: Lookup) -> None:
        self._allowed = allowed
        self._lookup = lookup
        self._open: dict[tuple[str, Place], asyncio.Future[list[str]]] = {}
        self._turns: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def addresses(self, place: Place, workspace: str) -> list[str]:
        """As `resolve` does. Who waits for a place that is being looked up holds no thread of its own."""
        key = (workspace, place)
        looking = self._open.get(key)
        if looking is None:
            looking = self._open[key] = asyncio.ensure_future(self._resolve(place, workspace))
            looking.add_done_callback(lambda done: self._ended(key, done))
        return await asyncio.shield(looking)

    def close(self) -> None:
        for looking in self._open.values():
            looking.cancel()

    async def _resolve(self, place: Place, workspace: str) -> list[str]:
        async with self._turns.setdefault(workspace, asyncio.Semaphore(MOST_AT_ONCE)):
            return await resolve(place.host, place.port, self._allowed, tls=place.tls, lookup=self._lookup)

    def _ended(self, key: tuple[str, Place], looking: asyncio.Future[list[str]]) -> None:
        del self._open[key]
        if not looking.cancelled():
            looking.exception()  # noted, should nobody have waited so long
