"""What makes two requests the same, and what an answer is made of. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

from famedash.infra.errors import FieldError, Invalid

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"

_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class KeyReused(Invalid):
    """The key belongs to an answer that another request was given."""

    problem = "idempotency-key-reused"
    title = "The idempotency key was used for another request"

    def __init__(self) -> None:
        super().__init__(
            "This Idempotency-Key was used for a request with another method, path, If-Match or body.",
            fields=[FieldError(HEADER, "Send the first request again unchanged, or use a new key.")],
        )


@dataclass(frozen=True)
class Asked:
    """A request that came with a key. Keys belong to a workspace."""

    workspace: str
    key: str
    fingerprint: bytes


@dataclass(frozen=True)
class Answer:
    """A 2xx answer, byte for byte. The headers are those that belong to the change (ETag, Location)."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def asked(
    workspace: str, key: str | None, *, method: str, path: str, if_match: str | None, body: bytes
) -> Asked | None:
    """None when no key was sent. Raises `Invalid` for one that is not 1..255 visible ASCII characters."""
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise Invalid(
            "The Idempotency-Key cannot be used.",
            fields=[FieldError(HEADER, "Send 1 to 255 visible ASCII characters, a UUID for example.")],
        )
    return Asked(workspace, key, fingerprint(method, path, if_match, body))


def fingerprint(method: str, path: str, if_match: str | None, body: bytes) -> bytes:
    """SHA-256 over the four parts, each with its length before it, so that no two requests run together."""
    parts = [method.encode(), path.encode(), b"" if if_match is None else b"=" + if_match.encode(), body]
    digest = sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()


def replayed(answer: Answer) -> Answer:
    """The same answer, saying that it is one that was given before."""
    return replace(answer, headers={**answer.headers, REPLAYED: "true"})
