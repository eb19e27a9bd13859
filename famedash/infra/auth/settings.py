"""What the verification of tokens is configured with, and what it refuses to start with."""

from dataclasses import dataclass, field

SHORTEST_SECRET_BYTES = 32
"""RFC 7518, section 3.2: a key for HS256 has at least the size of the hash."""


class Misconfigured(Exception):
    """These settings cannot be started with. The text is one sentence for the operator."""


@dataclass(frozen=True)
class AuthSettings:
    """Exactly one of `secret` (HS256) and `jwks_url` (RS256, ES256, EdDSA); the other is empty.

    Raises `Misconfigured` for none, both, a guessable secret, or an audience or issuer that is not checked.
    """

    secret: str = field(repr=False)
    jwks_url: str
    audience: str
    issuer: str

    def __post_init__(self) -> None:
        if bool(self.secret) == bool(self.jwks_url):
            raise Misconfigured("Set exactly one of FAMEDASH_JWT_SECRET and FAMEDASH_JWT_JWKS_URL.")
        if self.secret and len(self.secret.encode()) < SHORTEST_SECRET_BYTES:
            raise Misconfigured(
                f"FAMEDASH_JWT_SECRET needs at least {SHORTEST_SECRET_BYTES} bytes:"
                " `openssl rand -base64 48` makes a good one."
            )
        if self.jwks_url and not self.jwks_url.startswith(("https://", "http://")):
            raise Misconfigured("FAMEDASH_JWT_JWKS_URL must be an https:// or http:// address.")
        if not (self.audience and self.issuer):
            raise Misconfigured("FAMEDASH_JWT_AUDIENCE and FAMEDASH_JWT_ISSUER must not be empty.")
