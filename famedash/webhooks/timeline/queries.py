"""What is on record of a campaign's versions and of their deliveries. Reads only."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from famedash.infra.database import Database
from famedash.webhooks.model import Status, change_of
from famedash.webhooks.timeline.model import Case, Try, Turn, Version, Waiting

Key = tuple[UUID, str]
"""(event, endpoint)."""


async def versions(
    database: Database, workspace: str, campaign_id: str, *, after: int, limit: int
) -> list[Version] | None:
    """Those after a version, oldest first. None when the workspace has no such campaign."""
    rows = await database.fetch(
        """
        select version, event_id, type, occurred_at, body from outbox_events
        where workspace_id = $1 and campaign_id = $2 and topic = 'events' and version > $3
        order by version limit $4
        """,
        workspace,
        campaign_id,
        after,
        limit,
    )
    if not rows and not await database.fetchval(
        """
        select exists (
            select from outbox_events where workspace_id = $1 and campaign_id = $2 and topic = 'events'
        )
        """,
        workspace,
        campaign_id,
    ):
        return None
    return [Version(**row) for row in rows]


async def cases(
    database: Database,
    workspace: str,
    campaign_id: str,
    some: Sequence[Version],
    *,
    always: Sequence[str],
) -> dict[UUID, list[Case]]:
    """For each of the versions everything on record, endpoint by endpoint; `always`: these endpoints too.

    Rows are read before attempts: what ends in between is seen as ended.
    """
    waiting = await _waiting(database, workspace, campaign_id, some)
    tries = await _tries(database, workspace, some)
    turns = await _turns(database, workspace)
    names = sorted({*always, *turns, *(name for _, name in waiting), *(name for _, name in tries)})
    return {
        one.event_id: [
            Case(
                endpoint_id=name,
                event_type=one.type,
                occurred_at=one.occurred_at,
                turns=turns.get(name, ()),
                tries=tries.get((one.event_id, name), ()),
                waiting=waiting.get((one.event_id, name)),
            )
            for name in names
        ]
        for one in some
    }


async def _waiting(
    database: Database, workspace: str, campaign_id: str, some: Sequence[Version]
) -> dict[Key, Waiting]:
    rows = await database.fetch(
        """
        select event_id, endpoint_id, due_at, sending, tries_before, replayed_at from webhook_waiting
        where workspace_id = $1 and campaign_id = $2 and event_id = any($3::uuid[])
        """,
        workspace,
        campaign_id,
        [one.event_id for one in some],
    )
    return {
        (row["event_id"], row["endpoint_id"]): Waiting(
            row["due_at"], row["sending"], row["tries_before"], row["replayed_at"]
        )
        for row in rows
    }


async def _tries(database: Database, workspace: str, some: Sequence[Version]) -> dict[Key, list[Try]]:
    rows = await database.fetch(
        """
        select id, event_id, event_type, campaign_id, version, endpoint_id, attempt, status,
               attempted_at, http_status, error_class, duration_ms, next_attempt_at, response_excerpt
        from webhook_attempts
        where workspace_id = $1 and event_id = any($2::uuid[]) order by id
        """,
        workspace,
        [one.event_id for one in some],
    )
    found: dict[Key, list[Try]] = defaultdict(list)
    for row in rows:
        one = Try(**{**row, "status": Status(row["status"])})
        found[one.event_id, one.endpoint_id].append(one)
    return found


async def _turns(database: Database, workspace: str) -> dict[str, list[Turn]]:
    rows = await database.fetch(
        "select endpoint_id, effective_at, enabled, event_types, reason from webhook_endpoint_changes"
        " where workspace_id = $1 order by effective_at",
        workspace,
    )
    found: dict[str, list[Turn]] = defaultdict(list)
    for row in rows:
        found[row["endpoint_id"]].append(Turn(change_of(row), row["reason"]))
    return found
