"""What is shown of briefs. Reads only."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import asyncpg

from famedash.infra.database import Database


class Position(NamedTuple):
    created_at: datetime
    brief_id: UUID


async def get(database: Database, workspace: str, brief_id: UUID) -> asyncpg.Record | None:
    """With its newest feedback, if there is any."""
    return await database.fetchrow(
        """
        select brief.*, answer ->> 'caption' as caption,
            feedback.verdict, feedback.edited_caption, feedback.note, feedback.given_at, feedback.given_by
        from briefs brief
        left join lateral (
            select verdict, edited_caption, note, given_at, given_by from brief_feedback
            where workspace_id = $1 and brief_id = $2
            order by given_at desc, feedback_id desc limit 1
        ) feedback on true
        where brief.workspace_id = $1 and brief.brief_id = $2
        """,
        workspace,
        brief_id,
    )


async def newest(
    database: Database,
    workspace: str,
    *,
    campaign_id: str | None,
    before: Position | None,
    limit: int,
) -> Sequence[asyncpg.Record]:
    """At most `limit` briefs, the newest first."""
    created_at, brief_id = before or (None, None)
    return await database.fetch(
        """
        select brief_id, created_at, campaign_id, brand, product, platform, engine, model,
            answer ->> 'caption' as caption,
            (select verdict from brief_feedback feedback
             where feedback.workspace_id = $1 and feedback.brief_id = briefs.brief_id
             order by given_at desc, feedback_id desc limit 1) as verdict
        from briefs
        where workspace_id = $1
          and ($2::text is null or campaign_id = $2)
          and (created_at, brief_id)
              < (coalesce($3, 'infinity'::timestamptz),
                 coalesce($4, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid))
        order by created_at desc, brief_id desc
        limit $5
        """,
        workspace,
        campaign_id,
        created_at,
        brief_id,
        limit,
    )
