"""The rows that delivery writes, always inside its owner's fenced write; private to the service."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from famedash.infra.database import Transaction
from famedash.webhooks.model import Answer, Attempt, Change, Delivery, LaneKey, change_of
from famedash.webhooks.window import Row


async def insert_attempts(tx: Transaction, attempts: Sequence[Attempt]) -> None:
    """Append to the audit log, all in one statement."""
    replies = [attempt.reply for attempt in attempts]
    answers = [reply if isinstance(reply, Answer) else None for reply in replies]
    deliveries = [attempt.delivery for attempt in attempts]
    await tx.execute(
        """
        insert into webhook_attempts
            (workspace_id, id, event_id, event_type, campaign_id, version, endpoint_id, attempt, status,
             attempted_at, http_status, error_class, duration_ms, next_attempt_at, response_excerpt)
        select * from unnest($1::text[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::int[],
                             $7::text[], $8::int[], $9::text[], $10::timestamptz[], $11::int[],
                             $12::text[], $13::int[], $14::timestamptz[], $15::text[])
        """,
        [delivery.workspace for delivery in deliveries],
        [attempt.id for attempt in attempts],
        [delivery.event_id for delivery in deliveries],
        [delivery.event_type for delivery in deliveries],
        [delivery.campaign_id for delivery in deliveries],
        [delivery.version for delivery in deliveries],
        [delivery.endpoint_id for delivery in deliveries],
        [attempt.number for attempt in attempts],
        [attempt.status for attempt in attempts],
        [attempt.at for attempt in attempts],
        [answer.http_status if answer else None for answer in answers],
        [reply.error_class if reply else None for reply in replies],
        [reply.duration_ms if reply else None for reply in replies],
        [attempt.next_attempt_at for attempt in attempts],
        [answer.excerpt if answer else None for answer in answers],
    )


async def write_rows(tx: Transaction, rows: Sequence[tuple[Delivery, Row]]) -> None:
    """Make or renew waiting rows; none of them is marked `sending` afterwards."""
    deliveries = [delivery for delivery, _ in rows]
    await tx.execute(
        """
        insert into webhook_waiting
            (workspace_id, campaign_id, endpoint_id, version, event_id, event_type, occurred_at,
             partition, body, tries, due_at, tries_before, replayed_at)
        select * from unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::uuid[], $6::text[],
                             $7::timestamptz[], $8::int[], $9::bytea[], $10::int[], $11::timestamptz[],
                             $12::int[], $13::timestamptz[])
        on conflict (workspace_id, campaign_id, endpoint_id, version, event_id) do update
        set tries = excluded.tries, due_at = excluded.due_at, sending = false
        """,
        [delivery.workspace for delivery in deliveries],
        [delivery.campaign_id for delivery in deliveries],
        [delivery.endpoint_id for delivery in deliveries],
        [delivery.version for delivery in deliveries],
        [delivery.event_id for delivery in deliveries],
        [delivery.event_type for delivery in deliveries],
        [delivery.occurred_at for delivery in deliveries],
        [delivery.partition for delivery in deliveries],
        [delivery.body for delivery in deliveries],
        [row.tries for _, row in rows],
        [row.due_at for _, row in rows],
        [delivery.tries_before for delivery in deliveries],
        [delivery.replayed_at for delivery in deliveries],
    )


async def drop_rows(tx: Transaction, deliveries: Sequence[Delivery]) -> None:
    await tx.executemany(
        """
        delete from webhook_waiting
        where workspace_id = $1 and campaign_id = $2 and endpoint_id = $3 and version = $4 and event_id = $5
        """,
        _keys(deliveries),
    )


async def mark_sending(tx: Transaction, deliveries: Sequence[Delivery]) -> None:
    """Say, before anything is sent, that from now on these may have been sent."""
    await tx.executemany(
        """
        update webhook_waiting set sending = true
        where workspace_id = $1 and campaign_id = $2 and endpoint_id = $3 and version = $4 and event_id = $5
        """,
        _keys(deliveries),
    )


async def promote(tx: Transaction, lanes: Sequence[LaneKey]) -> dict[LaneKey, bool]:
    """Make the oldest row of each lane due if it has no time yet; answers which lanes have rows at all.

    Due since its event: a time that has passed on every clock. A replay waits for nobody and holds up nobody.
    """
    rows = await tx.fetch(
        """
        with lane as (
            select distinct * from unnest($1::text[], $2::text[], $3::text[])
                as l(workspace_id, campaign_id, endpoint_id)
        ), head as (
            select lane.*, oldest.version, oldest.event_id, oldest.due_at
            from lane left join lateral (
                select version, event_id, due_at from webhook_waiting waiting
                where waiting.workspace_id = lane.workspace_id and waiting.campaign_id = lane.campaign_id
                  and waiting.endpoint_id = lane.endpoint_id and waiting.replayed_at is null
                order by version, event_id limit 1
            ) oldest on true
        ), promoted as (
            update webhook_waiting waiting
            set due_at = least(waiting.occurred_at, clock_timestamp()) from head
            where waiting.workspace_id = head.workspace_id and waiting.campaign_id = head.campaign_id
              and waiting.endpoint_id = head.endpoint_id and waiting.version = head.version
              and waiting.event_id = head.event_id and head.due_at is null
        )
        select workspace_id, campaign_id, endpoint_id, version is not null as waits from head
        """,
        [lane[0] for lane in lanes],
        [lane[1] for lane in lanes],
        [lane[2] for lane in lanes],
    )
    return {(row["workspace_id"], row["campaign_id"], row["endpoint_id"], None): row["waits"] for row in rows}


async def insert_letters(tx: Transaction, letters: Sequence[tuple[UUID, Attempt]], now: datetime) -> None:
    """Deliveries that were given up, all in one statement."""
    attempts = [attempt for _, attempt in letters]
    deliveries = [attempt.delivery for attempt in attempts]
    replies = [attempt.reply for attempt in attempts]
    await tx.execute(
        """
        insert into webhook_dead_letters
            (workspace_id, id, event_id, event_type, campaign_id, version, endpoint_id, attempts,
             error_class, http_status, died_at)
        select *, $11::timestamptz
        from unnest($1::text[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::int[], $7::text[],
                    $8::int[], $9::text[], $10::int[])
        """,
        [delivery.workspace for delivery in deliveries],
        [letter_id for letter_id, _ in letters],
        [delivery.event_id for delivery in deliveries],
        [delivery.event_type for delivery in deliveries],
        [delivery.campaign_id for delivery in deliveries],
        [delivery.version for delivery in deliveries],
        [delivery.endpoint_id for delivery in deliveries],
        [attempt.number for attempt in attempts],
        [reply.error_class if reply else None for reply in replies],
        [reply.http_status if isinstance(reply, Answer) else None for reply in replies],
        now,
    )


async def newest_change(tx: Transaction, workspace: str, endpoint_id: str) -> Change | None:
    """One endpoint's changes are written one at a time (advisory lock, held until the end)."""
    await tx.execute(
        "select pg_advisory_xact_lock(hashtextextended($1, 7))", f"endpoint {workspace}/{endpoint_id}"
    )
    row = await tx.fetchrow(
        "select effective_at, enabled, event_types from webhook_endpoint_changes"
        " where workspace_id = $1 and endpoint_id = $2 order by effective_at desc limit 1",
        workspace,
        endpoint_id,
    )
    return change_of(row) if row else None


async def insert_change(
    tx: Transaction,
    workspace: str,
    endpoint_id: str,
    *,
    enabled: bool,
    event_types: Sequence[str] | None,
    reason: str,
    margin: timedelta,
) -> None:
    """A change takes effect `margin` from now on the database's clock, after its commit."""
    await tx.execute(
        """
        insert into webhook_endpoint_changes
            (workspace_id, endpoint_id, effective_at, enabled, event_types, reason)
        values ($1, $2, clock_timestamp() + $6, $3, $4, $5)
        """,
        workspace,
        endpoint_id,
        enabled,
        event_types,
        reason,
        margin,
    )


async def follow_url(tx: Transaction, url: str) -> bool:
    """Remember where `default` points; answers whether it pointed somewhere else before (not: nowhere)."""
    before = await tx.fetchval("select webhook_url from installation for update")
    if before == url:
        return False
    await tx.execute("update installation set webhook_url = $1", url)
    return bool(before)


async def workspaces_disabled(tx: Transaction, endpoint_id: str) -> list[str]:
    """Every workspace whose endpoint of that name is switched off now."""
    rows = await tx.fetch(
        """
        select workspace_id from (
            select distinct on (workspace_id) workspace_id, enabled from webhook_endpoint_changes
            where endpoint_id = $1 order by workspace_id, effective_at desc
        ) newest where not enabled
        """,
        endpoint_id,
    )
    return [row["workspace_id"] for row in rows]


def _keys(deliveries: Sequence[Delivery]) -> list[tuple[str, str, str, int, UUID]]:
    """One statement a row, in one round trip: a join may be planned to read all rows there are."""
    return [
        (delivery.workspace, delivery.campaign_id, delivery.endpoint_id, delivery.version, delivery.event_id)
        for delivery in deliveries
    ]
