"""`famedash migrate`: bring the schema up to date, and say what was done."""

from famedash.infra.database import GONE
from famedash.infra.errors import Postponed
from famedash.infra.migrate import migrate
from famedash.processes.servers import with_servers
from famedash.processes.settings import Settings


async def run(settings: Settings) -> None:
    """Safe to repeat, and for several at a time. Raises `Postponed` where the database cannot be reached."""
    async with with_servers(settings) as found:
        applied = await bring_up_to_date(found.database_url)
    print("\n".join(f"applied {name}" for name in applied) or "nothing to do")


async def bring_up_to_date(database_url: str) -> list[str]:
    """The names applied now. Raises `Postponed` where the database cannot be reached."""
    try:
        return await migrate(database_url)
    except GONE as gone:
        raise Postponed("The database cannot be reached: check FAMEDASH_DATABASE_URL.") from gone
