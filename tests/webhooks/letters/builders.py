"""Dead letters with all that stands behind one: its event in the ledger, and its last try on record."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from famedash.infra.database import Database
from famedash.infra.ids import uuid7
from famedash.infra.log.partitions import partition_of
from famedash.webhooks import store
from famedash.webhooks.model import Attempt, Status
from tests.webhooks.builders import NOON, answer, delivery

DIED = datetime(2026, 11, 25, 12, 5, tzinfo=UTC)


@dataclass(frozen=True)
class Dead:
    """A delivery that was given up at its third try."""

    campaign_id: str = "summer"
    version: int = 1
    workspace: str = "acme"
    endpoint_id: str = "default"
    event_type: str = "CampaignUpdated"
    error_class: str = "http_5xx"
    died_at: datetime = DIED
    attempts: int = 3
    event_id: UUID = field(default_factory=uuid7)
    id: UUID = field(default_factory=uuid7)

    @property
    def path(self) -> str:
        return f"/dead-letters/{self.id}/replay"

    @property
    def body(self) -> bytes:
        data = {"workspace": self.workspace, "campaignId": self.campaign_id, "version": self.version}
        event = {"id": str(self.event_id), "type": self.event_type, "timestamp": NOON.isoformat()}
        return json.dumps(event | {"data": data}).encode()

    def attempt(self, status: Status, number: int) -> Attempt:
        given_up = delivery(
            self.version,
            self.campaign_id,
            workspace=self.workspace,
            endpoint_id=self.endpoint_id,
            event_id=self.event_id,
            event_type=self.event_type,
        )
        return Attempt(uuid7(), given_up, number, status, self.died_at, answer(500))


async def bury(database: Database, *dead: Dead, kept: bool = True) -> Sequence[Dead]:
    """`kept` False: their events are not in the ledger."""
    async with database.transaction() as tx:
        await store.insert_attempts(tx, [one.attempt(Status.DEAD, one.attempts) for one in dead])
        if kept:
            await tx.executemany(
                """
                insert into outbox_events
                    (workspace_id, campaign_id, version, event_id, type, topic, partition, body, occurred_at)
                values ($1, $2, $3, $4, $5, 'events', $6, $7, $8)
                on conflict do nothing
                """,
                [
                    (
                        *(one.workspace, one.campaign_id, one.version, one.event_id, one.event_type),
                        *(partition_of(one.workspace, one.campaign_id), one.body, NOON),
                    )
                    for one in dead
                ],
            )
        await tx.executemany(
            """
            insert into webhook_dead_letters
                (workspace_id, id, event_id, event_type, campaign_id, version, endpoint_id, attempts,
                 error_class, http_status, died_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 500, $10)
            """,
            [
                (
                    *(one.workspace, one.id, one.event_id, one.event_type, one.campaign_id, one.version),
                    *(one.endpoint_id, one.attempts, one.error_class, one.died_at),
                )
                for one in dead
            ],
        )
    return dead


async def dead_versions(database: Database, number: int, **more: Any) -> Sequence[Dead]:
    """Versions 1 to `number` of a campaign."""
    return await bury(database, *(Dead(version=version, **more) for version in range(1, number + 1)))


def again(one: Dead, attempts: int) -> Dead:
    """The letter of the same delivery when its replay died too."""
    return replace(one, id=uuid7(), attempts=attempts)


async def tried(database: Database, one: Dead, status: Status, number: int) -> None:
    async with database.transaction() as tx:
        await store.insert_attempts(tx, [one.attempt(status, number)])


async def waiting(database: Database) -> list[dict[str, Any]]:
    rows = await database.fetch("select * from webhook_waiting order by workspace_id, campaign_id, version")
    return [dict(row) for row in rows]
