"""Drops what every reader has behind it and is older than it need be kept."""

import time

from famedash.infra.database import Database
from famedash.infra.log.fence import standings
from famedash.infra.log.model import Log
from famedash.infra.log.partitions import PARTITIONS


async def trim_read(database: Database, log: Log, *, reader: str, keep_seconds: float) -> int:
    """Trim each partition by age, never past the reader's position; answers how many entries went."""
    stood = await standings(database, reader, range(PARTITIONS))
    older_than_ms = int((time.time() - keep_seconds) * 1000)
    dropped = [
        await log.trim(partition, position=standing.position.entry, older_than_ms=older_than_ms)
        for partition, standing in stood.items()
    ]
    return sum(dropped)
