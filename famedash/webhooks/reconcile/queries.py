"""What the proof reads, of every workspace: how far the ledger goes, and what became of its events."""

from famedash.infra.database import Database
from famedash.webhooks.model import FINAL, Event
from famedash.webhooks.reconcile.model import Candidate, Horizon


async def horizon(database: Database) -> Horizon:
    """All of one instant."""
    row = await database.fetchrow(
        """
        select clock_timestamp() as now,
               (select seq from webhook_reconciliation) as proven,
               coalesce((select max(seq) from outbox_events), 0) as newest,
               (select min(seq) from outbox_unpublished) as oldest_unpublished,
               pg_snapshot_xmin(pg_current_snapshot())::text::bigint as xmin,
               pg_snapshot_xmax(pg_current_snapshot())::text::bigint as xmax
        """
    )
    assert row is not None  # noqa: S101 - a select without a table answers one row
    return Horizon(**row)


async def page(database: Database, *, after: int, up_to: int, limit: int) -> list[Candidate]:
    """The next events in `seq` order: one index look an event, however many endpoints it went to."""
    rows = await database.fetch(
        """
        select event.seq, event.workspace_id, event.campaign_id, event.version, event.event_id,
               event.type, event.occurred_at, event.partition,
               array(
                   select tried.endpoint_id from webhook_attempts tried
                   where tried.workspace_id = event.workspace_id and tried.event_id = event.event_id
                     and tried.status = any($4::text[])
               ) as settled
        from outbox_events event
        where event.topic = 'events' and event.seq > $1 and event.seq <= $2
        order by event.seq limit $3
        """,
        after,
        up_to,
        limit,
        list(FINAL),
    )
    return [
        Candidate(
            row["seq"],
            Event(
                workspace=row["workspace_id"],
                campaign_id=row["campaign_id"],
                version=row["version"],
                id=row["event_id"],
                type=row["type"],
                occurred_at=row["occurred_at"],
                partition=row["partition"],
                body=b"",
            ),
            row["settled"],
        )
        for row in rows
    ]
