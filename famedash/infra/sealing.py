"""Secrets that we must be able to read again, encrypted at rest with a key from the environment.

Fernet of the package cryptography (AES-128-CBC and HMAC-SHA256, in any language's library), which PyJWT
brings anyway.
"""

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from functools import lru_cache
from secrets import token_bytes

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from famedash.infra.errors import Postponed


class Unsealable(Postponed):
    """It was sealed with a key that we were not given."""


class Seal:
    """`keys`: the newest first, which seals; the others still open what they sealed. Each is 32 bytes in
    URL-safe base64; raises `ValueError` for what is none.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys])
        self.open = lru_cache(maxsize=4096)(self._open)

    def close(self, plain: bytes) -> bytes:
        return self._fernet.encrypt(plain)

    def _open(self, sealed: bytes) -> bytes:
        """Raises `Unsealable`."""
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken:
            raise Unsealable(
                "A secret was sealed with another key: FAMEDASH_ENCRYPTION_KEY must list that key too."
            ) from None


def new_key() -> str:
    return urlsafe_b64encode(token_bytes(32)).decode()
