"""Where the key that verifies a token comes from: a shared secret here, a JWKS in `jwks`.

The algorithm belongs to the key, never to the token: that is what refuses `none` and key confusion.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from famedash.infra.errors import Unauthenticated


class UnknownKey(Unauthenticated):
    """The token names a key that we do not have."""


@dataclass(frozen=True)
class VerificationKey:
    """A key and the one algorithm that it may be used with."""

    algorithm: str
    material: Any


class Keys(Protocol):
    """`generation` moves on when keys change, so that what older keys verified is judged again."""

    generation: int

    async def find(self, key_id: str | None) -> VerificationKey:
        """The key that a token names by its `kid`. Raises `UnknownKey`, or `Unavailable` without any keys."""
        ...


class SharedSecret:
    """One secret, HS256 only; a `kid` means nothing to it."""

    generation = 0

    def __init__(self, secret: str) -> None:
        self._key = VerificationKey("HS256", secret)

    async def find(self, key_id: str | None) -> VerificationKey:
        return self._key
