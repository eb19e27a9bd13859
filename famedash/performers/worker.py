"""What the clock asks of the performers."""

import structlog

from famedash.infra.database import Database
from famedash.performers import service

_log = structlog.get_logger()


async def fail_silent(database: Database) -> None:
    """Loads whose process is gone are `failed`, so that nobody waits for them."""
    async with database.transaction() as tx:
        given_up = await service.fail_silent(tx)
    for import_id in given_up:
        _log.warning("import.given_up", import_id=str(import_id))
