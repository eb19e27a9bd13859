"""`famedash dead-letters engagement`: what could not be counted, by reason, and its replay."""

from famedash.infra.database import open_database
from famedash.infra.log.redis_appender import RedisAppender
from famedash.infra.redis import open_redis
from famedash.metrics import letters, queries
from famedash.metrics.decode import REASONS
from famedash.processes.settings import Settings

EXCERPT = 200


async def show(settings: Settings, *, reason: str | None, limit: int) -> None:
    """The reasons with their numbers; of one reason, or where there is little, the letters themselves."""
    async with open_database(settings.database_url, application="dead-letters") as database:
        groups = await queries.letters_by_reason(database)
        if not groups:
            print("No engagement event was set aside.")
            return
        print(f"{'reason':20} {'letters':>9} {'waiting':>9}  last")
        for group in groups:
            last = group["last"].strftime("%Y-%m-%d %H:%M:%SZ")
            print(f"{group['reason']:20} {group['number']:>9,} {group['waiting']:>9,}  {last}")
            print(f"{'':20} {REASONS.get(group['reason'], '')}")
        for letter in await queries.letters(database, reason=reason, limit=limit):
            text = letter["payload"][:EXCERPT].decode(errors="backslashreplace")
            print(f"\n{letters.identity(letter)}  {letter['reason']}\n  {text}")


async def replay(settings: Settings, *, reason: str | None, force: bool) -> None:
    """Put letters back on the log. Raises `MayCountTwice` for what is too late, unless forced."""
    async with (
        open_database(settings.database_url, application="dead-letters") as database,
        open_redis(settings.redis_url) as redis,
    ):
        number = await letters.replay(database, RedisAppender(redis), reason=reason, force=force)
    print(f"{number:,} letter(s) are on the log again; what is still wrong will be set aside again.")
    if force:
        print("Forced: what was counted before may now be counted twice.")
