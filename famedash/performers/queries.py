"""What is shown of the performers: rankings, loads, rejected lines."""

from collections.abc import Sequence
from math import inf
from uuid import UUID

import asyncpg

from famedash.infra.database import Database
from famedash.performers.ranking import Place, Sort

Rows = Sequence[asyncpg.Record]

_LARGEST = (1 << 63) - 1


async def top(
    database: Database,
    workspace: str,
    *,
    campaign_id: str | None,
    sort: Sort,
    min_views: int,
    after: Place | None,
    limit: int,
) -> Rows:
    """The next `limit` results in the order of `sort`; of all campaigns where none is given."""
    if sort is not Sort.ENGAGEMENT_RATE:
        start = after or Place(sort, 0, _LARGEST, 0, "", "")
        return await _by_count(
            database, workspace, campaign_id, sort, min_views=min_views, after=start, limit=limit
        )
    start = after or Place(sort, 0, inf, 0, "", "")
    if campaign_id is None:
        return await _of_all_by_rate(database, workspace, min_views, start, limit)
    return await _of_one_by_rate(
        database, workspace, campaign_id, min_views=min_views, after=start, limit=limit
    )


async def _of_one_by_rate(
    database: Database, workspace: str, campaign_id: str, *, min_views: int, after: Place, limit: int
) -> Rows:
    """Three walks along the index `performances_ranking`; one condition for all would crawl through ties."""
    return await database.fetch(
        """
        select campaign_id, influencer_id, posts, views, likes, comments, shares, engagements, engagement_rate
        from (
            (select * from performances
             where workspace_id = $1 and home in ('', $1) and campaign_id = $2 and views >= $3
               and engagement_rate = $5 and engagements = $6 and influencer_id > $7
             order by influencer_id limit $4)
            union all
            (select * from performances
             where workspace_id = $1 and home in ('', $1) and campaign_id = $2 and views >= $3
               and engagement_rate = $5 and engagements < $6
             order by engagements desc, influencer_id limit $4)
            union all
            (select * from performances
             where workspace_id = $1 and home in ('', $1) and campaign_id = $2 and views >= $3
               and engagement_rate < $5
             order by engagement_rate desc, engagements desc, influencer_id limit $4)
        ) as found
        order by engagement_rate desc, engagements desc, influencer_id
        limit $4
        """,
        workspace,
        campaign_id,
        min_views,
        limit,
        after.key,
        after.engagements,
        after.influencer_id,
    )


async def _of_all_by_rate(
    database: Database, workspace: str, min_views: int, after: Place, limit: int
) -> Rows:
    """The same along `performances_ranking_of_all`."""
    return await database.fetch(
        """
        select campaign_id, influencer_id, posts, views, likes, comments, shares, engagements, engagement_rate
        from (
            (select * from performances
             where workspace_id = $1 and home in ('', $1) and views >= $2
               and engagement_rate = $4 and engagements = $5 and (influencer_id, campaign_id) > ($6, $7)
             order by influencer_id, campaign_id limit $3)
            union all
            (select * from performances
             where workspace_id = $1 and home in ('', $1) and views >= $2
               and engagement_rate = $4 and engagements < $5
             order by engagements desc, influencer_id, campaign_id limit $3)
            union all
            (select * from performances
             where workspace_id = $1 and home in ('', $1) and views >= $2 and engagement_rate < $4
             order by engagement_rate desc, engagements desc, influencer_id, campaign_id limit $3)
        ) as found
        order by engagement_rate desc, engagements desc, influencer_id, campaign_id
        limit $3
        """,
        workspace,
        min_views,
        limit,
        after.key,
        after.engagements,
        after.influencer_id,
        after.campaign_id,
    )


async def _by_count(
    database: Database,
    workspace: str,
    campaign_id: str | None,
    sort: Sort,
    *,
    min_views: int,
    after: Place,
    limit: int,
) -> Rows:
    """Without an index of its own: every result of the campaign is looked at."""
    return await database.fetch(
        """
        select campaign_id, influencer_id, posts, views, likes, comments, shares, engagements, engagement_rate
        from (
            select *, case when $5 = 'views' then views else engagements end as count
            from performances
            where workspace_id = $1 and home in ('', $1) and ($2::text is null or campaign_id = $2)
              and views >= $3
        ) as found
        where count < $6 or (count = $6 and (influencer_id, campaign_id) > ($7, $8))
        order by count desc, influencer_id, campaign_id
        limit $4
        """,
        workspace,
        campaign_id,
        min_views,
        limit,
        sort.value,
        after.key,
        after.influencer_id,
        after.campaign_id,
    )


async def imports(database: Database, workspace: str, *, before: UUID | None, limit: int) -> Rows:
    """Loads, the newest first."""
    return await database.fetch(
        """
        select import_id, file_name, status, step, bytes_total, bytes_done, lines, header, accepted,
               continuation, blank, flagged, rejected, pairs, inserted, updated, same_as, warnings, error,
               human_numbers, started_at, finished_at
        from imports
        where workspace_id = $1 and ($2::uuid is null or import_id < $2)
        order by import_id desc
        limit $3
        """,
        workspace,
        before,
        limit,
    )


async def get_import(database: Database, workspace: str, import_id: UUID) -> asyncpg.Record | None:
    return await database.fetchrow(
        """
        select import_id, file_name, status, step, bytes_total, bytes_done, lines, header, accepted,
               continuation, blank, flagged, rejected, pairs, inserted, updated, same_as, warnings, error,
               human_numbers, started_at, finished_at
        from imports
        where workspace_id = $1 and import_id = $2
        """,
        workspace,
        import_id,
    )


async def rejects(database: Database, workspace: str, import_id: UUID, *, after: int, limit: int) -> Rows:
    """Rejected lines that were kept, in the order of the file. A repeat has those of its origin."""
    return await database.fetch(
        """
        select line, reason, field, raw from import_rejects
        where workspace_id = $1 and line > $3 and import_id = (
            select coalesce(same_as, import_id) from imports where workspace_id = $1 and import_id = $2
        )
        order by line
        limit $4
        """,
        workspace,
        import_id,
        after,
        limit,
    )


async def captions(
    database: Database, workspace: str, *, campaign_id: str | None, platform: str, limit: int
) -> Rows:
    """The best results that have a caption, on a platform or on one that is not known; one a caption.

    Along the ranking, and no further than its first thousand: what did well is near the top.
    """
    return await database.fetch(
        """
        select campaign_id, influencer_id, engagement_rate, caption from (
            select distinct on (caption) * from (
                select campaign_id, influencer_id, engagement_rate, engagements, caption, platform
                from performances
                where workspace_id = $1 and home in ('', $1) and ($2::text is null or campaign_id = $2)
                order by engagement_rate desc, engagements desc, influencer_id, campaign_id limit 1000
            ) as best
            where caption <> '' and (platform is null or lower(platform) = $3)
            order by caption, engagement_rate desc
        ) as found
        order by engagement_rate desc, engagements desc, influencer_id
        limit $4
        """,
        workspace,
        campaign_id,
        platform,
        limit,
    )
