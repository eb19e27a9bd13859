"""From a token to a `Principal`, or a refusal that says what is wrong with it and nothing of our keys."""

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

import jwt

from famedash.infra.auth.jwks import Jwks
from famedash.infra.auth.keys import Keys, SharedSecret, VerificationKey
from famedash.infra.auth.principal import Principal
from famedash.infra.auth.settings import AuthSettings
from famedash.infra.auth.verified import Verified
from famedash.infra.errors import Forbidden, Unauthenticated

LONGEST_TOKEN = 16_384

_required = ["exp", "sub", "aud", "iss"]
_not_text = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_sentences: tuple[tuple[type[Exception], str], ...] = (
    (jwt.ExpiredSignatureError, "The token has expired."),
    (jwt.ImmatureSignatureError, "The token is not valid yet."),
    (jwt.InvalidAudienceError, "The token is meant for another audience."),
    (jwt.InvalidIssuerError, "The token comes from another issuer."),
)


class MissingToken(Unauthenticated):
    """No bearer token was sent."""


class MissingScope(Forbidden):
    """The token is good, but does not carry `scope`."""

    def __init__(self, scope: str) -> None:
        super().__init__(f"This needs a token with the scope {scope}.")
        self.scope = scope


class Authenticator:
    """Verifies tokens with one source of keys; remembers those that passed until they expire."""

    def __init__(self, settings: AuthSettings, keys: Keys, *, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._keys = keys
        self._clock = clock
        self._verified = Verified()

    async def verify(self, token: str) -> Principal:
        """Raises `Unauthenticated` (no, bad or expired token), `Unavailable` (the keys cannot be fetched)."""
        known = self._verified.recall(token, generation=self._keys.generation, now=self._clock())
        return known or await self._verify(token)

    async def _verify(self, token: str) -> Principal:
        key = await self._keys.find(_key_id(token))
        claims = self._claims(token, key)
        principal = read_principal(claims)
        self._verified.keep(token, principal, expires=float(claims["exp"]))
        return principal

    def _claims(self, token: str, key: VerificationKey) -> dict[str, Any]:
        try:
            return jwt.decode(
                token,
                key.material,
                algorithms=[key.algorithm],
                audience=self._settings.audience,
                issuer=self._settings.issuer,
                options={"require": _required, "verify_iat": False},
            )
        except jwt.PyJWTError as refusal:
            raise Unauthenticated(_sentence(refusal)) from refusal


async def open_authenticator(settings: AuthSettings) -> Authenticator:
    """The authenticator of a process; a JWKS is fetched now (and again later where that fails)."""
    if settings.secret:
        return Authenticator(settings, SharedSecret(settings.secret))
    keys = Jwks(settings.jwks_url)
    await keys.refetch()
    return Authenticator(settings, keys)


def read_principal(claims: Mapping[str, Any]) -> Principal:
    """`sub`, `workspace`, `scope` of verified claims; `Unauthenticated` unless they are short plain text."""
    scope = claims.get("scope", "")
    if not isinstance(scope, str):
        raise Unauthenticated("The token's claim scope must be text with spaces between scopes.")
    return Principal(_text(claims, "sub"), _text(claims, "workspace"), frozenset(scope.split()))


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= 200 or _not_text.search(value):
        raise Unauthenticated(f"The token's claim {name} must be 1 to 200 characters of text.")
    return value


def _key_id(token: str) -> str | None:
    if len(token) > LONGEST_TOKEN:
        raise Unauthenticated("The token is too long.")
    try:
        key_id = jwt.get_unverified_header(token).get("kid")
    except jwt.PyJWTError as refusal:
        raise Unauthenticated("This is not a JSON Web Token.") from refusal
    return key_id if isinstance(key_id, str) else None


def _sentence(refusal: jwt.PyJWTError) -> str:
    for kind, sentence in _sentences:
        if isinstance(refusal, kind):
            return sentence
    if isinstance(refusal, jwt.MissingRequiredClaimError):
        return f"The token lacks the claim {refusal.claim}."
    return "The token's signature cannot be verified."
