"""Our three lines against the public package."""

import base64
import time

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from famedash.webhooks import signing

OLD, NEW = (signing.PREFIX + base64.b64encode(letter * 32).decode() for letter in (b"o", b"n"))
BODY = '{"name":"été"}'.encode()


def signed(*secrets: str, body: bytes = BODY) -> dict[str, str]:
    keys = [signing.key_of(secret) for secret in secrets]
    return signing.headers(keys, message_id="msg_1", timestamp=int(time.time()), body=body)


def test_the_public_package_verifies_what_we_sign() -> None:
    """PROMISE: signatures are Standard Webhooks. The package is the oracle, not our own code."""
    assert Webhook(NEW).verify(BODY, signed(NEW)) == {"name": "été"}


def test_both_secrets_verify_during_a_rotation() -> None:
    headers = signed(NEW, OLD)

    assert Webhook(NEW).verify(BODY, headers)
    assert Webhook(OLD).verify(BODY, headers)


@pytest.mark.parametrize("body", [b'{"name":"ete"}', b"{}"])
def test_another_body_does_not_verify(body: bytes) -> None:
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(body, signed(NEW))


def test_another_secret_does_not_verify() -> None:
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(BODY, signed(NEW))
