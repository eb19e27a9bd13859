"""The public keys of an identity provider (RFC 7517): fetched at start and when a token names an unknown one.

The last keys are kept while the provider is unreachable. Symmetric keys and keys for encryption are ignored.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import jwt
import msgspec
import structlog

from famedash.infra.auth.keys import UnknownKey, VerificationKey
from famedash.infra.errors import Unavailable

REFETCH_SECONDS = 30.0
FIRST_FETCH_SECONDS = 2.0
LARGEST_DOCUMENT_BYTES = 1_048_576
ALGORITHMS = frozenset({"RS256", "ES256", "EdDSA"})

_log = structlog.get_logger()
_time_out = aiohttp.ClientTimeout(total=5)


class Jwks:
    """Keys by `kid`; a token without one is matched with the only key of a set that has one."""

    def __init__(self, url: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.generation = 0
        self._url = url
        self._monotonic = monotonic
        self._keys: dict[str | None, VerificationKey] = {}
        self._fetching = asyncio.Lock()
        self._next_fetch = float("-inf")

    async def find(self, key_id: str | None) -> VerificationKey:
        """Raises `UnknownKey`, or `Unavailable` while no keys were ever fetched."""
        if key := self._known(key_id):
            return key
        await self.refetch(unless_known=key_id)
        if key := self._known(key_id):
            return key
        if not self._keys:
            raise Unavailable("The keys that verify tokens cannot be fetched.", retry_after_seconds=5)
        raise UnknownKey("The token is signed with a key that is not known here.")

    async def refetch(self, *, unless_known: str | None = None) -> None:
        """Fetch, at most every 30 s (2 s without any keys). A failure is logged; the keys stay."""
        async with self._fetching:
            if self._known(unless_known) or self._monotonic() < self._next_fetch:
                return
            try:
                self._adopt(read_keys(await self._download()))
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError, jwt.PyJWTError) as failure:
                _log.warning("jwks.fetch_failed", error=type(failure).__name__, kept=len(self._keys))
            pause = REFETCH_SECONDS if self._keys else FIRST_FETCH_SECONDS
            self._next_fetch = self._monotonic() + pause

    def _known(self, key_id: str | None) -> VerificationKey | None:
        if key_id is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(key_id)

    def _adopt(self, keys: dict[str | None, VerificationKey]) -> None:
        self._keys = keys
        self.generation += 1
        _log.info("jwks.fetched", keys=len(keys))

    async def _download(self) -> bytes:
        async with (
            aiohttp.ClientSession(timeout=_time_out) as session,
            session.get(self._url, raise_for_status=True) as response,
        ):
            document = await response.content.read(LARGEST_DOCUMENT_BYTES + 1)
            while len(document) <= LARGEST_DOCUMENT_BYTES and not response.content.at_eof():
                document += await response.content.read(LARGEST_DOCUMENT_BYTES)
        if len(document) > LARGEST_DOCUMENT_BYTES:
            raise ValueError("larger than any key set")
        return document


def read_keys(document: bytes) -> dict[str | None, VerificationKey]:
    """The usable keys of a JWK Set, by `kid`. Raises `ValueError` when there is none."""
    try:
        entries = msgspec.json.decode(document, type=dict[str, Any]).get("keys")
    except msgspec.MsgspecError as broken:
        raise ValueError("not a JSON object") from broken
    keys = {}
    for entry in entries if isinstance(entries, list) else ():
        if key := _usable(entry):
            keys[entry.get("kid")] = key
    if not keys:
        raise ValueError("no usable key")
    return keys


def _usable(entry: object) -> VerificationKey | None:
    """The key with the algorithm that its own `alg`, or else its type and curve, pins."""
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig" or entry.get("kty") == "oct":
        return None
    if not isinstance(entry.get("kid"), str | None):
        return None
    try:
        key = jwt.PyJWK(entry)
    except jwt.PyJWTError:
        return None
    return VerificationKey(key.algorithm_name, key.key) if key.algorithm_name in ALGORITHMS else None
