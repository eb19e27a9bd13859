"""What a worker knows of the endpoints: where they point, and when they were switched."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from famedash.infra.database import Database
from famedash.webhooks import queries
from famedash.webhooks.model import (
    DEFAULT_ENDPOINT,
    TAKES_EFFECT_AFTER,
    Change,
    Delivery,
    EndpointKey,
    has_expired,
    is_owed,
)
from famedash.webhooks.settings import WebhookSettings


@dataclass
class Endpoints:
    """Read again for the workspaces of every batch, so that a change is known before its first event."""

    settings: WebhookSettings
    changes: dict[EndpointKey, list[Change]] = field(default_factory=dict)
    gone: dict[EndpointKey, datetime] = field(default_factory=dict)

    async def refresh(self, database: Database, workspaces: Collection[str]) -> None:
        found = await queries.changes(database, workspaces)
        for key in [key for key in self.changes if key[0] in workspaces]:
            del self.changes[key]
        self.changes.update(found)
        for key, known in found.items():
            if not max(known, key=lambda change: change.effective_at).enabled:
                self.gone.pop(key, None)

    def names(self) -> tuple[str, ...]:
        """The endpoints every workspace has: `default`, where it points anywhere."""
        return (DEFAULT_ENDPOINT,) if self.settings.url else ()

    def owes(self, delivery: Delivery) -> bool:
        return is_owed(self.changes.get(delivery.endpoint, ()), delivery.occurred_at)

    def expired(self, delivery: Delivery) -> bool:
        """Disabled (or pointing nowhere) since the event: settled without being sent."""
        changes = self.changes.get(delivery.endpoint, ())
        gone_at = self.gone.get(delivery.endpoint)
        return (
            not self.settings.url
            or has_expired(changes, delivery.occurred_at)
            or (gone_at is not None and has_expired([Change(gone_at, enabled=False)], delivery.occurred_at))
        )

    def switched_off(self, endpoint: EndpointKey, now: datetime) -> None:
        """A 410 just now: believed at once, before its commit is read back, for what happens until then."""
        self.gone[endpoint] = now + TAKES_EFFECT_AFTER
