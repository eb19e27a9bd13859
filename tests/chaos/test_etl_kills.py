"""Loads that are killed, frozen, or lose their database: the old ranking is served, and again is enough."""

import asyncio
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from famedash.infra.database import Database, open_database
from famedash.performers import queries, service
from tests.chaos.processes import Process
from tests.chaos.proxy import proxied
from tests.chaos.town import Town
from tests.performers.loads import Post, Ranked, ranking, text_of

pytestmark = [pytest.mark.chaos, pytest.mark.asyncio(loop_scope="session")]

LARGE = service.LEAST_IN_BULK + 1_000

LOCKED = b"pg_advisory_xact_lock"
COMPLETED = b"set status = 'loaded', step = 'done', lines = $3"
STEPS = {
    "merged": {
        "before the lock": (LOCKED,),
        "before the staging table": (b"create temporary table staged",),
        "in the COPY": (b"PGCOPY",),
        "before the update": (b"update performances p",),
        "before the insert": (b"insert into performances",),
        "before the load row": (COMPLETED,),
    },
    "rebuilt": {
        "before the new table": (b"begin_performance_table",),
        "in the COPY": (b"PGCOPY",),
        "before the exchange": (b"place_performance_table",),
        "before the load row": (COMPLETED,),
    },
}


def some(number: int, likes: int) -> list[Post]:
    return [Post("summer", f"creator-{each:06}", 1000, (likes + each) % 900) for each in range(number)]


def files(way: str) -> tuple[list[Post], list[Post]]:
    """What is loaded first, and what the load that gets killed would make of it."""
    if way == "merged":
        return some(30, 1), [*some(40, 500), Post("winter", "mia", 10, 1)]
    return some(30, 1), some(LARGE, 500)


@asynccontextmanager
async def watched(town: Town) -> AsyncIterator[Database]:
    async with open_database(town.database_url, application="test") as database:
        yield database


async def start(town: Town, posts: list[Post], *, name: str, database_url: str | None = None) -> Process:
    path = town.folder / f"{name}.csv"
    path.write_text(text_of(posts))
    settings = {
        "database_url": database_url or town.database_url,
        "redis_url": town.redis_url,
        "data_dir": str(town.folder / "data"),
        "jwt_secret": "x" * 40,
    }
    process = Process(f"etl {shlex.quote(str(path))}", f"etl-{name}", settings, town.folder)
    town.processes.append(process)
    return await process.start()


async def load(town: Town, posts: list[Post], *, name: str) -> None:
    process = await start(town, posts, name=name)
    assert await process.ended(60) == 0, process.last_words()


async def shown(database: Database) -> list[Ranked]:
    """The whole ranking, page by page."""
    rows = await database.fetch(
        """
        select campaign_id, influencer_id, engagement_rate, engagements, views from performances
        where workspace_id = 'default'
        order by engagement_rate desc, engagements desc, influencer_id, campaign_id
        """
    )
    return [Ranked(*row) for row in rows]


async def newest(database: Database) -> asyncpg.Record:
    return (await queries.imports(database, "default", before=None, limit=1))[0]


async def assert_nothing_is_left(database: Database) -> None:
    """No table but those that are in use, and nobody who holds the workspace."""
    tables = await database.fetch(
        """
        select relname from pg_class
        where relkind = 'r' and relname like 'performances\\_%' and relname <> 'performances_shared'
          and relname not in (select table_name from performance_homes)
        """
    )
    assert tables == []


async def given_up(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "SILENT_SECONDS", 0)
    async with database.transaction() as tx:
        await service.fail_silent(tx)


@pytest.mark.parametrize(
    ("way", "step"), [(way, step) for way, steps in STEPS.items() for step in steps], ids=str
)
async def test_a_load_killed_at_any_step_leaves_the_old_ranking_and_can_be_run_again(
    town: Town, way: str, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PROMISE: all or nothing, wherever it dies."""
    old, new = files(way)
    after = ranking(new)
    await load(town, old, name="old")
    async with proxied(town.database_url) as proxy, watched(town) as database:
        process = await start(town, new, name="new", database_url=proxy.url)
        proxy.arm(*STEPS[way][step], lost=True, strike=process.strike)
        await process.ended(60)

        assert proxy.fired.is_set(), process.last_words()
        assert await shown(database) == ranking(old)
        await given_up(database, monkeypatch)
        row = await newest(database)
        assert (row["status"], row["error"] is not None) == ("failed", True)

        await load(town, new, name="again")
        assert await shown(database) == after
        await assert_nothing_is_left(database)


@pytest.mark.parametrize("way", STEPS)
@pytest.mark.parametrize("arrives", [False, True], ids=["COMMIT lost", "its answer lost"])
async def test_a_load_killed_at_its_commit_is_all_or_nothing(
    town: Town, way: str, arrives: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = files(way)
    await load(town, old, name="old")
    async with proxied(town.database_url) as proxy, watched(town) as database:
        process = await start(town, new, name="new", database_url=proxy.url)
        proxy.arm(COMPLETED, b"COMMIT", lost=not arrives, strike=None if arrives else process.strike)
        if arrives:
            await asyncio.wait_for(proxy.fired.wait(), 60)
            while (await queries.imports(database, "default", before=None, limit=1))[0][
                "status"
            ] == "running":
                await asyncio.sleep(0.02)
            process.strike()
        await process.ended(60)

        assert await shown(database) == ranking(new if arrives else old)
        await given_up(database, monkeypatch)
        assert (await newest(database))["status"] == ("loaded" if arrives else "failed")

        await load(town, new, name="again")
        assert await shown(database) == ranking(new)
        await assert_nothing_is_left(database)


@pytest.mark.parametrize("step", ["hashing", "reading"])
async def test_a_load_killed_while_it_reads_has_done_nothing(
    town: Town, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that never gets to the end: the file is a pipe that nobody closes."""
    old = some(30, 1)
    await load(town, old, name="old")
    large = town.folder / "large.csv"
    large.write_text(text_of(some(10, 5)) + "summer,creator,x,1,1,1\n" * 3_000_000)
    async with watched(town) as database:
        settings = {
            "database_url": town.database_url,
            "redis_url": town.redis_url,
            "data_dir": str(town.folder / "data"),
            "jwt_secret": "x" * 40,
        }
        process = Process(f"etl {large}", "etl-large", settings, town.folder)
        town.processes.append(process)
        await process.start()
        while not (rows := await queries.imports(database, "default", before=None, limit=2))[1:]:
            await asyncio.sleep(0.01)
        if step == "reading":
            while rows[0]["step"] != "reading":
                await asyncio.sleep(0.05)
                rows = await queries.imports(database, "default", before=None, limit=2)
        await process.kill()

        assert await shown(database) == ranking(old)
        await given_up(database, monkeypatch)
        assert (await newest(database))["status"] == "failed"
        assert not list((town.folder / "data").glob("rejects/large*"))


async def test_a_frozen_load_that_was_given_up_takes_no_effect_when_it_wakes(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PROMISE: what was shown as failed stays failed, however late its process goes on."""
    old, new = files("merged")
    await load(town, old, name="old")
    async with proxied(town.database_url) as proxy, watched(town) as database:
        process = await start(town, new, name="new", database_url=proxy.url)
        proxy.arm(LOCKED, strike=process.pause)
        await asyncio.wait_for(proxy.fired.wait(), 60)
        await given_up(database, monkeypatch)
        proxy.release()
        process.resume()

        assert await process.ended(60) == 1

        assert process.says("given up")
        assert await shown(database) == ranking(old)


async def test_a_database_that_dies_in_a_load_ends_it_with_a_sentence(town: Town) -> None:
    old, new = files("rebuilt")
    await load(town, old, name="old")
    async with proxied(town.database_url) as proxy:
        process = await start(town, new, name="new", database_url=proxy.url)
        proxy.arm(b"place_performance_table")
        await asyncio.wait_for(proxy.fired.wait(), 60)
        await town.servers.postgres.stop()
        proxy.release()
        assert await process.ended(60) == 1
        assert process.says("The database went away; nothing was loaded.")
        assert process.bugs() == []
        await town.servers.postgres.start()

    async with watched(town) as database:
        assert await shown(database) == ranking(old)
        await load(town, new, name="again")
        assert await shown(database) == ranking(new)
        await assert_nothing_is_left(database)


async def test_two_processes_that_load_at_once_never_mix(town: Town) -> None:
    """PROMISE: a reader sees one file or the other, whole, whichever process is the later one."""
    one, other = some(3_000, 1), some(3_000, 450)
    wholes = {tuple(ranking(posts)) for posts in (one, other)}
    await load(town, one, name="first")
    done = asyncio.Event()
    async with watched(town) as database:

        async def read() -> set[tuple[Ranked, ...]]:
            seen = set()
            while not done.is_set():
                seen.add(tuple(await shown(database)))
            return seen

        reading = asyncio.create_task(read())
        for number in range(4):
            pair = [
                await start(town, posts, name=f"{name}-{number}")
                for name, posts in (
                    ("one", [*one, Post("summer", f"extra-{number}", 1, 0)]),
                    ("other", other),
                )
            ]
            assert [await process.ended(60) for process in pair] == [0, 0]
        done.set()
        seen = await reading

        assert len(seen) >= 2
        for each in seen:
            assert tuple(one for one in each if not one.creator.startswith("extra")) in wholes
