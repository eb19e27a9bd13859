"""Names looked up so that a name server that hangs holds up nobody but the workspace that names it.

The system's resolver keeps a thread until it gives up, long after our time-out; a process has 64 for it.
"""

import asyncio
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from famedash.webhooks.addresses import Forbidden, Lookup, Networks, Place, look_up, place_of, resolve

MOST_AT_ONCE = 8
"""Look-ups of a workspace."""

CHECK_SECONDS = 5.0


class Lookups:
    def __init__(self, allowed: Networks, lookup: Lookup = look_up) -> None:
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

    async def check(self, url: str, workspace: str) -> None:
        """Raises `Forbidden` unless an endpoint may point there: scheme, host, port, user, addresses."""
        place = place_of(url)
        if "@" in urlsplit(url).netloc:
            raise Forbidden(
                "The URL must not hold a user or a password: send them in a header of the endpoint."
            )
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await self.addresses(place, workspace)
        except OSError:  # TimeoutError is one
            raise Forbidden(
                "The host has no address, or none could be found now. Check its name, or try again later."
            ) from None

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
