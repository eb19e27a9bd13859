"""What a worker knows of the endpoints: where they point, and when they were made, changed or switched."""

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from famedash.infra.database import Database
from famedash.infra.sealing import Seal
from famedash.webhooks import queries, sealed
from famedash.webhooks.model import (
    DEFAULT_ENDPOINT,
    TAKES_EFFECT_AFTER,
    Change,
    Delivery,
    EndpointKey,
    Event,
    Target,
    has_expired,
    is_owed,
)
from famedash.webhooks.settings import WebhookSettings


@dataclass
class Endpoints:
    """Read again for the workspaces of every batch, so that a change is known before its first event."""

    settings: WebhookSettings
    seal: Seal
    changes: dict[EndpointKey, list[Change]] = field(default_factory=dict)
    targets: dict[EndpointKey, Target] = field(default_factory=dict)
    gone: dict[EndpointKey, datetime] = field(default_factory=dict)
    _names: dict[str, set[str]] = field(default_factory=dict)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def refresh(self, database: Database, workspaces: Collection[str]) -> None:
        """Raises `Postponed` where a secret cannot be opened: nothing is sent unsigned, nothing expires."""
        if workspaces:
            async with self._reading:  # of two answers the newer one stays
                await self._refresh(database, workspaces)

    async def _refresh(self, database: Database, workspaces: Collection[str]) -> None:
        changes = await queries.changes(database, workspaces)
        rows = await queries.endpoints(database, workspaces)
        targets = {(row["workspace_id"], row["endpoint_id"]): self._target(row) for row in rows}
        for known in (self.changes, self.targets):
            for key in [key for key in known if key[0] in workspaces]:
                del known[key]
        self.changes.update(changes)
        self.targets.update(targets)
        for workspace in workspaces:
            self._names[workspace] = {name for of, name in changes if of == workspace}
        for key, found in changes.items():
            if not max(found, key=lambda change: change.effective_at).enabled:
                self.gone.pop(key, None)

    def owing(self, event: Event) -> list[Delivery]:
        """One for each endpoint that it is owed to."""
        names: Iterable[str] = self._names.get(event.workspace, set())
        if self.settings.url:
            names = {DEFAULT_ENDPOINT, *names}
        return [
            Delivery.of(event, name)
            for name in sorted(names)
            if is_owed(
                self.changes.get((event.workspace, name), ()), event.occurred_at, event.type, endpoint_id=name
            )
        ]

    def target(self, endpoint: EndpointKey) -> Target | None:
        """None: it points nowhere (any more)."""
        if endpoint[1] != DEFAULT_ENDPOINT:
            return self.targets.get(endpoint)
        return self.settings.default

    def cap(self, endpoint: EndpointKey) -> int:
        """How many of its deliveries may be open at once in this process."""
        target = self.target(endpoint)
        return target.max_in_flight if target else self.settings.max_in_flight

    def expired(self, delivery: Delivery) -> bool:
        """Disabled, deleted or pointing nowhere since the event: settled without being sent."""
        changes = self.changes.get(delivery.endpoint, ())
        gone_at = self.gone.get(delivery.endpoint)
        return (
            self.target(delivery.endpoint) is None
            or has_expired(changes, delivery.owed_since)
            or (gone_at is not None and has_expired([Change(gone_at, enabled=False)], delivery.owed_since))
        )

    def switched_off(self, endpoint: EndpointKey, now: datetime) -> None:
        """A 410 just now: believed at once, before its commit is read back, for what happens until then."""
        self.gone[endpoint] = now + TAKES_EFFECT_AFTER

    def _target(self, row: Any) -> Target:
        keys = [row["secret"], row["previous_secret"]]
        return Target(
            row["url"],
            tuple(self.seal.open(key) for key in keys if key is not None),
            sealed.headers_of(self.seal, row["headers"]),
            row["max_in_flight"],
        )
