"""Tokens of an identity provider: its keys come over HTTP, turn over, and outlive its outages."""

import base64
from typing import Any

import jwt
import pytest

from famedash.infra.auth.jwks import Jwks
from famedash.infra.auth.settings import AuthSettings
from famedash.infra.auth.tokens import Authenticator, open_authenticator
from famedash.infra.errors import Unauthenticated, Unavailable
from tests.infra.provider import MAKERS, Provider, identity_provider
from tests.infra.test_auth import by_hand, claims


class Hands:
    """A clock that is set by hand."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def authenticator(provider: Provider, clock: Hands) -> Authenticator:
    settings = AuthSettings("", provider.url, "famedash", "issuer")
    return Authenticator(settings, Jwks(provider.url, monotonic=clock))


@pytest.mark.parametrize("algorithm", sorted(MAKERS))
async def test_a_token_of_each_asymmetric_algorithm_is_verified(algorithm: str) -> None:
    async with identity_provider() as provider:
        provider.new_key("k1", algorithm)
        auth = await open_authenticator(AuthSettings("", provider.url, "famedash", "issuer"))

        assert provider.hits == 1  # fetched at start
        assert (await auth.verify(provider.sign(claims(), "k1"))).subject == "ada"
        assert provider.hits == 1


async def test_the_public_key_used_as_an_hmac_secret_is_refused() -> None:
    """PROMISE: key confusion (RFC 8725, section 2.1) gets nobody in."""
    async with identity_provider() as provider:
        provider.new_key("k1", "RS256")
        forged = by_hand({"alg": "HS256", "kid": "k1"}, claims(), provider.public_pem("k1"))

        with pytest.raises(Unauthenticated, match="signature"):
            await authenticator(provider, Hands()).verify(forged)


@pytest.mark.parametrize("header", [{"alg": "none", "kid": "k1"}, {"alg": "none"}])
async def test_an_unsigned_token_is_refused(header: dict[str, Any]) -> None:
    async with identity_provider() as provider:
        provider.new_key("k1")

        with pytest.raises(Unauthenticated, match="signature"):
            await authenticator(provider, Hands()).verify(by_hand(header, claims(), None))


async def test_an_asymmetric_token_gets_nobody_in_where_a_secret_is_set() -> None:
    async with identity_provider() as provider:
        provider.new_key("k1")
        auth = await open_authenticator(AuthSettings("s" * 40, "", "famedash", "issuer"))

        with pytest.raises(Unauthenticated, match="signature"):
            await auth.verify(provider.sign(claims(), "k1"))


async def test_keys_that_are_not_for_public_signatures_are_ignored() -> None:
    """A symmetric key in a JWKS, or one for encryption, verifies nothing; the good key beside them does."""
    async with identity_provider() as provider:
        provider.new_key("sealed", use="enc")
        provider.new_key("odd", "RS256", alg="RS512")
        provider.published.append(
            {"kty": "oct", "kid": "shared", "k": base64.urlsafe_b64encode(b"s" * 32).decode()}
        )
        provider.published.append({"kty": "EC", "kid": "broken"})
        provider.new_key("good")
        auth = authenticator(provider, Hands())
        shared = jwt.encode(claims(), "s" * 32, "HS256", headers={"kid": "shared"})

        assert await auth.verify(provider.sign(claims(), "good"))
        for token in (shared, provider.sign(claims(), "sealed"), provider.sign(claims(), "odd")):
            with pytest.raises(Unauthenticated, match="not known"):
                await auth.verify(token)


async def test_a_token_that_names_no_key_is_matched_with_an_only_key() -> None:
    async with identity_provider() as provider:
        provider.new_key("k1")
        auth = authenticator(provider, clock := Hands())
        unnamed = provider.sign(claims(), "k1", named=False)

        assert await auth.verify(unnamed)

        provider.new_key("k2")
        clock.now += 31
        await auth.verify(provider.sign(claims(), "k2"))
        with pytest.raises(Unauthenticated, match="not known"):
            await auth.verify(unnamed)


async def test_a_new_key_is_fetched_when_a_token_first_names_it() -> None:
    async with identity_provider() as provider:
        provider.new_key("old")
        auth = authenticator(provider, clock := Hands())
        await auth.verify(provider.sign(claims(), "old"))

        provider.new_key("new")
        clock.now += 31

        assert await auth.verify(provider.sign(claims(), "new"))
        assert provider.hits == 2


async def test_unknown_keys_cause_one_fetch_in_thirty_seconds() -> None:
    """PROMISE: a caller who invents key ids cannot make us flood the provider."""
    async with identity_provider() as provider:
        provider.new_key("k1")
        provider.new_key("invented")
        provider.withdraw("invented")
        auth = authenticator(provider, clock := Hands())
        await auth.verify(provider.sign(claims(), "k1"))

        for seconds in (0, 10, 19.9):
            clock.now = 1000 + seconds
            with pytest.raises(Unauthenticated):
                await auth.verify(provider.sign(claims(), "invented"))
        assert provider.hits == 1

        clock.now = 1030
        for _ in range(3):
            with pytest.raises(Unauthenticated):
                await auth.verify(provider.sign(claims(), "invented"))
        assert provider.hits == 2


async def test_a_withdrawn_key_stops_verifying_what_it_verified_before() -> None:
    """PROMISE: the memory of verified tokens ends with the keys that verified them."""
    async with identity_provider() as provider:
        provider.new_key("stolen")
        auth = authenticator(provider, clock := Hands())
        token = provider.sign(claims(), "stolen")
        await auth.verify(token)

        provider.withdraw("stolen")
        provider.new_key("new")
        clock.now += 31
        await auth.verify(provider.sign(claims(), "new"))

        with pytest.raises(Unauthenticated, match="not known"):
            await auth.verify(token)


async def test_an_unreachable_provider_leaves_the_last_keys_in_use() -> None:
    async with identity_provider() as provider:
        provider.new_key("k1")
        auth = authenticator(provider, clock := Hands())
        await auth.verify(provider.sign(claims(), "k1"))
        first, second = provider.sign(claims(sub="first"), "k1"), provider.sign(claims(sub="second"), "k1")
        provider.new_key("unpublished")
        unknown = provider.sign(claims(), "unpublished")

        provider.broken = True
        clock.now += 31
        with pytest.raises(Unauthenticated, match="not known"):
            await auth.verify(unknown)
        assert (await auth.verify(first)).subject == "first"

    clock.now += 31  # and now nobody listens at its address
    with pytest.raises(Unauthenticated, match="not known"):
        await auth.verify(unknown)
    assert (await auth.verify(second)).subject == "second"


async def test_without_any_keys_a_token_is_neither_good_nor_bad() -> None:
    """503 and not 401: the caller's token may be perfectly good. It recovers without a restart."""
    async with identity_provider() as provider:
        provider.new_key("k1")
        provider.broken = True
        auth = authenticator(provider, clock := Hands())
        token = provider.sign(claims(), "k1")

        with pytest.raises(Unavailable):
            await auth.verify(token)

        provider.broken = False
        clock.now += 3
        assert await auth.verify(token)
