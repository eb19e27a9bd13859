"""Whom a token makes of its bearer, and which tokens make nobody of him."""

import base64
import hashlib
import hmac
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from famedash.infra.auth.keys import SharedSecret
from famedash.infra.auth.mint import mint
from famedash.infra.auth.principal import Principal
from famedash.infra.auth.settings import AuthSettings, Misconfigured
from famedash.infra.auth.tokens import Authenticator, open_authenticator
from famedash.infra.auth.verified import Verified
from famedash.infra.errors import Unauthenticated

SECRET = "s" * 40
SETTINGS = AuthSettings(SECRET, "", "famedash", "issuer")


def claims(**changes: Any) -> dict[str, Any]:
    """What a good token says; `None` leaves a claim out."""
    good = {
        "sub": "ada",
        "workspace": "acme",
        "scope": "campaigns:read campaigns:write",
        "aud": "famedash",
        "iss": "issuer",
        "exp": int(time.time()) + 600,
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


def signed(secret: str = SECRET, algorithm: str = "HS256", **changes: Any) -> str:
    return jwt.encode(claims(**changes), secret, algorithm)


def by_hand(header: dict[str, Any], body: dict[str, Any], secret: bytes | None) -> str:
    """A token as an attacker writes it: no library checks what he does. Without a secret it is not signed."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, body)]
    signature = hmac.digest(secret, b".".join(parts), hashlib.sha256) if secret else b""
    return b".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


async def verify(token: str) -> Any:
    return await (await open_authenticator(SETTINGS)).verify(token)


async def test_a_good_token_names_its_bearer_his_workspace_and_his_scopes() -> None:
    principal = await verify(signed())

    assert principal.subject == "ada"
    assert principal.workspace == "acme"
    assert principal.scopes == {"campaigns:read", "campaigns:write"}


async def test_a_minted_token_is_a_good_token() -> None:
    token = mint(
        SECRET,
        subject="cli",
        workspace="acme",
        scopes={"campaigns:read"},
        lifetime=timedelta(minutes=5),
        audience="famedash",
        issuer="issuer",
        now=datetime.now(UTC),
    )

    principal = await verify(token)

    assert (principal.subject, principal.workspace, principal.scopes) == ("cli", "acme", {"campaigns:read"})


async def test_a_minted_token_ends_with_its_lifetime() -> None:
    two_days_ago = datetime.now(UTC) - timedelta(days=2)
    token = mint(
        SECRET,
        subject="cli",
        workspace="acme",
        scopes=(),
        lifetime=timedelta(days=1),
        audience="famedash",
        issuer="issuer",
        now=two_days_ago,
    )

    with pytest.raises(Unauthenticated, match="expired"):
        await verify(token)


@pytest.mark.parametrize(
    ("token", "why"),
    [
        (lambda: "", "not a JSON Web Token"),
        (lambda: "a.b.c", "not a JSON Web Token"),
        (lambda: "ü" * 30, "not a JSON Web Token"),
        (lambda: "x" * 20_000, "too long"),
        (lambda: signed("t" * 40), "signature"),
        (lambda: signed("s" * 64, "HS512"), "signature"),
        (lambda: by_hand({"alg": "none"}, claims(), None), "signature"),
        (lambda: by_hand({"alg": "None", "typ": "JWT"}, claims(), None), "signature"),
        (lambda: by_hand({"typ": "JWT"}, claims(), SECRET.encode()), "signature"),
        (lambda: by_hand({"alg": "HS256", "crit": ["x"]}, claims(), SECRET.encode()), "JSON Web Token"),
        (lambda: signed()[:-3] + "abc", "signature"),
        (lambda: signed(exp=int(time.time()) - 1), "expired"),
        (lambda: signed(exp=None), "lacks the claim exp"),
        (lambda: signed(exp="soon"), "signature"),
        (lambda: signed(nbf=int(time.time()) + 60), "not valid yet"),
        (lambda: signed(aud="another"), "another audience"),
        (lambda: signed(aud=None), "lacks the claim aud"),
        (lambda: signed(iss="another"), "another issuer"),
        (lambda: signed(iss=None), "lacks the claim iss"),
        (lambda: signed(sub=None), "lacks the claim sub"),
        (lambda: signed(sub=""), "claim sub"),
        (lambda: signed(workspace=None), "claim workspace"),
        (lambda: signed(workspace=""), "claim workspace"),
        (lambda: signed(workspace=7), "claim workspace"),
        (lambda: signed(workspace="w" * 201), "claim workspace"),
        (lambda: signed(workspace="a\nb"), "claim workspace"),
        (lambda: signed(workspace="a\x00b"), "claim workspace"),
        (lambda: signed(workspace="a\ud800b"), "claim workspace"),
        (lambda: signed(scope=["campaigns:read"]), "claim scope"),
    ],
)
async def test_a_token_with_a_fault_is_refused_and_told_why(token: Any, why: str) -> None:
    with pytest.raises(Unauthenticated, match=why):
        await verify(token())


async def test_the_same_tokens_without_their_fault_pass() -> None:
    """What the test above refuses is refused for its fault alone, and not for how it was made."""
    await verify(by_hand({"alg": "HS256"}, claims(), SECRET.encode()))
    await verify(signed(workspace="w" * 200, nbf=int(time.time()) - 1))
    await verify(signed(aud=["another", "famedash"], workspace="日本 – Zürich"))


async def test_a_token_without_scopes_is_good_for_nothing_but_is_a_token() -> None:
    assert (await verify(signed(scope=None))).scopes == frozenset()


async def test_a_remembered_token_is_judged_again_once_its_time_is_over() -> None:
    """PROMISE: the memory of verified tokens never lengthens a token's life."""
    now = time.time()
    keys = CountedSecret(SECRET)
    authenticator = Authenticator(SETTINGS, keys, clock=lambda: now)
    token = signed(exp=int(now) + 600)
    await authenticator.verify(token)

    now += 599
    await authenticator.verify(token)
    assert keys.asked == 1

    now += 1
    await authenticator.verify(token)
    assert keys.asked == 2


async def test_the_memory_of_tokens_is_bounded_and_the_oldest_goes_first() -> None:
    memory = Verified(largest=2)
    ada = Principal("ada", "acme", frozenset())

    for token in ("first", "second", "third"):
        memory.keep(token, ada, expires=10)

    remembered = [memory.recall(token, generation=0, now=9) for token in ("first", "second", "third")]
    assert remembered == [None, ada, ada]


async def test_a_token_is_verified_once_and_then_remembered() -> None:
    keys = CountedSecret(SECRET)
    authenticator = Authenticator(SETTINGS, keys)
    token = signed()

    assert await authenticator.verify(token) == await authenticator.verify(token)

    assert keys.asked == 1


async def test_a_refused_token_is_not_remembered_as_good() -> None:
    authenticator = Authenticator(SETTINGS, SharedSecret(SECRET))

    for _ in range(2):
        with pytest.raises(Unauthenticated):
            await authenticator.verify(signed("t" * 40))


@pytest.mark.parametrize(
    ("secret", "jwks_url", "audience", "issuer", "why"),
    [
        ("", "", "a", "i", "exactly one"),
        (SECRET, "https://idp/jwks", "a", "i", "exactly one"),
        ("short", "", "a", "i", "at least 32 bytes"),
        ("", "ftp://idp/jwks", "a", "i", "https://"),
        (SECRET, "", "", "i", "must not be empty"),
        (SECRET, "", "a", "", "must not be empty"),
    ],
)
def test_settings_that_cannot_verify_are_refused_in_a_sentence(
    secret: str, jwks_url: str, audience: str, issuer: str, why: str
) -> None:
    with pytest.raises(Misconfigured, match=why):
        AuthSettings(secret, jwks_url, audience, issuer)


def test_the_secret_does_not_show_when_the_settings_are_printed() -> None:
    assert SECRET not in repr(SETTINGS)


class CountedSecret(SharedSecret):
    """How often was the key asked for?"""

    asked = 0

    async def find(self, key_id: str | None) -> Any:
        self.asked += 1
        return await super().find(key_id)
