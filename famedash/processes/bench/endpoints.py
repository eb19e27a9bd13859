"""Endpoints of a workspace as rows, there since an hour ago: every event of a benchmark is owed to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from secrets import token_bytes

from famedash.infra.database import Database
from famedash.infra.sealing import Seal
from famedash.processes.bench.ground import IN_FLIGHT, Ground


@dataclass(frozen=True)
class Endpoint:
    """`event_types` None: every type."""

    id: str
    url: str
    max_in_flight: int = IN_FLIGHT
    event_types: list[str] | None = None


async def make(ground: Ground, database: Database, workspace: str, endpoints: Sequence[Endpoint]) -> None:
    seal = Seal([ground.encryption_key])
    async with database.transaction() as tx:
        for each in endpoints:
            secret = seal.close(token_bytes(32))
            await tx.execute(_ROW, workspace, each.id, each.url, each.max_in_flight, secret)
            await tx.execute(_CHANGE, workspace, each.id, each.event_types)


_ROW = """
    insert into webhook_endpoints
        (workspace_id, endpoint_id, url, max_in_flight, secret, created_at, updated_at)
    values ($1, $2, $3, $4, $5, now() - interval '1 hour', now() - interval '1 hour')
"""
_CHANGE = """
    insert into webhook_endpoint_changes
        (workspace_id, endpoint_id, effective_at, enabled, event_types, reason)
    values ($1, $2, now() - interval '1 hour', true, $3, 'created')
"""
