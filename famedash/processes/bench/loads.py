"""A file of results into PostgreSQL: by `famedash etl`, and as it is by `psql \\copy`."""

import shutil
import tempfile
from pathlib import Path

from famedash.infra.auth.settings import Misconfigured
from famedash.infra.database import Database
from famedash.infra.embedded.postgres import binary
from famedash.processes.bench.clock import Took, clock, clock_product
from famedash.processes.bench.counted import Miscounted
from famedash.processes.bench.ground import Ground, clean_environment

SEED = 1
BYTES_PER_ROW = 700
"""Of disk, at most: the file 57, a bare table 90, two tables with their indexes at once, the log."""

BARE_TABLE = """
    create table bare (
        campaign text, creator text, views bigint, likes bigint, comments bigint, shares bigint
    )
"""


def require_space(rows: int) -> None:
    """Raises `Misconfigured` where the temporary folder has too little room for a file of so many rows."""
    folder = tempfile.gettempdir()
    free, needed = shutil.disk_usage(folder).free, rows * BYTES_PER_ROW
    if free < needed:
        raise Misconfigured(
            f"The benchmark needs {needed / 1e9:.1f} GB in {folder}, and {free / 1e9:.1f} GB are free;"
            " TMPDIR names another folder."
        )


async def make(ground: Ground, name: str, *arguments: object) -> Path:
    """A file of the generator (`famedash demo csv`) in the ground's folder."""
    path = ground.folder / name
    await clock_product(ground, "demo", "csv", *arguments, "--out", path)
    return path


def seconds_to_read(path: Path) -> float:
    """At 1 GB/s."""
    return path.stat().st_size / 1e9


async def load(ground: Ground, workspace: str, path: Path) -> Took:
    """The whole command, on running servers. Raises `Miscounted` where it loads nothing."""
    took = await clock_product(ground, "etl", path, "--workspace", workspace)
    if ": loaded\n" not in took.said:
        raise Miscounted(f"the file was not loaded: {took.said}")
    return took


async def load_again(ground: Ground, workspace: str, path: Path) -> Took:
    """Raises `Miscounted` where the content is not recognised."""
    took = await clock_product(ground, "etl", path, "--workspace", workspace)
    if ": nothing to do" not in took.said:
        raise Miscounted(f"the same file was loaded twice: {took.said}")
    return took


async def copy_raw(ground: Ground, database: Database, path: Path, rows: int) -> Took:
    """The raw file into a bare table: no checks, no sums, no index.

    The table is made in the same transaction, so with `wal_level = minimal` nothing is written twice; that is
    the fastest way there is, and the product's too.
    """
    environment = {name: value for name, value in clean_environment().items() if not name.startswith("PG")}
    copy = f"\\copy bare from '{path}' with (format csv, header)"
    options = ("-X", "-1", "-v", "ON_ERROR_STOP=1", "-c", BARE_TABLE, "-c", copy)
    took = await clock(
        ground, binary("psql"), *options, ground.endpoints.database_url, environment=environment
    )
    if f"COPY {rows}\n" not in took.said:
        raise Miscounted(f"psql did not copy {rows:,} rows: {took.said}")
    async with database.transaction() as tx:
        await tx.execute("drop table bare")
    return took


async def forget(database: Database, workspace: str) -> None:
    """As if the workspace had never loaded anything, with everything else on disk."""
    async with database.transaction() as tx:
        home = "delete from performance_homes where workspace_id = $1 returning table_name"
        if (table := await tx.fetchval(home, workspace)) is not None:
            await tx.execute(f'drop table "{table}"')
        await tx.execute("delete from performances where workspace_id = $1", workspace)
        await tx.execute("delete from imports where workspace_id = $1", workspace)
    await settle(database)


async def settle(database: Database) -> None:
    """What was written before is on disk: the next one does not pay for it."""
    async with database.connection() as connection:
        await connection.execute("checkpoint")


async def check(database: Database, workspace: str, *, pairs: float, views: float) -> None:
    """Raises `Miscounted` where the workspace does not hold just that."""
    found = await database.fetchrow(
        """
        select count(*), coalesce(sum(views), 0)::bigint from performances
        where workspace_id = $1 and home in ('', $1)
        """,
        workspace,
    )
    if found is None or tuple(found) != (pairs, views):
        raise Miscounted(f"{found} pairs and views are in the database, not {pairs:,} and {views:,}")
