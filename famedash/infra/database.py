"""PostgreSQL through asyncpg: one pool a process, transactions owned by the edge.

A request or a step opens `database.transaction()`; what must follow the commit is registered with
`tx.after_commit`. Nobody below the edge commits, and no transaction spans a network call.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import asyncpg

from famedash.infra.errors import Postponed, Unavailable

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]

type_codecs = ("json", "jsonb")

GONE = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.TooManyConnectionsError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.InternalClientError,
    asyncio.TimeoutError,
)
"""What asyncpg raises when there is no way in, or the server went away or ended our transaction: later."""

IMPATIENT = (
    ("idle_in_transaction_session_timeout", "5000"),
    ("tcp_keepalives_idle", "3"),
    ("tcp_keepalives_interval", "1"),
    ("tcp_keepalives_count", "3"),
)
"""For processes that serve: one that froze or vanished inside a transaction frees its locks in seconds."""

BY_KEY = (
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("enable_material", "off"),
)
"""For workers, all of whose questions have an index. A connection keeps its plans: one that was made while a
table is empty reads all of it, and keeps doing so when it has filled.
"""


class Transaction:
    """One open transaction: the four ways to run SQL, the database's time, and what follows the commit."""

    def __init__(self, connection: "Connection") -> None:
        self.connection = connection
        self._now: datetime | None = None
        self._after_commit: list[Callable[[], None]] = []
        self.signals: set[str] = set()

    def follow_commit(self, listener: Callable[[str], None]) -> None:
        for callback in self._after_commit:
            callback()
        for name in self.signals:
            listener(name)

    async def execute(self, sql: str, *values: object) -> str:
        return await self.connection.execute(sql, *values)

    async def executemany(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """The same statement for each row of values, in one round trip."""
        if len(rows) == 1:
            await self.connection.execute(sql, *rows[0])
        else:
            await self.connection.executemany(sql, rows)

    async def fetch(self, sql: str, *values: object) -> list[asyncpg.Record]:
        return await self.connection.fetch(sql, *values)

    async def fetchrow(self, sql: str, *values: object) -> asyncpg.Record | None:
        return await self.connection.fetchrow(sql, *values)

    async def fetchval(self, sql: str, *values: object) -> Any:
        return await self.connection.fetchval(sql, *values)

    async def now(self) -> datetime:
        """The database's wall clock, read once a transaction (it is the clock of all event times)."""
        if self._now is None:
            self._now = cast(datetime, await self.fetchval("select clock_timestamp()"))
        return self._now

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Run `callback` once the commit is certain; never when it failed."""
        self._after_commit.append(callback)

    def signal(self, name: str) -> None:
        """Once committed, tell whoever listens in this process (`Database.listener`); once a transaction."""
        self.signals.add(name)


class Database:
    """The pool. Reads go through `fetch…` (one statement each), writes through `transaction()`."""

    def __init__(self, pool: "Pool") -> None:
        self.pool = pool
        self.listener: Callable[[str], None] = lambda _: None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Commit on a clean exit, roll back on an exception.

        Raises `Unavailable` when no connection can be had. Once there is one, a server that goes away raises
        asyncpg's own (one of `GONE`), from BEGIN on: nothing was changed then, unless it was the answer to
        COMMIT that was lost, which leaves it in doubt.
        """
        async with self.connection() as connection:
            tx = Transaction(connection)
            async with connection.transaction():
                yield tx
        tx.follow_commit(self.listener)

    @asynccontextmanager
    async def connection(self) -> "AsyncIterator[Connection]":
        try:
            connection = await self.pool.acquire(timeout=5)
        except GONE as gone:
            raise Unavailable("The database does not answer; nothing was changed.") from gone
        try:
            yield connection  # type: ignore[misc]
        finally:
            await self.pool.release(connection)

    async def fetch(self, sql: str, *values: object) -> list[asyncpg.Record]:
        async with self.connection() as connection:
            return await connection.fetch(sql, *values)

    async def fetchrow(self, sql: str, *values: object) -> asyncpg.Record | None:
        async with self.connection() as connection:
            return await connection.fetchrow(sql, *values)

    async def fetchval(self, sql: str, *values: object) -> Any:
        async with self.connection() as connection:
            return await connection.fetchval(sql, *values)


@asynccontextmanager
async def open_database(
    url: str,
    *,
    application: str,
    max_connections: int = 10,
    settings: Sequence[tuple[str, str]] = (),
    command_timeout: float | None = 30,
) -> AsyncIterator[Database]:
    """A pool on `url`; `application` names the process in `pg_stat_activity`; seconds of `command_timeout`.

    Raises `Postponed` when the server cannot be reached (the process's loop tries again).
    """
    try:
        pool = await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=max_connections,
            reset=_no_reset,
            init=_prepare,
            command_timeout=command_timeout,
            server_settings={"application_name": f"famedash {application}", **dict(settings)},
        )
    except GONE as gone:
        raise Postponed("The database cannot be reached.") from gone
    try:
        yield Database(pool)
    finally:
        try:
            await asyncio.wait_for(pool.close(), timeout=5)
        except (TimeoutError, *GONE):
            pool.terminate()


async def _prepare(connection: "Connection") -> None:
    """JSON columns travel as text: who reads them decides how to decode."""
    for name in type_codecs:
        await connection.set_type_codec(name, schema="pg_catalog", encoder=str, decoder=str, format="text")


async def _no_reset(connection: "Connection") -> None:
    """We never leave session state behind, so handing a connection back costs no round trip."""
