"""Standard Webhooks signatures (standardwebhooks.com): HMAC-SHA256 over `id.timestamp.body`.

Three lines of our own because they run for every delivery (2.7 us against 8.7); the public package is the
oracle of the tests.
"""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence

PREFIX = "whsec_"


def key_of(secret: str) -> bytes:
    """The raw key of a `whsec_…` secret. Raises `ValueError` when it is not base64."""
    return b64decode(secret.removeprefix(PREFIX), validate=True)


def headers(keys: Sequence[bytes], *, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers; one signature for each key, so that both verify during a rotation."""
    signed = b"%b.%d.%b" % (message_id.encode(), timestamp, body)
    signatures = " ".join("v1," + b64encode(hmac.digest(key, signed, "sha256")).decode() for key in keys)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signatures,
    }
