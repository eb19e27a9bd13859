"""The caller as the rest of the program sees him."""

from dataclasses import dataclass

SCOPES = frozenset(
    {
        "campaigns:read",
        "campaigns:write",
        "webhooks:read",
        "webhooks:write",
        "events:write",
        "metrics:read",
        "performers:read",
        "imports:write",
        "briefs:write",
        "knowledge:write",
    }
)


@dataclass(frozen=True)
class Principal:
    """A verified token's holder. Every row he can reach starts with his `workspace`."""

    subject: str
    workspace: str
    scopes: frozenset[str]
