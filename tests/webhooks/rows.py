"""Endpoints as rows, for tests that are not about how they are made."""

from famedash.infra.database import Database
from famedash.webhooks.signing import key_of
from tests.secrets import SEAL, WEBHOOK_SECRET


async def make_endpoint(
    database: Database, name: str, url: str, *, workspace: str = "acme", max_in_flight: int = 8
) -> None:
    """It has been there for an hour."""
    async with database.transaction() as tx:
        await tx.execute(
            """
            insert into webhook_endpoints
                (workspace_id, endpoint_id, url, max_in_flight, secret, created_at, updated_at)
            values ($1, $2, $3, $4, $5, now() - interval '1 hour', now() - interval '1 hour')
            """,
            workspace,
            name,
            url,
            max_in_flight,
            SEAL.close(key_of(WEBHOOK_SECRET)),
        )
        await tx.execute(
            """
            insert into webhook_endpoint_changes (workspace_id, endpoint_id, effective_at, enabled, reason)
            values ($1, $2, now() - interval '1 hour', true, 'created')
            """,
            workspace,
            name,
        )
