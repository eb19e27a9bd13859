"""Real `famedash etl` processes on files of known rankings, and what must be true whatever became of it.

File after file, each with other figures, a few new creators, and one line that is rejected.
"""

import gzip
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import asyncpg

from famedash.infra.database import Database, open_database
from famedash.performers import queries, service, worker
from tests.chaos.processes import Process
from tests.chaos.town import Town, until
from tests.performers.loads import Post, Ranked, ranking, text_of

WORKSPACE = "acme"
SIZES = {"merged": 5_000, "rebuilt": service.LEAST_IN_BULK}
"""How many pairs a file has decides how they are written."""


def posts_of(version: int, size: int, *, new: int = 5) -> list[Post]:
    """Every version has other figures, `shares` its number, and `new` creators that no earlier one had."""
    return [
        Post("summer", f"creator-{each:07}", 1000 + each % 50, (each * 31 + version * 17) % 900, 1, version)
        for each in range(version * new, version * new + size)
    ]


def csv_of(version: int, posts: list[Post]) -> bytes:
    return f"{text_of(posts)}summer,rejected-{version},0,0,0,0\n".encode()


def rejects_of(version: int, line: int) -> str:
    return f'line,reason,column,raw\n{line},zero_views,views,"summer,rejected-{version},0,0,0,0"\n'


async def shown(database: Database, workspace: str = WORKSPACE) -> list[Ranked]:
    """The whole ranking, as one statement sees it."""
    rows = await database.fetch(
        """
        select campaign_id, influencer_id, engagement_rate, engagements, views from performances
        where workspace_id = $1 and home in ('', $1)
        order by engagement_rate desc, engagements desc, influencer_id, campaign_id
        """,
        workspace,
    )
    return [Ranked(*row) for row in rows]


async def newest(database: Database) -> asyncpg.Record:
    return (await queries.imports(database, WORKSPACE, before=None, limit=1))[0]


@dataclass
class Bureau:
    """Who loads files, one after the other, and keeps the books: `served` is what must be shown."""

    town: Town
    database: Database
    way: str
    name: str = "performance.csv"
    version: int = 0
    served: dict[str, Post] = field(default_factory=dict)
    ranking: list[Ranked] = field(default_factory=list)

    @property
    def path(self) -> Path:
        return self.town.folder / self.name

    @property
    def data(self) -> Path:
        return self.town.folder / "data"

    # --- going in

    def write(self) -> None:
        """The next file is there to be loaded."""
        self.version += 1
        content = csv_of(self.version, self._posts())
        self.path.unlink(missing_ok=True)
        self.path.write_bytes(gzip.compress(content) if self.name.endswith(".gz") else content)

    async def start(self, database_url: str = "") -> Process:
        return await start(self.town, self.path, database_url=database_url)

    async def load(self) -> None:
        """The command, on whatever file is there: it succeeds, and its ranking is served."""
        process = await self.start()
        assert await process.ended(60) == 0, process.last_words()
        await self.took_effect()
        assert self._kept_rejects() == rejects_of(self.version, SIZES[self.way] + 2)

    # --- what came of it

    async def took_effect(self) -> None:
        self.served |= {post.creator: post for post in self._posts()}
        self.ranking = ranking(self.served.values())
        await self.had_no_effect()
        assert (await newest(self.database))["status"] == "loaded"

    async def had_no_effect(self) -> None:
        assert await shown(self.database) == self.ranking

    async def is_failed(self) -> None:
        """What has no process any more is failed by `tend`, as if its 30 s had passed."""
        await self.give_up(*await self.running())
        row = await newest(self.database)
        assert (row["status"], bool(row["error"])) == ("failed", True)

    async def running(self) -> list[UUID]:
        """The oldest first."""
        rows = await self.town.fetch("select import_id from imports where status = 'running' order by 1")
        return [row["import_id"] for row in rows]

    async def give_up(self, *loads: UUID) -> None:
        await self.town.fetch(
            "update imports set seen_at = '-infinity' where status = 'running' and import_id = any($1)", loads
        )
        await worker.fail_silent(self.database)

    async def is_left_alone(self, seconds: float = 5) -> None:
        """Within seconds the dead hold no connection, lock or table; no rejects appear half written."""

        async def gone() -> bool:
            return not await self.town.fetch(
                """
                select application_name from pg_stat_activity
                where datname = current_database() and application_name similar to 'famedash (etl|load%)'
                """
            )

        await until(gone, seconds, "the killed load's connections end")
        assert await self._leftovers() == []
        known = {"", *(rejects_of(each, SIZES[self.way] + 2) for each in range(self.version + 1))}
        assert self._kept_rejects() in known

    async def _leftovers(self) -> list[str]:
        rows = await self.town.fetch(
            """
            select relname::text from pg_class
            where relkind = 'r' and relname like 'performances\\_%' and relname <> 'performances_shared'
              and relname not in (select table_name from performance_homes)
            union all
            select 'temporary ' || relname from pg_class where relpersistence = 't' and relkind = 'r'
            union all
            select 'a lock of ' || pid from pg_locks join pg_database d on d.oid = database
            where locktype = 'advisory' and datname = current_database()
            """
        )
        return [row[0] for row in rows]

    def _posts(self) -> list[Post]:
        return posts_of(self.version, SIZES[self.way])

    def _kept_rejects(self) -> str:
        path = self.data / "rejects" / f"{self.path.stem}.rejects.csv"
        return path.read_text() if path.exists() else ""


async def start(
    town: Town, *paths: Path, workspace: str = WORKSPACE, database_url: str = "", name: str = "etl"
) -> Process:
    settings = {
        "database_url": database_url or town.database_url,
        "redis_url": town.redis_url,
        "data_dir": str(town.folder / "data"),
    }
    command = shlex.join(["etl", "--workspace", workspace, *map(str, paths)])
    process = Process(command, f"{name}-{len(town.processes)}", settings, town.folder)
    town.processes.append(process)
    return await process.start()


@asynccontextmanager
async def bureau(town: Town, way: str, *, name: str = "performance.csv") -> AsyncIterator[Bureau]:
    """With a first file loaded."""
    async with open_database(town.database_url, application="test") as database:
        opened = Bureau(town, database, way, name)
        opened.write()
        await opened.load()
        yield opened
