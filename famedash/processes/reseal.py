"""`famedash reseal`: after a new FAMEDASH_ENCRYPTION_KEY, make the old one superfluous."""

from famedash.infra.database import open_database
from famedash.processes.secrets import seal
from famedash.processes.settings import Settings
from famedash.webhooks.registry import service


async def run(settings: Settings) -> None:
    """All or nothing. Raises `Unsealable` where a key is missing, `Postponed` without a database."""
    sealing = seal(settings)
    async with (
        open_database(settings.database_url, application="reseal", max_connections=1) as database,
        database.transaction() as tx,
    ):
        number = await service.reseal(tx, sealing)
    print(f"{number:,} endpoint(s) are sealed with the first key; the others are not needed any more.")
