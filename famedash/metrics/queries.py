"""What was counted. Reads only: range scans of primary keys, one statement and so one snapshot an answer."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg

from famedash.infra.database import Database
from famedash.metrics.trends import Heard
from famedash.metrics.windows import MINUTE, Counts, Edges, Step, Windowed

LetterRow = dict[str, Any]
"""partition, entry, arrived_ms, line, reason, payload, noted_at"""


async def now(database: Database) -> datetime:
    """The clock that decides which window is the latest."""
    time: datetime = await database.fetchval("select clock_timestamp()")
    return time


async def is_known(database: Database, workspace: str, campaign_id: str) -> bool:
    """Was there ever an event of this campaign?"""
    known: bool = await database.fetchval(
        "select exists (select from metric_totals where workspace_id = $1 and campaign_id = $2)",
        workspace,
        campaign_id,
    )
    return known


async def platforms(
    database: Database, workspace: str, campaign_id: str, edges: Edges
) -> dict[str, Windowed]:
    """The windows of every platform that the campaign ever had an event on; empty: it never had one."""
    rows = await database.fetch(
        """
        select platform as name, span, sum(sign * views)::bigint as views, sum(sign * likes)::bigint as likes,
               sum(sign * comments)::bigint as comments, sum(sign * shares)::bigint as shares,
               sum(sign * saves)::bigint as saves, sum(sign * clicks)::bigint as clicks,
               sum(sign * conversions)::bigint as conversions
        from (
            select platform, 'window1h' as span, 1 as sign,
                   views, likes, comments, shares, saves, clicks, conversions
            from metric_minutes
            where workspace_id = $1 and campaign_id = $2 and minute >= $3 and minute < $7
            union all
            select platform, 'window24h', 1, views, likes, comments, shares, saves, clicks, conversions
            from metric_minutes
            where workspace_id = $1 and campaign_id = $2 and minute >= $4 and minute < $5
            union all
            select platform, 'window24h', 1, views, likes, comments, shares, saves, clicks, conversions
            from metric_hours
            where workspace_id = $1 and campaign_id = $2 and hour >= $5 and hour < $6
            union all
            select platform, 'window24h', 1, views, likes, comments, shares, saves, clicks, conversions
            from metric_minutes
            where workspace_id = $1 and campaign_id = $2 and minute >= $6 and minute < $7
            union all
            select platform, 'total', 1, views, likes, comments, shares, saves, clicks, conversions
            from metric_totals
            where workspace_id = $1 and campaign_id = $2
            union all
            select platform, 'total', -1, views, likes, comments, shares, saves, clicks, conversions
            from metric_minutes
            where workspace_id = $1 and campaign_id = $2 and minute >= $7 and minute < $8
            union all
            select platform, 'total', -1, views, likes, comments, shares, saves, clicks, conversions
            from metric_hours
            where workspace_id = $1 and campaign_id = $2 and hour >= $8
        ) counted
        group by platform, span
        order by platform
        """,
        workspace,
        campaign_id,
        edges.hour_from,
        edges.day_from,
        edges.first_hour,
        edges.last_hour,
        edges.as_of,
        edges.next_hour,
    )
    return _windowed(rows)


async def creators(
    database: Database, workspace: str, campaign_id: str, edges: Edges, *, limit: int
) -> dict[str, Windowed]:
    """The windows of the `limit` creators with the most engagements before `edges.as_of`, a whole hour."""
    rows = await database.fetch(
        """
        with counted as (
            select influencer_id as name, span, sum(sign * views)::bigint as views,
                   sum(sign * likes)::bigint as likes, sum(sign * comments)::bigint as comments,
                   sum(sign * shares)::bigint as shares, sum(sign * saves)::bigint as saves,
                   sum(sign * clicks)::bigint as clicks, sum(sign * conversions)::bigint as conversions
            from (
                select influencer_id, 'window1h' as span, 1 as sign,
                       views, likes, comments, shares, saves, clicks, conversions
                from metric_creator_hours
                where workspace_id = $1 and campaign_id = $2 and hour >= $3 and hour < $5
                union all
                select influencer_id, 'window24h', 1,
                       views, likes, comments, shares, saves, clicks, conversions
                from metric_creator_hours
                where workspace_id = $1 and campaign_id = $2 and hour >= $4 and hour < $5
                union all
                select influencer_id, 'total', 1, views, likes, comments, shares, saves, clicks, conversions
                from metric_creator_totals
                where workspace_id = $1 and campaign_id = $2
                union all
                select influencer_id, 'total', -1, views, likes, comments, shares, saves, clicks, conversions
                from metric_creator_hours
                where workspace_id = $1 and campaign_id = $2 and hour >= $5
            ) rows
            group by influencer_id, span
        ), weighed as (
            select *, max(likes + comments + shares) filter (where span = 'total')
                      over (partition by name) as engagements
            from counted
        ), ranked as (
            select *, dense_rank() over (order by engagements desc, name) as rank from weighed
        )
        select name, span, views, likes, comments, shares, saves, clicks, conversions
        from ranked where rank <= $6 order by rank
        """,
        workspace,
        campaign_id,
        edges.hour_from,
        edges.day_from,
        edges.as_of,
        limit,
    )
    return _windowed(rows)


async def series(
    database: Database, workspace: str, campaign_id: str, *, start: datetime, end: datetime, step: Step
) -> dict[datetime, Counts]:
    """The counts of each step in `[start, end)` that has any."""
    rows = await database.fetch(
        _MINUTES if step.length == MINUTE else _HOURS, workspace, campaign_id, start, end, step.value
    )
    return {row["at"]: _counts(row) for row in rows}


_MINUTES = """
    select date_trunc($5, minute, 'UTC') as at, sum(views)::bigint as views, sum(likes)::bigint as likes,
           sum(comments)::bigint as comments, sum(shares)::bigint as shares, sum(saves)::bigint as saves,
           sum(clicks)::bigint as clicks, sum(conversions)::bigint as conversions
    from metric_minutes
    where workspace_id = $1 and campaign_id = $2 and minute >= $3 and minute < $4
    group by at
    """
_HOURS = """
    select date_trunc($5, hour, 'UTC') as at, sum(views)::bigint as views, sum(likes)::bigint as likes,
           sum(comments)::bigint as comments, sum(shares)::bigint as shares, sum(saves)::bigint as saves,
           sum(clicks)::bigint as clicks, sum(conversions)::bigint as conversions
    from metric_hours
    where workspace_id = $1 and campaign_id = $2 and hour >= $3 and hour < $4
    group by at
    """


async def hashtags(
    database: Database,
    workspace: str,
    *,
    platform: str | None,
    past_from: datetime,
    recent_from: datetime,
    least: int,
) -> tuple[datetime | None, list[Heard]]:
    """When the first hashtag from `past_from` on was heard, and those with `least` recent engagements."""
    rows = await database.fetch(
        """
        with heard as (
            select hashtag, min(hour) as since,
                   coalesce(sum(engagements) filter (where hour >= $4), 0)::bigint as recent,
                   coalesce(sum(engagements) filter (where hour < $4), 0)::bigint as past
            from metric_hashtag_hours
            where workspace_id = $1 and ($2::text is null or platform = $2) and hour >= $3
            group by hashtag
        )
        select hashtag, recent, past, (select min(since) from heard) as since from heard where recent >= $5
        """,
        workspace,
        platform,
        past_from,
        recent_from,
        least,
    )
    since = rows[0]["since"] if rows else None
    return since, [Heard(row["hashtag"], row["recent"], row["past"]) for row in rows]


async def letters_to_copy(database: Database, partitions: Sequence[int], *, limit: int) -> list[LetterRow]:
    """Letters of these partitions that are not in their stream yet, oldest first."""
    rows = await database.fetch(
        """
        select partition, entry, arrived_ms, line, reason, payload, noted_at from metric_dead_letters
        where not copied and partition = any($1::int[]) order by noted_at limit $2
        """,
        list(partitions),
        limit,
    )
    return [dict(row) for row in rows]


async def letters_by_reason(database: Database) -> list[LetterRow]:
    """reason, number, waiting (not replayed yet), first and last (when they were noted)."""
    rows = await database.fetch(
        """
        select reason, count(*) as number, count(*) filter (where replayed_at is null) as waiting,
               min(noted_at) as first, max(noted_at) as last
        from metric_dead_letters group by reason order by number desc, reason
        """
    )
    return [dict(row) for row in rows]


async def letters(
    database: Database,
    *,
    reason: str | None,
    limit: int,
    before: datetime | None = None,
    after: LetterRow | None = None,
) -> list[LetterRow]:
    """Letters that were not replayed yet, those of one reason or all, in the order of their ids."""
    last = [after[name] for name in ("partition", "entry", "arrived_ms", "line")] if after else [-1, "", 0, 0]
    rows = await database.fetch(
        """
        select partition, entry, arrived_ms, line, reason, payload, noted_at from metric_dead_letters
        where replayed_at is null and ($1::text is null or reason = $1)
          and noted_at < coalesce($3, 'infinity'::timestamptz)
          and (partition, entry, arrived_ms, line) > ($4, $5, $6, $7)
        order by partition, entry, arrived_ms, line limit $2
        """,
        reason,
        limit,
        before,
        *last,
    )
    return [dict(row) for row in rows]


def _windowed(rows: list[asyncpg.Record]) -> dict[str, Windowed]:
    """Rows of (name, span, counters), in the order of the names."""
    spans: dict[str, dict[str, Counts]] = {}
    for row in rows:
        spans.setdefault(row["name"], {})[row["span"]] = _counts(row)
    return {name: Windowed(**found) for name, found in spans.items()}


def _counts(row: Any) -> Counts:
    return Counts(*(row[name] for name in Counts._fields))
