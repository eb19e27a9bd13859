"""What there is to see of endpoints. Reads only."""

from typing import Any

from famedash.infra.database import Database, Transaction
from famedash.infra.sealing import Seal, Unsealable
from famedash.webhooks import sealed
from famedash.webhooks.registry.model import Endpoint, Plan, Sealed


async def found(
    source: Database | Transaction,
    seal: Seal,
    workspace: str,
    *,
    endpoint_id: str | None = None,
    after: str | None = None,
    limit: int = 1,
) -> list[Endpoint]:
    """The workspace's own endpoints, the oldest first: those behind the id `after`, or the one of that id.

    Raises `Unsealable`.
    """
    rows = await source.fetch(
        """
        select endpoint.*, newest.*
        from webhook_endpoints endpoint
        cross join lateral (
            select enabled, event_types, reason, effective_at from webhook_endpoint_changes change
            where change.workspace_id = endpoint.workspace_id and change.endpoint_id = endpoint.endpoint_id
            order by effective_at desc limit 1
        ) newest
        where endpoint.workspace_id = $1 and deleted_at is null
          and ($2::text is null or endpoint.endpoint_id = $2)
          and ($3::text is null or endpoint.endpoint_id > $3)
        order by endpoint.endpoint_id limit $4
        """,
        workspace,
        endpoint_id,
        after,
        limit,
    )
    return [_endpoint(seal, row) for row in rows]


async def all_sealed(source: Database | Transaction) -> list[Sealed]:
    """Of every endpoint of every workspace, but for those that were deleted; locked by who is in a
    transaction.
    """
    rows = await source.fetch(
        """
        select workspace_id as workspace, endpoint_id, secret, previous_secret, headers
        from webhook_endpoints where deleted_at is null order by workspace_id, endpoint_id for update
        """
    )
    return [Sealed(**dict(row)) for row in rows]


async def unopened(database: Database, seal: Seal) -> list[Sealed]:
    """Endpoints that were sealed with a key that we were not given: nothing is sent to them."""

    def opens(one: Sealed) -> bool:
        try:
            for text in (one.secret, one.previous_secret, one.headers):
                if text is not None:
                    seal.open(text)
        except Unsealable:
            return False
        return True

    return [one for one in await all_sealed(database) if not opens(one)]


async def newest_change(database: Database, workspace: str, endpoint_id: str) -> dict[str, Any] | None:
    row = await database.fetchrow(
        "select effective_at, enabled, reason from webhook_endpoint_changes"
        " where workspace_id = $1 and endpoint_id = $2 order by effective_at desc limit 1",
        workspace,
        endpoint_id,
    )
    return dict(row) if row else None


def _endpoint(seal: Seal, row: Any) -> Endpoint:
    types = row["event_types"]
    plan = Plan(
        url=row["url"],
        description=row["description"],
        event_types=None if types is None else tuple(types),
        headers=sealed.headers_of(seal, row["headers"]),
        max_in_flight=row["max_in_flight"],
        enabled=row["enabled"],
    )
    return Endpoint(
        row["endpoint_id"], plan, row["reason"], row["effective_at"], row["created_at"], row["updated_at"]
    )
