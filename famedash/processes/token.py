"""`famedash token`: a token signed with the secret that the API of the same settings verifies with."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from famedash.infra.auth.mint import mint
from famedash.infra.auth.principal import SCOPES
from famedash.infra.auth.settings import Misconfigured
from famedash.processes.secrets import auth_settings
from famedash.processes.settings import Settings


def issue(settings: Settings, *, workspace: str, scopes: Collection[str], days: float) -> str:
    """A token for `workspace`, with all scopes unless some are named.

    Raises `Misconfigured` for an unknown scope, a workspace that no token may name, and where an identity
    provider issues the tokens.
    """
    if settings.jwt_jwks_url:
        raise Misconfigured("Tokens come from the identity provider that FAMEDASH_JWT_JWKS_URL names.")
    if unknown := sorted(set(scopes) - SCOPES):
        raise Misconfigured(f"No such scope: {', '.join(unknown)}; there are {', '.join(sorted(SCOPES))}.")
    if not 1 <= len(workspace) <= 200 or not workspace.isprintable():
        raise Misconfigured("A workspace has 1 to 200 printable characters.")
    auth = auth_settings(settings)
    return mint(
        auth.secret,
        subject="cli",
        workspace=workspace,
        scopes=scopes or SCOPES,
        lifetime=timedelta(days=days),
        audience=auth.audience,
        issuer=auth.issuer,
        now=datetime.now(UTC),
    )
