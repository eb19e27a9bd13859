"""What there is to see of campaigns and of their history. Reads only."""

from datetime import datetime

from famedash.campaigns import model
from famedash.campaigns.model import Campaign, Status
from famedash.infra.database import Database


async def get(database: Database, workspace: str, campaign_id: str) -> Campaign | None:
    row = await database.fetchrow(
        "select * from campaigns where workspace_id = $1 and id = $2", workspace, campaign_id
    )
    return model.recall(row) if row else None


async def newest(
    database: Database,
    workspace: str,
    *,
    status: Status | None = None,
    after: tuple[datetime, str] | None = None,
    limit: int,
) -> list[Campaign]:
    """At most `limit` campaigns, newest first; `after` is (createdAt, id) of the last one already seen."""
    created_at, campaign_id = after or (None, None)
    rows = await database.fetch(
        """
        select * from campaigns
        where workspace_id = $1
          and ($2::text is null or status = $2)
          and (created_at, id) < (coalesce($3, 'infinity'::timestamptz), coalesce($4, ''))
        order by created_at desc, id desc
        limit $5
        """,
        workspace,
        status,
        created_at,
        campaign_id,
        limit,
    )
    return [model.recall(row) for row in rows]


async def history(
    database: Database, workspace: str, campaign_id: str, *, since: int, limit: int
) -> list[tuple[int, bytes]] | None:
    """(version, body as published) of the events after version `since`, oldest first.

    None when the workspace has no such campaign.
    """
    rows = await database.fetch(
        """
        select event.version, event.body
        from campaigns campaign
        left join lateral (
            select version, body from outbox_events
            where workspace_id = $1 and campaign_id = $2
              and topic = 'events' and version > $3
            order by version
            limit $4
        ) event on true
        where campaign.workspace_id = $1 and campaign.id = $2
        order by event.version
        """,
        workspace,
        campaign_id,
        since,
        limit,
    )
    if not rows:
        return None
    return [(row["version"], row["body"]) for row in rows if row["body"] is not None]
