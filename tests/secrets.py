"""The secrets of every test's installation, and a token of somebody in a workspace."""

import base64
from datetime import UTC, datetime, timedelta

from famedash.infra.auth.mint import mint
from famedash.infra.auth.principal import SCOPES
from famedash.infra.sealing import Seal

JWT_SECRET = "s" * 48
WEBHOOK_SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
ENCRYPTION_KEY = base64.urlsafe_b64encode(b"e" * 32).decode()
SEAL = Seal([ENCRYPTION_KEY])


def token(workspace: str, scopes: frozenset[str] = SCOPES) -> str:
    """Valid for an hour; every scope unless told otherwise."""
    return mint(
        JWT_SECRET,
        subject="ada",
        workspace=workspace,
        scopes=scopes,
        lifetime=timedelta(hours=1),
        audience="famedash",
        issuer="famedash",
        now=datetime.now(UTC),
    )
