"""What people say of an endpoint, which headers it may ask for, and what its secret looks like. Pure."""

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from famedash.webhooks.sealed import Headers
from famedash.webhooks.signing import PREFIX

MOST_CHANGES = 500
"""In a workspace and a day."""
MOST_ENDPOINTS = 50
MOST_URL_CHARACTERS = 2000
MOST_IN_FLIGHT = 100
SECRET_BYTES = 32
OVERLAP = timedelta(hours=24)
"""So long the secret from before a rotation signs beside the new one."""

MOST_HEADERS = 20
MOST_HEADER_BYTES = 4096

_token = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_visible = re.compile(r"[!-~\xa1-\xff]([ -~\xa0-\xff]*[!-~\xa1-\xff])?")
_reserved = re.compile(
    "host|content-length|content-type|transfer-encoding|connection|te|trailer|upgrade|expect|keep-alive"
    "|proxy-.*|user-agent|accept-encoding|webhook-.*"
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What may be said of an endpoint, and said anew. `event_types` None: every type."""

    url: str
    description: str | None
    event_types: tuple[str, ...] | None
    headers: Headers
    max_in_flight: int
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint as it is known; `changed_at`, which may lie ahead, is when its newest change takes effect.

    `reason`: why it is on or off. `default` was never made, so it has no times of that.
    """

    id: str
    plan: Plan
    reason: str | None
    changed_at: datetime | None
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sealed:
    """What of an endpoint is encrypted, and can be read by whoever has the key."""

    workspace: str
    endpoint_id: str
    secret: bytes
    previous_secret: bytes | None
    headers: bytes | None


@dataclass(frozen=True, slots=True)
class Skipped:
    """What happened while an endpoint was off, and is not owed to it."""

    since: datetime
    events: int


def check_headers(headers: Mapping[str, str]) -> None:
    """Raises `ValueError` with a sentence that repeats no value: it may be a secret."""
    for name, value in headers.items():
        if not _token.fullmatch(name):
            raise ValueError("A header's name must be letters, digits and !#$%&'*+-.^_`|~ only.")
        if _reserved.fullmatch(name.lower()):
            raise ValueError(f"FameDash sets {name} itself, or HTTP forbids it: leave it out.")
        if not _visible.fullmatch(value):
            raise ValueError(
                f"The value of {name} must be visible Latin-1 text, without control characters and without"
                " spaces around it."
            )
    if len({name.lower() for name in headers}) < len(headers):
        raise ValueError("Must name each header once, whatever its upper and lower case.")
    if len(headers) > MOST_HEADERS:
        raise ValueError(f"Must be at most {MOST_HEADERS} headers.")
    if sum(len(name) + len(value) for name, value in headers.items()) > MOST_HEADER_BYTES:
        raise ValueError(f"Must be at most {MOST_HEADER_BYTES} bytes in all.")


def secret_of(key: bytes) -> str:
    """A raw key as people see it (`signing.key_of` is the way back)."""
    return PREFIX + b64encode(key).decode()
