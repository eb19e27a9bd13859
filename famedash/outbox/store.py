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


async def insert(tx: Transaction, events: Sequence[DomainEvent]) -> None:
    """Append the events, in order, and note their `seq` as unpublished: one round trip.

    Value by value: an array a column costs about 15 us more (measured), and most calls bring one event.
    """
    await tx.executemany(
        """
        with event as (
            insert into outbox_events
                (workspace_id, campaign_id, version, event_id, type, topic, partition, body, occurred_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            returning seq
        )
        insert into outbox_unpublished (seq) select seq from event
        """,
        [
            (
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
            for event in events
        ],
    )


async def note_unpublished(tx: Transaction, seqs: Sequence[int]) -> None:
    await tx.execute(
        "insert into outbox_unpublished (seq) select unnest($1::bigint[]) on conflict do nothing", list(seqs)
    )


async def unpublished(database: Database, *, limit: int, limit_bytes: int) -> list[Unpublished]:
    """The oldest events that were not surely published, in `seq` order, of every workspace.

    At most `limit`, and about `limit_bytes` of bodies (one event always). No "last seq seen": a seq is taken
    before its commit, so rows become visible out of order.
    """
    rows = await database.fetch(
        """
        select seq, topic, partition, body from (
            select event.*, sum(octet_length(event.body)) over (order by seq) - octet_length(event.body)
                   as bytes_before
            from (select seq from outbox_unpublished order by seq limit $1) waiting
            join outbox_events event using (seq)
        ) oldest
        where bytes_before < $2 order by seq
        """,  # every workspace: the relay serves them all
        limit,
        limit_bytes,
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
