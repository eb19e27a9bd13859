"""What delivery reads: what is already settled, what is due, and what people ask for."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from famedash.infra.database import Database
from famedash.webhooks.model import FINAL, Change, Delivery, EndpointKey, change_of


@dataclass(frozen=True, slots=True)
class Known:
    """`settled`: it has an outcome or a waiting row. `lane_waits`: its lane has a waiting row."""

    settled: bool
    lane_waits: bool


async def known(database: Database, deliveries: Sequence[Delivery]) -> list[Known]:
    """One question for a whole batch, answered in the order of `deliveries`.

    No `exists`: PostgreSQL may answer that by reading the whole table once.
    """
    rows = await database.fetch(
        """
        select coalesce((
                   select true from webhook_attempts tried
                   where tried.workspace_id = owed.workspace_id and tried.event_id = owed.event_id
                     and tried.endpoint_id = owed.endpoint_id and tried.status = any($6::text[])
                   limit 1
               ), (
                   select true from webhook_waiting waiting
                   where waiting.workspace_id = owed.workspace_id
                     and waiting.campaign_id = owed.campaign_id
                     and waiting.endpoint_id = owed.endpoint_id
                     and waiting.version = owed.version and waiting.event_id = owed.event_id
               ), false) as settled,
               coalesce((
                   select true from webhook_waiting waiting
                   where waiting.workspace_id = owed.workspace_id
                     and waiting.campaign_id = owed.campaign_id
                     and waiting.endpoint_id = owed.endpoint_id and waiting.replayed_at is null
                   limit 1
               ), false) as lane_waits
        from unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::uuid[]) with ordinality
             as owed(workspace_id, campaign_id, endpoint_id, version, event_id, place)
        order by place
        """,
        [delivery.workspace for delivery in deliveries],
        [delivery.campaign_id for delivery in deliveries],
        [delivery.endpoint_id for delivery in deliveries],
        [delivery.version for delivery in deliveries],
        [delivery.event_id for delivery in deliveries],
        list(FINAL),
    )
    return [Known(row["settled"], row["lane_waits"]) for row in rows]


async def changes(database: Database, workspaces: Collection[str]) -> dict[EndpointKey, list[Change]]:
    """Every change of every endpoint of these workspaces (few: an endpoint is rarely changed).

    But for those that were deleted before anything that the log still holds.
    """
    rows = await database.fetch(
        """
        select workspace_id, endpoint_id, effective_at, enabled, event_types
        from webhook_endpoint_changes change
        where workspace_id = any($1::text[]) and not exists (
            select from webhook_endpoints endpoint
            where endpoint.workspace_id = change.workspace_id and endpoint.endpoint_id = change.endpoint_id
              and endpoint.deleted_at < clock_timestamp() - interval '8 days'
        )
        """,
        list(workspaces),
    )
    found: dict[EndpointKey, list[Change]] = {}
    for row in rows:
        found.setdefault((row["workspace_id"], row["endpoint_id"]), []).append(change_of(row))
    return found


async def endpoints(database: Database, workspaces: Collection[str]) -> list[asyncpg.Record]:
    """Where these workspaces' own endpoints point, secrets sealed; the deleted ones are left out."""
    return await database.fetch(
        """
        select workspace_id, endpoint_id, url, headers, max_in_flight, secret,
               case when previous_until > clock_timestamp() then previous_secret end as previous_secret
        from webhook_endpoints where workspace_id = any($1::text[]) and deleted_at is null
        """,
        list(workspaces),
    )


async def due(
    database: Database,
    partitions: Collection[int],
    *,
    now: datetime,
    free: Mapping[EndpointKey, int],
    otherwise_free: int,
) -> list[Delivery]:
    """The heads of lanes that are due, oldest first: for each endpoint as many as it has free slots.

    At least one: a row without a slot says that the next slot should be kept for it.
    """
    rows = await database.fetch(
        """
        with recursive part as (
            select partition from unnest($1::int[]) as part(partition)
        ), endpoint as (
            select part.partition, first.workspace_id, first.endpoint_id
            from part cross join lateral (
                select workspace_id, endpoint_id from webhook_waiting waiting
                where waiting.partition = part.partition and due_at is not null and not sending
                order by workspace_id, endpoint_id limit 1
            ) first
            union all
            select endpoint.partition, more.workspace_id, more.endpoint_id
            from endpoint cross join lateral (
                select workspace_id, endpoint_id from webhook_waiting waiting
                where waiting.partition = endpoint.partition and due_at is not null and not sending
                  and (waiting.workspace_id, waiting.endpoint_id)
                      > (endpoint.workspace_id, endpoint.endpoint_id)
                order by workspace_id, endpoint_id limit 1
            ) more
        ), ranked as (
            select head.*, greatest(coalesce(busy.free, $6), 1) as room,
                   row_number() over (partition by head.workspace_id, head.endpoint_id
                                      order by head.due_at) as place
            from endpoint
            left join unnest($3::text[], $4::text[], $5::int[]) as busy(workspace_id, endpoint_id, free)
                using (workspace_id, endpoint_id)
            cross join lateral (
                select * from webhook_waiting waiting
                where waiting.partition = endpoint.partition
                  and waiting.workspace_id = endpoint.workspace_id
                  and waiting.endpoint_id = endpoint.endpoint_id
                  and due_at <= $2 and due_at is not null and not sending
                order by due_at limit greatest(coalesce(busy.free, $6), 1)
            ) head
        )
        select * from ranked where place <= room order by workspace_id, endpoint_id, due_at
        """,
        list(partitions),
        now,
        [workspace for workspace, _ in free],
        [endpoint for _, endpoint in free],
        list(free.values()),
        otherwise_free,
    )
    return [_delivery(row) for row in rows]


async def next_due_at(database: Database, partitions: Collection[int], *, after: datetime) -> datetime | None:
    """When the next waiting row falls due; None when none does. What is due already waits for a slot."""
    found: datetime | None = await database.fetchval(
        """
        select min(next.due_at) from unnest($1::int[]) as part(partition)
        cross join lateral (
            select due_at from webhook_waiting waiting
            where waiting.partition = part.partition and due_at > $2 and due_at is not null and not sending
            order by due_at limit 1
        ) next
        """,
        list(partitions),
        after,
    )
    return found


async def marked(database: Database, partition: int) -> list[Delivery]:
    """Rows that the last owner marked `sending`: they may have been sent. Of every workspace."""
    rows = await database.fetch("select * from webhook_waiting where partition = $1 and sending", partition)
    return [_delivery(row) for row in rows]


def _delivery(row: asyncpg.Record) -> Delivery:
    return Delivery(
        workspace=row["workspace_id"],
        campaign_id=row["campaign_id"],
        endpoint_id=row["endpoint_id"],
        version=row["version"],
        event_id=row["event_id"],
        event_type=row["event_type"],
        occurred_at=row["occurred_at"],
        partition=row["partition"],
        body=row["body"],
        tries=row["tries"],
        tries_before=row["tries_before"],
        replayed_at=row["replayed_at"],
    )


async def attempts(
    database: Database, workspace: str, *, campaign_id: str | None, after: UUID | None, limit: int
) -> list[dict[str, Any]]:
    """The audit log, oldest first, as `/logs` shows it."""
    rows = await database.fetch(
        """
        select id, event_id, event_type, campaign_id, version, endpoint_id, attempt, status,
               attempted_at, http_status, error_class, duration_ms, next_attempt_at, response_excerpt
        from webhook_attempts
        where workspace_id = $1 and ($2::text is null or campaign_id = $2)
          and ($3::uuid is null or id > $3)
        order by id limit $4
        """,
        workspace,
        campaign_id,
        after,
        limit,
    )
    return [dict(row) for row in rows]
