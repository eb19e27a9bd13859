"""What there is to see of the ledger of domain events. Reads only."""

from collections.abc import Sequence
from datetime import datetime

from famedash.infra.database import Database
from famedash.outbox.model import EVENTS


async def count(
    database: Database, workspace: str, *, types: Sequence[str] | None, since: datetime, until: datetime
) -> int:
    """How many events of these types (None: of any) happened in the workspace, `until` not included.

    Reads what happened in that time, in every workspace.
    """
    found = await database.fetchval(
        """
        select count(*) from outbox_events
        where workspace_id = $1 and topic = $2 and ($3::text[] is null or type = any($3))
          and occurred_at >= $4 and occurred_at < $5
        """,
        workspace,
        EVENTS,
        types,
        since,
        until,
    )
    return int(found)
