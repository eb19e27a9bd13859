"""What a worker knows of the endpoints: where they point, and when they were switched."""

import time
from collections.abc import Collection
from dataclasses import dataclass, field

from famedash.infra.database import Database
from famedash.webhooks import queries
from famedash.webhooks.model import (
    DEFAULT_ENDPOINT,
    Change,
    Delivery,
    EndpointKey,
    has_expired,
    is_owed,
)
from famedash.webhooks.settings import WebhookSettings

UNREAD_SECONDS = 10.0


@dataclass
class Endpoints:
    """Read again for the workspaces of every batch, so that a change is known before its first event."""

    settings: WebhookSettings
    changes: dict[EndpointKey, list[Change]] = field(default_factory=dict)
    unread: dict[EndpointKey, tuple[Change, float]] = field(default_factory=dict)

    async def refresh(self, database: Database, workspaces: Collection[str]) -> None:
        found = await queries.changes(database, workspaces)
        for key in [key for key in self.changes if key[0] in workspaces]:
            del self.changes[key]
        self.changes.update(found)
        for key, (change, until) in list(self.unread.items()):
            if time.monotonic() < until:
                self.changes.setdefault(key, []).append(change)
            else:
                del self.unread[key]

    def names(self) -> tuple[str, ...]:
        """The endpoints every workspace has: `default`, where it points anywhere."""
        return (DEFAULT_ENDPOINT,) if self.settings.url else ()

    def owes(self, delivery: Delivery) -> bool:
        return is_owed(self.changes.get(delivery.endpoint, ()), delivery.occurred_at)

    def expired(self, delivery: Delivery) -> bool:
        """Disabled (or pointing nowhere) since the event: settled without being sent."""
        return not self.settings.url or has_expired(
            self.changes.get(delivery.endpoint, ()), delivery.occurred_at
        )

    def switched_off(self, endpoint: EndpointKey, change: Change) -> None:
        """A 410 just now: believed at once, and until its commit has surely been read back."""
        self.changes.setdefault(endpoint, []).append(change)
        self.unread[endpoint] = (change, time.monotonic() + UNREAD_SECONDS)
