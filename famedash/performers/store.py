"""Rows of the performers: loads and their rejects, and the results themselves. Private to the service."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

import asyncpg

from famedash.infra import json
from famedash.infra.database import Database, Transaction
from famedash.performers.copy_rows import COLUMNS
from famedash.performers.model import PARSER_VERSION, Rejected, Tally


class Written(NamedTuple):
    """How many pairs a load added and changed; the others were there already, just so."""

    inserted: int
    updated: int


@dataclass(frozen=True, slots=True)
class Earlier:
    """The newest load of a workspace that was completed; of a repeat, the load that it repeats."""

    import_id: UUID
    sha256: bytes
    human_numbers: bool
    parser_version: int


async def begin(
    database: Database, workspace: str, import_id: UUID, *, file_name: str, human_numbers: bool
) -> None:
    await database.fetch(
        """
        insert into imports (workspace_id, import_id, file_name, status, step, human_numbers, parser_version)
        values ($1, $2, $3, 'running', 'waiting', $4, $5)
        """,
        workspace,
        import_id,
        file_name,
        human_numbers,
        PARSER_VERSION,
    )


async def note(
    database: Database,
    workspace: str,
    import_id: UUID,
    *,
    step: str,
    bytes_done: int,
    bytes_total: int,
    tally: Tally,
) -> bool:
    """Leave a sign of life. False: this load has been given up by others."""
    return bool(
        await database.fetchval(
            """
            update imports
            set step = $3, bytes_done = $4, bytes_total = $5, lines = $6, header = $7, accepted = $8,
                continuation = $9, blank = $10, flagged = $11, rejected = $12, seen_at = clock_timestamp()
            where workspace_id = $1 and import_id = $2 and status = 'running'
            returning true
            """,
            workspace,
            import_id,
            step,
            bytes_done,
            bytes_total,
            *_numbers(tally),
        )
    )


async def status(database: Database, workspace: str, import_id: UUID) -> str | None:
    found: str | None = await database.fetchval(
        "select status from imports where workspace_id = $1 and import_id = $2", workspace, import_id
    )
    return found


async def keep_rejects(
    database: Database, workspace: str, import_id: UUID, rejects: Sequence[Rejected]
) -> None:
    await database.fetch(
        """
        insert into import_rejects (workspace_id, import_id, line, reason, field, raw)
        select $1, $2, * from unnest($3::bigint[], $4::text[], $5::text[], $6::text[])
        on conflict (workspace_id, import_id, line) do nothing
        """,
        workspace,
        import_id,
        [each.line for each in rejects],
        [each.reject.reason for each in rejects],
        [each.reject.column for each in rejects],
        [each.shown for each in rejects],
    )


async def fail(database: Database, workspace: str, import_id: UUID, *, error: str) -> None:
    await database.fetch(
        """
        update imports set status = 'failed', error = $3, finished_at = clock_timestamp()
        where workspace_id = $1 and import_id = $2 and status = 'running'
        """,
        workspace,
        import_id,
        error,
    )


async def fail_silent(tx: Transaction, *, after_seconds: float, error: str) -> list[asyncpg.Record]:
    """Give up every load that has given no sign of life for so long."""
    return await tx.fetch(
        """
        update imports set status = 'failed', error = $2, finished_at = clock_timestamp()
        where status = 'running' and seen_at < clock_timestamp() - make_interval(secs => $1)
        returning import_id
        """,
        after_seconds,
        error,
    )


async def disconnect_failed(tx: Transaction) -> None:
    """End the transactions, by what `sign` has written on them, of loads that were given up.

    A process that froze in its COPY, or in the middle of a statement, is in no timeout of PostgreSQL's, and
    would hold its locks for ever.
    """
    await tx.execute(
        """
        select pg_terminate_backend(a.pid)
        from pg_stat_activity a join imports i on a.application_name = 'famedash load ' || i.import_id
        where a.datname = current_database() and a.usename = current_user and i.status = 'failed'
        """
    )


async def sign(tx: Transaction, import_id: UUID) -> None:
    """Let the transaction be known in `pg_stat_activity` by the load that it writes."""
    await tx.execute("select set_config('application_name', 'famedash load ' || $1::uuid, true)", import_id)


async def hold(tx: Transaction, workspace: str) -> None:
    """Loads of a workspace go one after another, from here to their commit."""
    await tx.execute(
        "select pg_advisory_xact_lock(hashtextextended('famedash:performances:' || $1, 0))", workspace
    )


async def hold_exchange(tx: Transaction) -> None:
    """Large loads of all workspaces go one after another, from here to their commit.

    The exchange locks out the readers of `performances`. Two loads that both had read it already would wait
    for each other there; and a load that waits there keeps every reader waiting behind it.
    """
    await tx.execute("select pg_advisory_xact_lock(hashtextextended('famedash:performances', 0))")


async def newest(tx: Transaction, workspace: str) -> Earlier | None:
    row = await tx.fetchrow(
        """
        select coalesce(same_as, import_id) as import_id, sha256, human_numbers, parser_version from imports
        where workspace_id = $1 and status = 'loaded'
        order by finished_at desc limit 1
        """,
        workspace,
    )
    return None if row is None else Earlier(**row)


async def complete(
    tx: Transaction,
    workspace: str,
    import_id: UUID,
    *,
    sha256: bytes,
    tally: Tally,
    pairs: int,
    written: Written,
    same_as: UUID | None,
    warnings: Sequence[str],
) -> bool:
    """The load row, final. False: this load has been given up by others, and must not take effect."""
    return bool(
        await tx.fetchval(
            """
            update imports
            set status = 'loaded', step = 'done', lines = $3, header = $4, accepted = $5, continuation = $6,
                blank = $7, flagged = $8, rejected = $9, sha256 = $10, pairs = $11, inserted = $12,
                updated = $13, same_as = $14, warnings = $15, bytes_done = bytes_total,
                finished_at = clock_timestamp()
            where workspace_id = $1 and import_id = $2 and status = 'running'
            returning true
            """,
            workspace,
            import_id,
            *_numbers(tally),
            sha256,
            pairs,
            written.inserted,
            written.updated,
            same_as,
            json.encode(list(warnings)).decode(),
        )
    )


async def repeat(tx: Transaction, workspace: str, import_id: UUID, *, same_as: UUID) -> asyncpg.Record | None:
    """The load row of a file that changes nothing: the counts of the load it repeats, which it answers."""
    return await tx.fetchrow(
        """
        update imports i
        set status = 'loaded', step = 'done', same_as = $3, lines = e.lines, header = e.header,
            accepted = e.accepted, continuation = e.continuation, blank = e.blank, flagged = e.flagged,
            rejected = e.rejected, sha256 = e.sha256, pairs = e.pairs, inserted = 0, updated = 0,
            warnings = e.warnings, bytes_done = i.bytes_total, finished_at = clock_timestamp()
        from imports e
        where i.workspace_id = $1 and i.import_id = $2 and i.status = 'running'
          and e.workspace_id = $1 and e.import_id = $3
        returning e.lines, e.header, e.accepted, e.continuation, e.blank, e.flagged, e.rejected, e.pairs,
                  e.warnings
        """,
        workspace,
        import_id,
        same_as,
    )


async def rows_of(tx: Transaction, workspace: str, *, most: int) -> int:
    """How many pairs the workspace has, counted up to `most`."""
    return int(
        await tx.fetchval(
            """
            select count(*) from (
                select from performances where workspace_id = $1 and home in ('', $1) limit $2
            ) as found
            """,
            workspace,
            most,
        )
    )


async def merge(tx: Transaction, workspace: str, rows: AsyncIterator[bytes]) -> Written:
    """Write the pairs that differ, where the workspace has its rows. The workspace is held."""
    await tx.execute(
        """
        create temporary table staged (
            campaign_id text collate "C" not null, influencer_id text collate "C" not null,
            posts bigint not null, views bigint not null, likes bigint not null, comments bigint not null,
            shares bigint not null, platform text, caption text
        ) on commit drop
        """
    )
    await _copy(tx, "staged", rows)
    await tx.execute("analyze staged")
    updated = await tx.fetchval(
        """
        with changed as (
            update performances p
            set posts = s.posts, views = s.views, likes = s.likes, comments = s.comments, shares = s.shares,
                platform = s.platform, caption = s.caption
            from staged s
            where p.workspace_id = $1 and p.home in ('', $1)
              and p.campaign_id = s.campaign_id and p.influencer_id = s.influencer_id
              and (p.posts, p.views, p.likes, p.comments, p.shares, p.platform, p.caption) is distinct from
                  (s.posts, s.views, s.likes, s.comments, s.shares, s.platform, s.caption)
            returning 1
        )
        select count(*) from changed
        """,
        workspace,
    )
    inserted = await tx.fetchval(
        """
        with added as (
            insert into performances (home, workspace_id, campaign_id, influencer_id, posts, views, likes,
                                      comments, shares, platform, caption)
            select coalesce((select workspace_id from performance_homes where workspace_id = $1), ''), $1,
                   s.campaign_id, s.influencer_id, s.posts, s.views, s.likes, s.comments, s.shares,
                   s.platform, s.caption
            from staged s
            where not exists (
                select from performances p
                where p.workspace_id = $1 and p.home in ('', $1)
                  and p.campaign_id = s.campaign_id and p.influencer_id = s.influencer_id
            )
            order by s.campaign_id, s.influencer_id
            returning 1
        )
        select count(*) from added
        """,
        workspace,
    )
    return Written(inserted, updated)


async def rebuild(tx: Transaction, workspace: str, name: str, rows: AsyncIterator[bytes]) -> Written:
    """Build the workspace's table anew, in bulk: these pairs and what it has besides. The workspace is held.

    Four times as fast as `merge` where most rows are new: indexes are built once, not row by row.
    """
    await tx.execute("select begin_performance_table($1, $2)", workspace, name)
    await _copy(tx, name, rows)
    row = await tx.fetchrow("select inserted, updated from place_performance_table($1, $2)", workspace, name)
    assert row is not None  # noqa: S101 - it is a function
    return Written(row["inserted"], row["updated"])


async def analyze(database: Database) -> None:
    await database.fetch("analyze performances_shared")


async def _copy(tx: Transaction, table: str, rows: AsyncIterator[bytes]) -> None:
    """asyncpg (0.32) would wait for ever when the server goes away while it has more to read than it can."""
    copying = asyncio.ensure_future(
        tx.connection.copy_to_table(table, source=rows, columns=COLUMNS, format="binary", timeout=None)
    )

    def call_off(_: object) -> None:
        copying.cancel()

    tx.connection.add_termination_listener(call_off)
    try:
        await copying
    except asyncio.CancelledError:
        work = asyncio.current_task()
        if work is not None and work.cancelling():
            raise
        raise asyncpg.ConnectionDoesNotExistError("The connection was lost in a COPY.") from None
    finally:
        tx.connection.remove_termination_listener(call_off)


def _numbers(tally: Tally) -> tuple[int, int, int, int, int, int, str]:
    return (
        tally.lines,
        tally.header,
        tally.accepted,
        tally.continuation,
        tally.blank,
        tally.flagged,
        json.encode({reason.value: number for reason, number in tally.rejected.items()}).decode(),
    )
