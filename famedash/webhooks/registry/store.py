"""Rows of endpoints: written, or read under the lock of who writes. Opened only by the service."""

from collections.abc import Sequence
from dataclasses import astuple
from datetime import datetime, timedelta

from famedash.infra.database import Transaction
from famedash.webhooks.registry.model import Plan, Sealed


async def count(tx: Transaction, workspace: str) -> int:
    """How many there are that are not deleted. Locks: who makes one in this workspace waits for the other."""
    await tx.execute("select pg_advisory_xact_lock(hashtextextended($1, 7))", f"endpoints of {workspace}")
    return int(
        await tx.fetchval(
            "select count(*) from webhook_endpoints where workspace_id = $1 and deleted_at is null", workspace
        )
    )


async def changes_of_a_day(tx: Transaction, workspace: str) -> int:
    """Of all its endpoints: made, switched, filtered, deleted."""
    return int(
        await tx.fetchval(
            "select count(*) from webhook_endpoint_changes"
            " where workspace_id = $1 and effective_at > clock_timestamp() - interval '1 day'",
            workspace,
        )
    )


async def insert(
    tx: Transaction, workspace: str, endpoint_id: str, plan: Plan, *, headers: bytes | None, secret: bytes
) -> None:
    """`headers` and `secret` are sealed."""
    await tx.execute(
        """
        insert into webhook_endpoints
            (workspace_id, endpoint_id, url, description, headers, max_in_flight, secret, created_at,
             updated_at)
        select $1, $2, $3, $4, $5, $6, $7, clock.now, clock.now from (select clock_timestamp() as now) clock
        """,
        workspace,
        endpoint_id,
        plan.url,
        plan.description,
        headers,
        plan.max_in_flight,
        secret,
    )


async def save(
    tx: Transaction, workspace: str, endpoint_id: str, plan: Plan, *, headers: bytes | None
) -> None:
    await tx.execute(
        """
        update webhook_endpoints
        set url = $3, description = $4, headers = $5, max_in_flight = $6, updated_at = clock_timestamp()
        where workspace_id = $1 and endpoint_id = $2
        """,
        workspace,
        endpoint_id,
        plan.url,
        plan.description,
        headers,
        plan.max_in_flight,
    )


async def rotate(
    tx: Transaction, workspace: str, endpoint_id: str, *, secret: bytes, overlap: timedelta
) -> datetime | None:
    """Put a sealed secret before the present one; answers until when that one signs, too.

    None where there is no such endpoint.
    """
    until: datetime | None = await tx.fetchval(
        """
        update webhook_endpoints
        set secret = $3, previous_secret = secret, previous_until = clock.now + $4, updated_at = clock.now
        from (select clock_timestamp() as now) clock
        where workspace_id = $1 and endpoint_id = $2 and deleted_at is null
        returning previous_until
        """,
        workspace,
        endpoint_id,
        secret,
        overlap,
    )
    return until


async def save_sealed(tx: Transaction, endpoints: Sequence[Sealed]) -> None:
    await tx.executemany(
        """
        update webhook_endpoints set secret = $3, previous_secret = $4, headers = $5
        where workspace_id = $1 and endpoint_id = $2
        """,
        [astuple(each) for each in endpoints],
    )


async def delete(tx: Transaction, workspace: str, endpoint_id: str) -> bool:
    """The row stays, without what was secret; False where there is no such endpoint."""
    gone = await tx.fetchval(
        """
        update webhook_endpoints
        set deleted_at = clock_timestamp(), secret = '', previous_secret = null, headers = null
        where workspace_id = $1 and endpoint_id = $2 and deleted_at is null
        returning 1
        """,
        workspace,
        endpoint_id,
    )
    return gone is not None


async def off_since(tx: Transaction, workspace: str, endpoint_id: str) -> datetime | None:
    """When the change that switched it off takes or took effect; None: it is on."""
    since: datetime | None = await tx.fetchval(
        """
        select min(effective_at) from webhook_endpoint_changes
        where workspace_id = $1 and endpoint_id = $2 and not enabled
          and effective_at > coalesce((
              select max(effective_at) from webhook_endpoint_changes
              where workspace_id = $1 and endpoint_id = $2 and enabled
          ), '-infinity')
        """,
        workspace,
        endpoint_id,
    )
    return since
