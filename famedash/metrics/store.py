"""What a batch writes: counters, journal, dead letters, under the fence of its partitions.

Counters of a campaign are written by the owner of its partition only, so two owners never wait for a row.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from famedash.infra.database import Database, Transaction
from famedash.infra.errors import Postponed
from famedash.metrics.draft import CreatorKey, Letter, Row, TagKey
from famedash.metrics.fingerprints import MinuteKey, pack


class Refused(Exception):
    """PostgreSQL does not take the data: find the event that it is, and set it aside."""


class NoTable(Postponed):
    """A time has no table yet: make it, and read the position again."""


@contextmanager
def named_refusals() -> Iterator[None]:
    """Raises `Refused` or `NoTable` in place of the driver's errors that mean them."""
    try:
        yield
    except asyncpg.CheckViolationError as violated:
        if violated.constraint_name:
            raise Refused from violated
        raise NoTable("A time has no table yet.") from violated
    except (asyncpg.DataError, asyncpg.ProgramLimitExceededError) as refused:
        raise Refused from refused


async def fold(tx: Transaction, rows: Sequence[Row], *, minutes_from: int) -> None:
    """Add to minutes (since 1970; those from `minutes_from` on), hours and totals, in one statement."""
    await tx.execute(
        """
        with added as materialized (
            select * from unnest($2::text::text[], $3::text::text[], $4::text::bigint[], $5::text::text[],
                                 $6::text::bigint[], $7::text::bigint[], $8::text::bigint[],
                                 $9::text::bigint[], $10::text::bigint[], $11::text::bigint[],
                                 $12::text::bigint[])
                as a(workspace_id, campaign_id, minute, platform,
                     views, likes, comments, shares, saves, clicks, conversions)
        ), minutes as (
            insert into metric_minutes as m
            select workspace_id, campaign_id, to_timestamp(minute * 60), platform,
                   views, likes, comments, shares, saves, clicks, conversions
            from added where minute >= $1 order by workspace_id, campaign_id, minute, platform
            on conflict (workspace_id, campaign_id, minute, platform) do update set
                views = m.views + excluded.views, likes = m.likes + excluded.likes,
                comments = m.comments + excluded.comments, shares = m.shares + excluded.shares,
                saves = m.saves + excluded.saves, clicks = m.clicks + excluded.clicks,
                conversions = m.conversions + excluded.conversions
        ), hours as (
            insert into metric_hours as h
            select workspace_id, campaign_id, to_timestamp(minute / 60 * 3600) as hour, platform,
                   sum(views), sum(likes), sum(comments), sum(shares), sum(saves), sum(clicks),
                   sum(conversions)
            from added group by workspace_id, campaign_id, minute / 60, platform
            order by workspace_id, campaign_id, hour, platform
            on conflict (workspace_id, campaign_id, hour, platform) do update set
                views = h.views + excluded.views, likes = h.likes + excluded.likes,
                comments = h.comments + excluded.comments, shares = h.shares + excluded.shares,
                saves = h.saves + excluded.saves, clicks = h.clicks + excluded.clicks,
                conversions = h.conversions + excluded.conversions
        )
        insert into metric_totals as t
        select workspace_id, campaign_id, platform,
               sum(views), sum(likes), sum(comments), sum(shares), sum(saves), sum(clicks), sum(conversions)
        from added group by workspace_id, campaign_id, platform
        order by workspace_id, campaign_id, platform
        on conflict (workspace_id, campaign_id, platform) do update set
            views = t.views + excluded.views, likes = t.likes + excluded.likes,
            comments = t.comments + excluded.comments, shares = t.shares + excluded.shares,
            saves = t.saves + excluded.saves, clicks = t.clicks + excluded.clicks,
            conversions = t.conversions + excluded.conversions
        """,
        minutes_from,
        *_columns((*row.key, *row.counts) for row in rows),
    )


def _columns(rows: Iterable[tuple[str | int, ...]]) -> list[str]:
    """Each column as the text of an array: what asyncpg makes of a list costs ten times as much.

    The quotes and escapes of JSON are those of PostgreSQL's arrays, as long as no text holds a control
    character (`decode.check`).
    """
    return [_literal(column) for column in zip(*rows, strict=True)]


def _literal(column: Sequence[str | int]) -> str:
    return "{" + msgspec.json.encode(column)[1:-1].decode() + "}"


async def fold_creators(tx: Transaction, creators: dict[CreatorKey, dict[str, list[int]]]) -> None:
    """Add to creators' hours and totals."""
    rows: list[tuple[str | int, ...]] = [
        (workspace, campaign, hour, platform, creator, *counts)
        for (workspace, campaign, hour, platform), counts_of in creators.items()
        for creator, counts in counts_of.items()
    ]
    if not rows:
        return
    await tx.execute(
        """
        with added as materialized (
            select * from unnest($1::text::text[], $2::text::text[], $3::text::bigint[], $4::text::text[],
                                 $5::text::text[], $6::text::bigint[], $7::text::bigint[], $8::text::bigint[],
                                 $9::text::bigint[], $10::text::bigint[], $11::text::bigint[],
                                 $12::text::bigint[])
                as a(workspace_id, campaign_id, hour, platform, influencer_id,
                     views, likes, comments, shares, saves, clicks, conversions)
        ), hours as (
            insert into metric_creator_hours as h
            select workspace_id, campaign_id, to_timestamp(hour * 3600), influencer_id, platform,
                   views, likes, comments, shares, saves, clicks, conversions
            from added order by workspace_id, campaign_id, hour, influencer_id, platform
            on conflict (workspace_id, campaign_id, hour, influencer_id, platform) do update set
                views = h.views + excluded.views, likes = h.likes + excluded.likes,
                comments = h.comments + excluded.comments, shares = h.shares + excluded.shares,
                saves = h.saves + excluded.saves, clicks = h.clicks + excluded.clicks,
                conversions = h.conversions + excluded.conversions
        )
        insert into metric_creator_totals as t
        select workspace_id, campaign_id, influencer_id, platform,
               sum(views), sum(likes), sum(comments), sum(shares), sum(saves), sum(clicks), sum(conversions)
        from added group by workspace_id, campaign_id, influencer_id, platform
        order by workspace_id, campaign_id, influencer_id, platform
        on conflict (workspace_id, campaign_id, influencer_id, platform) do update set
            views = t.views + excluded.views, likes = t.likes + excluded.likes,
            comments = t.comments + excluded.comments, shares = t.shares + excluded.shares,
            saves = t.saves + excluded.saves, clicks = t.clicks + excluded.clicks,
            conversions = t.conversions + excluded.conversions
        """,
        *_columns(rows),
    )


async def fold_hashtags(tx: Transaction, tags: dict[int, dict[TagKey, dict[str, int]]]) -> None:
    """Add to the hours of hashtags."""
    rows = [
        (*key, partition, tag, added)
        for partition, of_partition in tags.items()
        for key, added_to in of_partition.items()
        for tag, added in added_to.items()
        if added
    ]
    if not rows:
        return
    await tx.execute(
        """
        insert into metric_hashtag_hours as h (workspace_id, platform, hour, partition, hashtag, engagements)
        select workspace_id, platform, to_timestamp(hour * 3600), partition, hashtag, engagements
        from unnest($1::text::text[], $2::text::text[], $3::text::bigint[], $4::text::int[],
                    $5::text::text[], $6::text::bigint[])
            as a(workspace_id, platform, hour, partition, hashtag, engagements)
        order by workspace_id, platform, hour, hashtag, partition
        on conflict (workspace_id, platform, hour, hashtag, partition) do update set
            engagements = h.engagements + excluded.engagements
        """,
        *_columns(rows),
    )


async def insert_fingerprints(
    tx: Transaction, minutes: Mapping[MinuteKey, Collection[int]], write_id: UUID
) -> None:
    """What this write counted, for whoever must tell repeats apart later."""
    counted = [(key, fresh) for key, fresh in minutes.items() if fresh]
    await tx.execute(
        """
        insert into metric_fingerprints (partition, minute, write_id, fingerprints)
        select partition, to_timestamp(minute * 60), $4, fingerprints
        from unnest($1::int[], $2::bigint[], $3::bytea[]) as j(partition, minute, fingerprints)
        """,
        [partition for (partition, _), _ in counted],
        [minute for (_, minute), _ in counted],
        [pack(fresh) for _, fresh in counted],
        write_id,
    )


async def insert_letters(tx: Transaction, letters: Sequence[Letter]) -> None:
    """Set lines aside. The same line again is the same letter."""
    await tx.execute(
        """
        insert into metric_dead_letters (partition, entry, arrived_ms, line, reason, payload)
        select * from unnest($1::int[], $2::text[], $3::bigint[], $4::int[], $5::text[], $6::bytea[])
        on conflict (partition, entry, arrived_ms, line) do nothing
        """,
        [letter.origin.partition for letter in letters],
        [letter.origin.entry for letter in letters],
        [letter.origin.arrived_ms for letter in letters],
        [letter.origin.line for letter in letters],
        [letter.reason for letter in letters],
        [letter.payload for letter in letters],
    )


async def horizon(database: Database | Transaction) -> int | None:
    """The minute (since 1970) from which on the journal is complete; None: from the beginning."""
    minute: int | None = await database.fetchval(
        "select (extract(epoch from complete_from) / 60)::bigint from metric_horizon"
    )
    return minute


async def fingerprint_seed(database: Database) -> int:
    return int(await database.fetchval("select fingerprint_seed from installation"))


async def fingerprint_counts(database: Database, keys: Sequence[MinuteKey]) -> list[int]:
    """How many fingerprints the journal has of each of these minutes."""
    rows = await database.fetch(
        """
        select coalesce(journal.number, 0)::bigint as number
        from unnest($1::int[], $2::bigint[]) with ordinality as needed(partition, minute, place),
             lateral (select sum(octet_length(fingerprints)) / 8 as number from metric_fingerprints f
                      where f.partition = needed.partition
                        and f.minute = to_timestamp(needed.minute * 60)) as journal
        order by place
        """,
        [partition for partition, _ in keys],
        [minute for _, minute in keys],
    )
    return [row["number"] for row in rows]


async def fingerprints(database: Database, keys: Sequence[MinuteKey]) -> list[bytes]:
    """All of each of these minutes. Lateral, so that each is looked up in the one table of its day."""
    rows = await database.fetch(
        """
        select coalesce(journal.fingerprints, '') as fingerprints
        from unnest($1::int[], $2::bigint[]) with ordinality as needed(partition, minute, place),
             lateral (select string_agg(fingerprints, ''::bytea) as fingerprints from metric_fingerprints f
                      where f.partition = needed.partition
                        and f.minute = to_timestamp(needed.minute * 60)) as journal
        order by place
        """,
        [partition for partition, _ in keys],
        [minute for _, minute in keys],
    )
    return [row["fingerprints"] for row in rows]


async def merge_fingerprints(tx: Transaction, start: datetime, end: datetime) -> int:
    """One row for each minute of [start, end) in place of its many; answers how many minutes that were.

    A reader sees the many or the one. Of two merges at once the second finds nothing left to take.
    """
    merged: int = await tx.fetchval(
        """
        with many as (
            select partition, minute from metric_fingerprints where minute >= $1 and minute < $2
            group by partition, minute having count(*) > 1
        ), taken as (
            delete from metric_fingerprints f using many
            where f.partition = many.partition and f.minute = many.minute and f.minute >= $1 and f.minute < $2
            returning f.partition, f.minute, f.fingerprints
        ), kept as (
            insert into metric_fingerprints (partition, minute, write_id, fingerprints)
            select partition, minute, gen_random_uuid(), string_agg(fingerprints, ''::bytea)
            from taken group by partition, minute returning 1
        )
        select count(*) from kept
        """,
        start,
        end,
    )
    return merged


async def prepare_table(tx: Transaction, table: str, starts: datetime, ends: datetime) -> bool:
    """Make the table of a parent for [starts, ends), unless it is there."""
    return bool(await tx.fetchval("select prepare_time_partition($1, $2, $3)", table, starts, ends))


async def drop_tables(tx: Transaction, table: str, span: timedelta, before: datetime) -> int:
    """Drop the tables of a parent, each `span` long, that end at `before` or earlier.

    Holds the lock of `prepare_table`: of two at once the second finds nothing left to drop.
    """
    await tx.execute("select pg_advisory_xact_lock(hashtext('famedash:' || $1))", table)
    return int(await tx.fetchval("select drop_time_partitions($1, $2, $3)", table, span, before))


async def mark_copied(tx: Transaction, letters: Sequence[Mapping[str, Any]]) -> None:
    await tx.executemany(
        """
        update metric_dead_letters set copied = true
        where partition = $1 and entry = $2 and arrived_ms = $3 and line = $4
        """,
        [(row["partition"], row["entry"], row["arrived_ms"], row["line"]) for row in letters],
    )


async def mark_replayed(tx: Transaction, letters: Sequence[Mapping[str, Any]]) -> None:
    await tx.executemany(
        """
        update metric_dead_letters set replayed_at = clock_timestamp()
        where partition = $1 and entry = $2 and arrived_ms = $3 and line = $4
        """,
        [(row["partition"], row["entry"], row["arrived_ms"], row["line"]) for row in letters],
    )


async def advance_horizon(tx: Transaction, kept: timedelta) -> datetime:
    """To the beginning of the day (UTC) that `kept` ago lies in, never back; answers where it stands."""
    moved: datetime = await tx.fetchval(
        """
        update metric_horizon
        set complete_from =
            greatest(complete_from, date_trunc('day', clock_timestamp() - $1::interval, 'UTC'))
        returning complete_from
        """,
        kept,
    )
    return moved


async def delete_letters(tx: Transaction, before: datetime) -> None:
    await tx.execute("delete from metric_dead_letters where noted_at < $1", before)
