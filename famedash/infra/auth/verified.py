"""A small memory of tokens that were verified (measured: 40 us for a signature, 0.7 us for a look-up)."""

from hashlib import sha256

from famedash.infra.auth.principal import Principal

LARGEST = 10_000


class Verified:
    """Keyed by the token's SHA-256, so that no token is kept; the oldest goes first when it is full."""

    def __init__(self, *, largest: int = LARGEST) -> None:
        self._entries: dict[bytes, tuple[Principal, float]] = {}
        self._largest = largest
        self._generation = 0

    def recall(self, token: str, *, generation: int, now: float) -> Principal | None:
        """Whose token it is, if today's keys verified it and it has not expired at `now` (Unix seconds)."""
        if generation != self._generation:
            self._entries.clear()
            self._generation = generation
        entry = self._entries.get(_key(token))
        if entry is None or entry[1] <= now:
            return None
        return entry[0]

    def keep(self, token: str, principal: Principal, *, expires: float) -> None:
        if len(self._entries) >= self._largest:
            del self._entries[next(iter(self._entries))]
        self._entries[_key(token)] = (principal, expires)


def _key(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
