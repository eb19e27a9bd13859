"""Tokens for people and tests, signed with the shared secret: what `famedash token` prints."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import jwt


def mint(
    secret: str,
    *,
    subject: str,
    workspace: str,
    scopes: Iterable[str],
    lifetime: timedelta,
    audience: str,
    issuer: str,
    now: datetime,
) -> str:
    """An HS256 token, valid from `now` on for `lifetime`."""
    claims = {
        "sub": subject,
        "workspace": workspace,
        "scope": " ".join(sorted(scopes)),
        "aud": audience,
        "iss": issuer,
        "iat": now,
        "nbf": now,
        "exp": now + lifetime,
    }
    return jwt.encode(claims, secret, algorithm="HS256")
