"""Who is asking, as a FastAPI dependency: one object a scope, and itself the security scheme (cheap)."""

from collections.abc import Callable, Sequence
from time import monotonic, time

import jwt
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.requests import Request

from famedash.infra.auth.principal import SCOPES, Principal
from famedash.infra.auth.tokens import Authenticator, MissingScope, MissingToken
from famedash.infra.http.rates import Rates

SCHEME = "token"

_model = HTTPBearer(bearerFormat="JWT", description="A JSON Web Token: `famedash token` prints one.")


class Requires(SecurityBase):
    """Answers the caller's `Principal` when his token carries all of `scopes`; else refuses with 401, 403 or
    429.
    """

    def __init__(self, authenticator: Authenticator, rates: Rates, scopes: Sequence[str]) -> None:
        if unknown := set(scopes) - SCOPES:
            raise ValueError(f"no such scope: {', '.join(unknown)}")
        self.model = _model
        self.scheme_name = SCHEME
        self.scopes = scopes
        self._authenticator = authenticator
        self._rates = rates

    async def __call__(self, request: Request) -> Principal:
        principal = await self._authenticator.verify(bearer_token(request))
        self._rates.take(principal.workspace, monotonic())
        for scope in self.scopes:
            if scope not in principal.scopes:
                raise MissingScope(scope)
        return principal


def requires(authenticator: Authenticator, rates: Rates) -> Callable[..., Requires]:
    """`Edge.requires`: from scopes to the dependency that asks for them."""
    return lambda scope, *more: Requires(authenticator, rates, (scope, *more))


def bearer_token(request: Request) -> str:
    """The token of `Authorization: Bearer …` (RFC 6750, section 2.1). Raises `MissingToken`."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not (token := token.strip()):
        raise MissingToken("Send a token: Authorization: Bearer followed by what `famedash token` prints.")
    return token


def expires_in(request: Request) -> float:
    """Seconds until the token of this request expires. Only where a `Requires` has verified it."""
    claims = jwt.decode(bearer_token(request), options={"verify_signature": False})
    return float(claims["exp"]) - time()
