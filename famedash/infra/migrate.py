"""Our migration runner: plain SQL files, applied in order, once, under an advisory lock."""

from importlib.resources import files

import asyncpg

from famedash.infra.log import partitions

LOCK = 0x46616D65  # "Fame"


def available() -> list[tuple[str, str]]:
    """(name, SQL) of every migration, oldest first."""
    folder = files("famedash").joinpath("migrations")
    return sorted((file.name, file.read_text()) for file in folder.iterdir() if file.name.endswith(".sql"))


async def migrate(database_url: str) -> list[str]:
    """Apply what is missing, each file in a transaction of its own; answers the names applied now."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("select pg_advisory_lock($1)", LOCK)
        await connection.execute(
            "create table if not exists migrations"
            " (name text primary key, applied_at timestamptz not null default now())"
        )
        done = {row["name"] for row in await connection.fetch("select name from migrations")}
        missing = [(name, sql) for name, sql in available() if name not in done]
        for name, sql in missing:
            async with connection.transaction():
                await connection.execute(sql)
                await connection.execute("insert into migrations (name) values ($1)", name)
        await _settle_partitions(connection)
        return [name for name, _ in missing]
    finally:
        await connection.close()


async def _settle_partitions(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """The number of partitions is fixed when an installation is created: moving ids would break order."""
    await connection.execute(
        "insert into installation (log_partitions) values ($1) on conflict do nothing",
        partitions.PARTITIONS,
    )
    partitions.check(await connection.fetchval("select log_partitions from installation"))


async def pending(connection: "asyncpg.Connection[asyncpg.Record]") -> list[str]:
    """The migrations that the database lacks (all of them where it was never migrated)."""
    if await connection.fetchval("select to_regclass('migrations')") is None:
        return [name for name, _ in available()]
    done = {row["name"] for row in await connection.fetch("select name from migrations")}
    return [name for name, _ in available() if name not in done]
