"""What there is to see of dead letters and their replays. Reads only."""

from typing import Any
from uuid import UUID

import msgspec

from famedash.infra.database import Database, Transaction
from famedash.webhooks.letters.model import Filters, Replay, replay_of


async def letters(
    database: Database | Transaction,
    workspace: str,
    filters: Filters,
    *,
    before: UUID | None = None,
    limit: int,
) -> list[dict[str, Any]]:
    """Deliveries that were given up, newest first."""
    rows = await database.fetch(
        """
        select id, event_id, event_type, campaign_id, version, endpoint_id, attempts,
               error_class, http_status, died_at, replayed_at
        from webhook_dead_letters
        where workspace_id = $1
          and ($2::text is null or campaign_id = $2)
          and ($3::text is null or endpoint_id = $3)
          and ($4::text is null or event_type = $4)
          and ($5::text is null or error_class = $5)
          and ($6::timestamptz is null or died_at >= $6)
          and ($7::timestamptz is null or died_at < $7)
          and ($8::boolean is null or (replayed_at is not null) = $8)
          and ($9::uuid is null or id < $9)
        order by id desc limit $10
        """,
        workspace,
        *msgspec.structs.astuple(filters),
        before,
        limit,
    )
    return [dict(row) for row in rows]


async def replay(database: Database, workspace: str, replay_id: UUID) -> Replay | None:
    row = await database.fetchrow(
        "select * from webhook_replays where workspace_id = $1 and id = $2", workspace, replay_id
    )
    return replay_of(row) if row else None


async def unfinished(database: Database) -> list[tuple[str, UUID]]:
    """The replays that are not finished, of every workspace, the oldest first."""
    rows = await database.fetch(
        "select workspace_id, id from webhook_replays where finished_at is null order by created_at"
    )
    return [(row["workspace_id"], row["id"]) for row in rows]
