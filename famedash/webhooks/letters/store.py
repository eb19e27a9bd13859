"""Rows of replays: written, or read by who holds the workspace's turn. Opened only by the service."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from famedash.infra.database import Transaction
from famedash.webhooks.letters.model import Case, Filters, Replay, replay_of


async def take_turn(tx: Transaction, workspace: str) -> None:
    """Replays of one workspace are made one after the other (advisory lock, held until the end)."""
    await tx.execute("select pg_advisory_xact_lock(hashtextextended($1, 8))", f"replays {workspace}")


async def cases(tx: Transaction, workspace: str, letter_ids: Sequence[UUID]) -> list[Case]:
    """In the order of the letters' ids; what is no letter of the workspace is left out.

    One statement, so that a replay under way is seen either waiting or with what came of it.
    """
    rows = await tx.fetch(
        """
        select letter.id, letter.campaign_id, letter.endpoint_id,
               letter.endpoint_id = 'default' or endpoint.endpoint_id is not null as exists,
               coalesce(change.enabled, true) as enabled, change.effective_at as enabled_from,
               waiting.event_id is not null as waits,
               coalesce(tried.delivered, false) as delivered,
               coalesce(tried.last_dead > letter.attempts, false) as died_again,
               greatest(letter.attempts, tried.tries) as tries,
               event.event_id is not null as is_kept
        from webhook_dead_letters letter
        left join webhook_endpoints endpoint
            on endpoint.workspace_id = letter.workspace_id and endpoint.endpoint_id = letter.endpoint_id
           and endpoint.deleted_at is null
        left join webhook_waiting waiting
            on waiting.workspace_id = letter.workspace_id and waiting.campaign_id = letter.campaign_id
           and waiting.endpoint_id = letter.endpoint_id and waiting.version = letter.version
           and waiting.event_id = letter.event_id
        left join outbox_events event
            on event.workspace_id = letter.workspace_id and event.campaign_id = letter.campaign_id
           and event.version = letter.version and event.event_id = letter.event_id
        left join lateral (
            select enabled, effective_at from webhook_endpoint_changes
            where workspace_id = letter.workspace_id and endpoint_id = letter.endpoint_id
            order by effective_at desc limit 1
        ) change on true
        cross join lateral (
            select bool_or(status = 'delivered') as delivered,
                   max(attempt) filter (where status = 'dead') as last_dead,
                   max(attempt) filter (where status <> 'interrupted') as tries
            from webhook_attempts
            where workspace_id = letter.workspace_id and event_id = letter.event_id
              and endpoint_id = letter.endpoint_id
        ) tried
        where letter.workspace_id = $1 and letter.id = any($2::uuid[])
        order by letter.id
        """,
        workspace,
        letter_ids,
    )
    return [_case(row) for row in rows]


def _case(row: Any) -> Case:
    return Case(**{"letter_id" if name == "id" else name: value for name, value in row.items()})


async def owe(tx: Transaction, workspace: str, cases: Sequence[Case], now: datetime) -> list[dict[str, Any]]:
    """Make waiting rows of these, outside their lanes; answers their letters as they are now.

    A delivery that waits already is left alone, and out of the answer.
    """
    rows = await tx.fetch(
        """
        with chosen as (
            select * from unnest($2::uuid[], $3::int[], $4::timestamptz[]) as one(id, tries, due_at)
        ), added as (
            insert into webhook_waiting
                (workspace_id, campaign_id, endpoint_id, version, event_id, event_type, occurred_at,
                 partition, body, tries, due_at, tries_before, replayed_at)
            select letter.workspace_id, letter.campaign_id, letter.endpoint_id, letter.version,
                   letter.event_id, letter.event_type, event.occurred_at, event.partition, event.body,
                   0, chosen.due_at, chosen.tries, chosen.due_at
            from chosen
            join webhook_dead_letters letter on letter.workspace_id = $1 and letter.id = chosen.id
            join outbox_events event using (workspace_id, campaign_id, version, event_id)
            on conflict do nothing
            returning event_id, endpoint_id
        )
        update webhook_dead_letters letter set replayed_at = chosen.due_at
        from chosen, added
        where letter.workspace_id = $1 and letter.id = chosen.id
          and letter.event_id = added.event_id and letter.endpoint_id = added.endpoint_id
        returning letter.*
        """,
        workspace,
        [case.letter_id for case in cases],
        [case.tries for case in cases],
        [case.due_at(now) for case in cases],
    )
    return [dict(row) for row in rows]


async def on_the_way(tx: Transaction, workspace: str, *, at_most: int) -> int:
    """How many replays of the workspace have no outcome yet; `at_most` are counted."""
    return int(
        await tx.fetchval(
            """
            select count(*) from (
                select from webhook_waiting where workspace_id = $1 and replayed_at is not null limit $2
            ) replays
            """,
            workspace,
            at_most,
        )
    )


async def open_replays(tx: Transaction, workspace: str) -> int:
    """How many jobs of the workspace are not finished."""
    return int(
        await tx.fetchval(
            "select count(*) from webhook_replays where workspace_id = $1 and finished_at is null", workspace
        )
    )


async def next_letters(
    tx: Transaction,
    workspace: str,
    filters: Filters,
    *,
    after: UUID | None,
    until: UUID,
    asked_at: datetime,
    limit: int,
) -> list[UUID]:
    """The next letters, oldest first, that had died and matched at `asked_at`."""
    rows = await tx.fetch(
        """
        select id from webhook_dead_letters
        where workspace_id = $1
          and ($2::text is null or campaign_id = $2)
          and ($3::text is null or endpoint_id = $3)
          and ($4::text is null or event_type = $4)
          and ($5::text is null or error_class = $5)
          and ($6::timestamptz is null or died_at >= $6)
          and ($7::timestamptz is null or died_at < $7)
          and case when $8::boolean then replayed_at < $11 else replayed_at is null end
          and ($9::uuid is null or id > $9) and id <= $10 and died_at <= $11
        order by id limit $12
        """,
        workspace,
        *msgspec.structs.astuple(filters),
        after,
        until,
        asked_at,
        limit,
    )
    return [row["id"] for row in rows]


async def insert_replay(tx: Transaction, replay: Replay, *, actor: str) -> None:
    await tx.execute(
        """
        insert into webhook_replays
            (workspace_id, id, filters, forced, actor, last_letter, created_at, finished_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        replay.workspace,
        replay.id,
        msgspec.json.encode(replay.filters).decode(),
        replay.forced,
        actor,
        replay.last_letter,
        replay.created_at,
        replay.finished_at,
    )


async def hold_replay(tx: Transaction, workspace: str, replay_id: UUID) -> Replay | None:
    """Locked until the transaction ends; None where it is finished, or another process holds it."""
    row = await tx.fetchrow(
        """
        select * from webhook_replays where workspace_id = $1 and id = $2 and finished_at is null
        for update skip locked
        """,
        workspace,
        replay_id,
    )
    return replay_of(row) if row else None


async def save_progress(tx: Transaction, replay: Replay) -> None:
    await tx.execute(
        """
        update webhook_replays set position = $3, replayed = $4, skipped = $5, finished_at = $6
        where workspace_id = $1 and id = $2
        """,
        replay.workspace,
        replay.id,
        replay.position,
        replay.replayed,
        replay.skipped,
        replay.finished_at,
    )
