"""Loads that are killed, frozen, or lose their database: the old ranking is served, and again is enough.

The steps are found on the wire: the process dies at the very moment when a statement, or its answer, passes.
"""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL, SIGTERM

import pytest

from famedash.infra.database import Database, open_database
from famedash.performers import queries
from famedash.performers.ranking import Sort
from tests.chaos.etl_town import (
    SIZES,
    WORKSPACE,
    Bureau,
    bureau,
    csv_of,
    newest,
    posts_of,
    rejects_of,
    start,
)
from tests.chaos.processes import Process
from tests.chaos.proxy import Proxy, proxied
from tests.chaos.town import Town, until
from tests.performers.loads import Ranked, ranking

pytestmark = [pytest.mark.chaos, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(240)]

COPY = b"PGCOPY"
DONE = b"set status = 'loaded', step = 'done', lines = $3"
COMMIT = b"COMMIT;"
RANKED = ("campaign_id", "influencer_id", "engagement_rate", "engagements", "views")
LOCK = (b"pg_advisory_xact_lock", b"acme")


@dataclass(frozen=True)
class Moment:
    """When the load said these `words` on one connection, or got an answer to them; `lost`: nobody heard."""

    step: str
    words: tuple[bytes, ...]
    answer: bytes = b""
    lost: bool = False
    is_committed: bool = False


BEFORE = (
    Moment("before it keeps rejected lines", (b"insert into import_rejects",), lost=True),
    Moment("before BEGIN", (b"zero_views",), answer=b"INSERT 0"),
    Moment("before the lock", LOCK[:1], lost=True),
    Moment("with the lock", LOCK, answer=b"SELECT 1"),
)
AFTER = (
    Moment("before the load row", (COPY, DONE), lost=True),
    Moment("while the load row is written", (COPY, DONE)),
    Moment("before COMMIT", (COPY, COMMIT), lost=True),
    Moment("after COMMIT, before its answer", (COPY, COMMIT), is_committed=True),
    Moment("with the answer to COMMIT", (COPY, COMMIT), answer=b"COMMIT\0", is_committed=True),
)
MOMENTS = {
    "merged": (
        *BEFORE,
        Moment("in COPY", (b"FROM STDIN", COPY)),
        Moment("after COPY", (COPY, b"analyze staged"), lost=True),
        Moment("in the update", (COPY, b"update performances p")),
        Moment("in the insert", (COPY, b"insert into performances")),
        *AFTER,
    ),
    "rebuilt": (
        BEFORE[-1],
        Moment("in COPY", (b"FROM STDIN", COPY)),
        Moment("after COPY", (COPY, b"place_performance_table"), lost=True),
        Moment("in the exchange", (COPY, b"place_performance_table")),
        *AFTER[1:],
    ),
}


@pytest.mark.parametrize("way", MOMENTS)
async def test_a_load_killed_at_any_step_leaves_the_old_ranking_and_can_be_run_again(
    town: Town, way: str
) -> None:
    """PROMISE: all or nothing, wherever it dies, and nobody has to clean up.

    Breaks if a load commits in steps, or if a table or a lock outlives the connection.
    """
    async with proxied(town.database_url) as proxy, bureau(town, way) as books:
        for moment in MOMENTS[way]:
            try:
                await _kill(books, proxy, moment)
            except AssertionError as wrong:
                raise AssertionError(f"killed {moment.step}: {wrong}\n{town.words()}") from wrong
        assert [bug for process in town.processes for bug in process.bugs()] == []


async def _kill(books: Bureau, proxy: Proxy, moment: Moment) -> None:
    books.write()
    process = await books.start(proxy.url)
    proxy.arm(*moment.words, answer=moment.answer, lost=moment.lost, strike=process.strike)
    await _fired(proxy)
    assert await process.ended() == -SIGKILL

    if moment.is_committed:
        await books.is_left_alone()
        await books.took_effect()
    else:
        await books.had_no_effect()
        await books.is_left_alone()
        await books.is_failed()

    await books.load()


async def _fired(proxy: Proxy) -> None:
    try:
        await asyncio.wait_for(proxy.fired.wait(), 30)
    except TimeoutError:
        raise AssertionError("it never came so far") from None


def _endless_archive(path: Path) -> None:
    """A pipe with the first bytes of an archive, that is never closed."""
    start = path.read_bytes()[:2_000]
    path.unlink()
    os.mkfifo(path)
    os.write(os.open(path, os.O_RDWR), start)


def _gigabytes(path: Path) -> None:
    """With a hole in it: seconds to hash."""
    os.truncate(path, 12 << 30)


def _blank_lines(path: Path) -> None:
    """Each is a matter of the strict parser: seconds to read."""
    with path.open("ab") as file:
        file.write(b"\n" * 8_000_000)


@pytest.mark.parametrize(
    ("step", "name", "slow_down"),
    [
        ("unpacking", "performance.csv.gz", _endless_archive),
        ("hashing", "performance.csv", _gigabytes),
        ("reading", "performance.csv", _blank_lines),
    ],
)
async def test_a_load_killed_before_it_writes_has_done_nothing(
    town: Town, step: str, name: str, slow_down: Callable[[Path], None]
) -> None:
    """The file is one that keeps it busy; then it is a usual one again."""
    async with proxied(town.database_url) as proxy, bureau(town, "merged", name=name) as books:
        for number in (SIGKILL, SIGTERM):
            books.write()
            slow_down(books.path)
            process = await books.start(proxy.url)
            proxy.arm(b"update imports", step.encode())
            await _fired(proxy)
            process.signal(number)
            proxy.release()

            assert await process.ended(10) == (-SIGKILL if number == SIGKILL else 1)

            await books.had_no_effect()
            await books.is_left_alone()
            if number == SIGTERM:
                assert (await newest(books.database))["error"].startswith("The load was stopped;")
                assert process.says("famedash: The load was stopped;")
            await books.is_failed()
            books.write()
            await books.load()
        left = [path.name for path in (books.data / "imports").iterdir()]
        assert len(left) == (step == "unpacking")  # of kill -9; a later load takes it away


@pytest.mark.parametrize(
    ("way", "words"),
    [
        ("merged", (b"insert into import_rejects",)),
        ("rebuilt", (b"FROM STDIN", COPY)),
        ("rebuilt", (COPY, b"place_performance_table")),
    ],
)
async def test_a_database_that_dies_in_a_load_ends_it_with_a_sentence(
    town: Town, way: str, words: tuple[bytes, ...]
) -> None:
    async with proxied(town.database_url) as proxy, bureau(town, way) as books:
        books.write()
        process = await books.start(proxy.url)
        proxy.arm(*words)
        await _fired(proxy)
        await town.servers.postgres.stop()
        proxy.release()

        assert await process.ended(30) == 1
        assert process.says("famedash: The database ")
        assert process.bugs() == []

        await town.servers.postgres.start()
        await books.had_no_effect()
        await books.is_left_alone()
        await books.is_failed()
        await books.load()


async def test_a_load_whose_commit_was_not_answered_does_not_say_that_nothing_was_loaded(town: Town) -> None:
    """PROMISE: what is said of a load in doubt is true, and what is to be done about it does no harm."""
    async with proxied(town.database_url) as proxy, bureau(town, "merged") as books:
        books.write()
        process = await books.start(proxy.url)
        proxy.arm(COPY, COMMIT)
        await proxy.cut()

        assert await process.ended() == 1
        assert process.says("The database went away. Load the file again")
        assert not process.says("nothing was loaded")
        await books.took_effect()
        await books.load()


async def test_a_load_that_froze_in_its_copy_loses_its_place_when_it_is_given_up(town: Town) -> None:
    """PROMISE: what was shown as failed takes no effect, and nobody waits for it any longer.

    Until then another load of the workspace waits: PostgreSQL has no timeout for a COPY that says nothing.
    Breaks if `tend` only writes `failed`: the other load would wait for ever.
    """
    async with proxied(town.database_url) as proxy, bureau(town, "rebuilt") as books:
        frozen, other = await _one_frozen_one_waiting(books, proxy, b"FROM STDIN", COPY)
        await asyncio.sleep(1.5)
        assert other.is_alive

        await books.give_up((await books.running())[0])

        assert await other.ended() == 0, other.last_words()
        await books.took_effect()
        await _wakes_in_vain(books, frozen)


async def test_a_load_that_froze_between_two_statements_is_ended_by_the_database(town: Town) -> None:
    """Another load of the workspace waits for seconds, `tend` or not."""
    async with proxied(town.database_url) as proxy, bureau(town, "merged") as books:
        frozen, other = await _one_frozen_one_waiting(books, proxy, COPY, b"analyze staged")

        assert await other.ended() == 0, other.last_words()
        await books.took_effect()
        await books.give_up(*await books.running())
        await _wakes_in_vain(books, frozen)


async def test_a_load_that_froze_with_no_lock_in_its_hands_does_not_undo_a_later_one(town: Town) -> None:
    """PROMISE: what was given up takes no effect, even where nobody could take its connection away.

    Breaks if a load that wakes up writes without asking whether it is still believed in: an older file would
    lie over a newer one, and the load that was shown as failed would be the one that is served.
    """
    async with proxied(town.database_url) as proxy, bureau(town, "merged") as books:
        books.write()
        frozen = await books.start(proxy.url)
        proxy.arm(b"zero_views", answer=b"INSERT 0", strike=frozen.pause)
        await _fired(proxy)
        await books.give_up(*await books.running())
        books.name = "later.csv"
        books.write()
        await books.load()

        await _wakes_in_vain(books, frozen)

        assert frozen.says("This load gave no sign of life and was given up")


async def _one_frozen_one_waiting(books: Bureau, proxy: Proxy, *words: bytes) -> tuple[Process, Process]:
    """The first load froze when it had said `words`; the second, of the next file, wants to write."""
    books.write()
    frozen = await books.start(proxy.url)
    proxy.arm(*words, strike=frozen.pause)
    await _fired(proxy)
    proxy.release()
    books.write()
    other = await books.start()

    async def is_writing() -> bool:
        return len(await books.running()) == 2 and (await newest(books.database))["step"] == "writing"

    await until(is_writing, 10, "the second load comes to its writing")
    await books.had_no_effect()
    return frozen, other


async def _wakes_in_vain(books: Bureau, frozen: Process) -> None:
    frozen.resume()
    assert await frozen.ended() == 1
    assert frozen.bugs() == []
    assert "failed" in [row["status"] for row in await books.town.fetch("select status from imports")]
    await books.had_no_effect()
    await books.is_left_alone()


@pytest.mark.parametrize(("way", "rounds"), [("merged", 20), ("rebuilt", 6)])
async def test_two_processes_that_load_at_once_never_mix(town: Town, way: str, rounds: int) -> None:
    """PROMISE: a reader sees one file, whole, whichever process is the later one.

    They keep their rejected lines under the same names, too.
    """
    size, done = SIZES[way], asyncio.Event()
    for version in range(2 * rounds):
        folder = town.folder / ("one" if version % 2 else "other")
        folder.mkdir(exist_ok=True)
        (folder / f"{version // 2}.csv").write_bytes(csv_of(version, posts_of(version, size, new=0)))
    async with open_database(town.database_url, application="test") as database:
        reading = [asyncio.create_task(read(database, size, done)) for read in (_versions, _tops)]
        paths = [[town.folder / who / f"{each}.csv" for each in range(rounds)] for who in ("one", "other")]
        loading = [await start(town, *each) for each in paths]

        assert [await each.ended(90) for each in loading] == [0, 0], town.words()

        done.set()
        for seen in await asyncio.gather(*reading):
            assert len(seen) > rounds / 2
            assert seen <= set(range(2 * rounds))
        rows = await town.fetch("select status, count(*)::int as loads from imports group by status")
        assert [(row["status"], row["loads"]) for row in rows] == [("loaded", 2 * rounds)]
        rejects = [
            (town.folder / "data/rejects" / f"{each}.rejects.csv").read_text() for each in range(rounds)
        ]
        for each, text in enumerate(rejects):
            assert text in {rejects_of(version, size + 2) for version in (2 * each, 2 * each + 1)}


async def _versions(database: Database, size: int, done: asyncio.Event) -> set[int]:
    """Which files were seen; every row of the workspace must be of the same one."""
    seen = set()
    while not done.is_set():
        rows = await database.fetch(
            "select shares as version, count(*) as rows from performances"
            " where workspace_id = $1 and home in ('', $1) group by shares",
            WORKSPACE,
        )
        if rows:
            assert [row["rows"] for row in rows] == [size]
            seen.add(rows[0]["version"])
        await asyncio.sleep(0.05)
    return seen


async def _tops(database: Database, size: int, done: asyncio.Event) -> set[int]:
    """The same by the API's own query."""
    seen = {}
    while not done.is_set():
        rows = await queries.top(
            database,
            WORKSPACE,
            campaign_id="summer",
            sort=Sort.ENGAGEMENT_RATE,
            min_views=0,
            after=None,
            limit=1000,
        )
        if rows:
            seen[rows[0]["shares"]] = [Ranked(*(row[name] for name in RANKED)) for row in rows]
        await asyncio.sleep(0.05)
    for version, top in seen.items():
        assert top == ranking(posts_of(version, size, new=0))[:1000]
    return set(seen)


async def test_large_loads_of_two_workspaces_at_once_both_take_effect(town: Town) -> None:
    """PROMISE: workspaces do not fail each other's loads.

    Breaks if both hold `performances` when they come to the exchange, which locks it: a deadlock.
    """
    size = SIZES["rebuilt"]
    paths = [town.folder / f"{version}.csv" for version in range(3)]
    for version, path in enumerate(paths):
        path.write_bytes(csv_of(version, posts_of(version, size)))

    loading = [await start(town, *paths, workspace=workspace) for workspace in ("acme", "globex")]

    assert [await each.ended(60) for each in loading] == [0, 0], town.words()
    rows = await town.fetch("select count(*)::int from performances group by workspace_id")
    assert [row[0] for row in rows] == [size + 10, size + 10]
