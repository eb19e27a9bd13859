"""How much PostgreSQL reads for a question: plans are kept, whatever the tables come to hold."""

from famedash.infra.database import Database

EXECUTIONS = 8
"""After five PostgreSQL keeps one plan for all values."""


async def reads(database: Database, *tables: str) -> int:
    """Rows and index entries of these tables that this connection, and others before, looked at."""
    await database.fetch("select pg_stat_force_next_flush()")
    found = await database.fetchval(
        """
        select (select sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) from pg_stat_user_tables
                where relname = any($1::text[]))
             + (select sum(idx_tup_read) from pg_stat_user_indexes where relname = any($1::text[]))
        """,
        list(tables),
    )
    return int(found)


async def vacuum(database: Database, *tables: str) -> None:
    """From here on these are known to be as large as they are now."""
    for table in tables:
        await database.fetch(f"vacuum (analyze) {table}")
