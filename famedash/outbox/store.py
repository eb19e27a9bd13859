"""Rows of the ledger of domain events: appended for good, noted as unpublished until the relay is done."""

from collections.abc import Sequence
from dataclasses import dataclass

from famedash.infra.database import Database, Transaction
from famedash.infra.log.model import Record
from famedash.infra.log.partitions import partition_of
from famedash.outbox.model import EVENTS, DomainEvent, encode


@dataclass(frozen=True, slots=True)
class Unpublished:
    seq: int
    record: Record


async def insert(tx: Transaction, event: DomainEvent) -> None:
    """Append the event and note its `seq` as unpublished, in one statement.

    The caller holds the campaign's row lock, so that `seq` order is version order within a campaign.
    """
    await tx.execute(
        """
        with event as (
            insert into outbox_events
                (workspace_id, campaign_id, version, event_id, type, topic, partition, body, occurred_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            returning seq
        )
        insert into outbox_unpublished (seq) select seq from event
        """,
        event.workspace,
        event.campaign_id,
        event.version,
        event.id,
        event.type,
        event.topic,
        partition_of(event.workspace, event.campaign_id),
        encode(event),
        event.occurred_at,
    )


async def unpublished(database: Database, *, limit: int) -> list[Unpublished]:
    """The oldest events that were not surely published, in `seq` order, of every workspace.

    No "last seq seen": a seq is taken before its commit, so rows become visible out of order.
    """
    rows = await database.fetch(
        """
        select event.seq, event.topic, event.partition, event.body
        from outbox_unpublished waiting join outbox_events event using (seq)
        order by waiting.seq limit $1
        """,  # every workspace: the relay serves them all
        limit,
    )
    return [
        Unpublished(
            row["seq"],
            Record(row["topic"], row["partition"] if row["topic"] == EVENTS else None, row["body"]),
        )
        for row in rows
    ]


async def forget(database: Database, seqs: Sequence[int]) -> None:
    """These are on the log's disk. Not synced itself: after a crash they are published again and absorbed."""
    await database.fetchval(
        """
        with relaxed as materialized (select set_config('synchronous_commit', 'off', true))
        delete from outbox_unpublished using relaxed where seq = any($1::bigint[])
        """,
        list(seqs),
    )
