"""Loads against a real database: all or nothing, once however often, and pairs replaced, never added to."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from famedash.infra.database import Database
from famedash.infra.errors import Unavailable
from famedash.performers import pipeline, queries, service
from famedash.performers.model import (
    Options,
    Progress,
    Reason,
    Reject,
    Rejected,
    Tally,
    TooManyRejects,
    UnreadableFile,
)
from famedash.performers.ranking import Sort
from famedash.performers.rejects import rejects_of
from famedash.performers.service import GivenUp
from tests.performers.loads import HEAD, Post, Ranked, load, ranking, text_of

MERGED, REBUILT = 10**9, 1


@pytest.fixture(params=[MERGED, REBUILT], ids=["merged", "rebuilt"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of writing keep every promise here."""
    monkeypatch.setattr(service, "LEAST_IN_BULK", request.param)


async def shown(database: Database, campaign: str | None = None, workspace: str = "acme") -> list[Ranked]:
    rows = await queries.top(
        database,
        workspace,
        campaign_id=campaign,
        sort=Sort.ENGAGEMENT_RATE,
        min_views=0,
        after=None,
        limit=10_000,
    )
    return [
        Ranked(
            row["campaign_id"],
            row["influencer_id"],
            row["engagement_rate"],
            row["engagements"],
            row["views"],
        )
        for row in rows
    ]


def some(campaign: str, *creators: str, likes: int = 10) -> list[Post]:
    return [Post(campaign, creator, 1000, likes + place) for place, creator in enumerate(creators)]


@pytest.mark.usefixtures("way")
async def test_a_file_becomes_a_ranking(database: Database, tmp_path: Path) -> None:
    posts = [*some("summer", "a", "b", "007", "7"), *some("winter", "a"), Post("summer", "a", 500, 90)]

    loaded = await load(database, tmp_path, text_of(posts))

    assert (loaded.pairs, loaded.inserted, loaded.updated) == (5, 5, 0)
    assert await shown(database) == ranking(posts)
    assert await shown(database, "summer") == ranking(posts, campaign="summer")


@pytest.mark.usefixtures("way")
async def test_the_same_file_twice_is_once(database: Database, tmp_path: Path) -> None:
    """PROMISE: loading again changes nothing. Breaks if counts are added instead of replaced."""
    posts = some("summer", "a", "b")
    await load(database, tmp_path, text_of(posts))

    again = await load(database, tmp_path, text_of(posts))

    assert again.same_as is not None
    assert await shown(database) == ranking(posts)


@pytest.mark.usefixtures("way")
async def test_a_file_replaces_its_pairs_and_leaves_the_others(database: Database, tmp_path: Path) -> None:
    await load(database, tmp_path, text_of([*some("summer", "a", "b"), *some("winter", "a")]))

    loaded = await load(database, tmp_path, text_of([Post("summer", "b", 50, 5), Post("summer", "c", 9, 1)]))

    assert (loaded.inserted, loaded.updated) == (1, 1)
    left = [*some("summer", "a"), Post("summer", "b", 50, 5), Post("summer", "c", 9, 1), *some("winter", "a")]
    assert await shown(database) == ranking(left)


@pytest.mark.usefixtures("way")
async def test_an_older_file_loaded_again_after_another_takes_effect(
    database: Database, tmp_path: Path
) -> None:
    """PROMISE: only the newest load makes a repeat needless.

    Breaks if any load with the same content does: the ranking would show the second file's figures.
    """
    first, second = some("summer", "a", "b"), some("summer", "a", likes=99)
    for posts in (first, second):
        await load(database, tmp_path, text_of(posts))

    again = await load(database, tmp_path, text_of(first))

    assert (again.same_as, again.updated) == (None, 1)
    assert await shown(database) == ranking(first)


async def test_a_load_cannot_slip_in_between_a_repeat_and_the_load_that_it_repeats(
    database: Database, tmp_path: Path
) -> None:
    """PROMISE: the newest load is the one whose figures are shown.

    Breaks if a repeat does not hold the workspace: it would be the newest, with the content of an older one.
    """
    first, second = some("summer", "a", "b"), some("summer", "a", likes=99)
    await load(database, tmp_path, text_of(first))
    sha256 = await database.fetchval("select sha256 from imports")
    import_id = await service.begin(database, "acme", file_name="f", options=Options())
    async with database.transaction() as tx:
        same = await service.same_as(tx, "acme", sha256=sha256, human_numbers=False)
        assert same
        other = asyncio.create_task(load(database, tmp_path, text_of(second), name="second.csv"))
        await asyncio.sleep(0.5)
        assert not other.done()
        await service.repeat(tx, "acme", import_id, same_as=same)
    await other

    again = await load(database, tmp_path, text_of(first))

    assert again.same_as is None
    assert await shown(database) == ranking(first)


@pytest.mark.usefixtures("way")
async def test_a_small_file_after_a_large_one_goes_where_that_lies(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PROMISE: a pair exists once, in whichever table the workspace has."""
    posts = some("summer", *"abcdef")
    await load(database, tmp_path, text_of(posts))
    monkeypatch.setattr(service, "LEAST_IN_BULK", MERGED)

    await load(database, tmp_path, text_of([Post("summer", "a", 50, 5), Post("summer", "new", 9, 1)]))

    left = [*posts[1:], Post("summer", "a", 50, 5), Post("summer", "new", 9, 1)]
    assert await shown(database) == ranking(left)


@pytest.mark.usefixtures("way")
async def test_workspaces_are_apart(database: Database, tmp_path: Path) -> None:
    ours, theirs = some("summer", "a", "b"), some("summer", "b", "c", likes=77)
    await load(database, tmp_path, text_of(ours))
    await load(database, tmp_path, text_of(theirs), workspace="globex")

    assert await shown(database) == ranking(ours)
    assert await shown(database, workspace="globex") == ranking(theirs)


@pytest.mark.usefixtures("way")
async def test_two_loads_at_once_do_not_mix(database: Database, tmp_path: Path) -> None:
    """PROMISE: loads of a workspace take effect one after the other; the ranking is that of some order."""
    first, second = some("summer", *"abcdefgh"), some("summer", *"abcdefgh", likes=500)
    (tmp_path / "1").mkdir()
    (tmp_path / "2").mkdir()

    loaded = await asyncio.gather(
        load(database, tmp_path / "1", text_of(first)), load(database, tmp_path / "2", text_of(second))
    )

    assert sum(each.inserted for each in loaded) == 8
    assert await shown(database) in (ranking(first), ranking(second))


async def test_the_load_row_says_what_became_of_every_line(database: Database, tmp_path: Path) -> None:
    text = HEAD + "s,a,10,1,1,1\n\ns,b,0,1,1,1\ns,c,x,1,1,1\ns,d,1,9,9,9\n"

    loaded = await load(database, tmp_path, text)

    (row,) = await queries.imports(database, "acme", before=None, limit=10)
    assert row["status"] == "loaded"
    assert row["lines"] == 6 == row["header"] + row["accepted"] + row["continuation"] + row["blank"] + 2
    assert (row["accepted"], row["blank"], row["flagged"], row["pairs"]) == (2, 1, 1, 2)
    assert loaded.tally.rejected == {Reason.ZERO_VIEWS: 1, Reason.NOT_A_NUMBER: 1}
    rejects = await queries.rejects(database, "acme", row["import_id"], after=0, limit=10)
    assert [(each["line"], each["reason"], each["field"], each["raw"]) for each in rejects] == [
        (4, "zero_views", "views", "s,b,0,1,1,1"),
        (5, "not_a_number", "views", "s,c,x,1,1,1"),
    ]
    assert (tmp_path / "rejects.csv").read_text().splitlines() == [
        "line,reason,column,raw",
        '4,zero_views,views,"s,b,0,1,1,1"',
        '5,not_a_number,views,"s,c,x,1,1,1"',
    ]


@pytest.mark.parametrize(
    "pack", [gzip.compress, zstandard.compress, lambda text: text], ids=["gz", "zst", "plain"]
)
async def test_a_packed_file_is_the_same_file(
    database: Database, tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    posts = some("summer", *"abc")
    await load(database, tmp_path, text_of(posts))

    again = await load(database, tmp_path, pack(text_of(posts).encode()), name="performance.csv.packed")

    assert again.same_as is not None


async def test_a_file_cut_off_is_told_by_its_missing_line_end(database: Database, tmp_path: Path) -> None:
    loaded = await load(database, tmp_path, text_of(some("summer", "a")).rstrip("\n"))

    assert loaded.warnings == (pipeline.NO_FINAL_NEWLINE,)
    assert await shown(database) == ranking(some("summer", "a"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "empty"),
        (b"campaignId;influencerId;views;likes;comments;shares\n", "semicolons"),
        (HEAD.encode("utf-16"), "UTF-16"),
        (HEAD.encode() + b"s,a,1,1,1,1\ns,b,1,\0,1,1\n", "NUL"),
        (gzip.compress(HEAD.encode() * 1000)[:-20], "damaged"),
        (b"PK\x03\x04rest", "workbook"),
    ],
)
async def test_an_unreadable_file_leaves_the_old_ranking(
    database: Database, tmp_path: Path, text: bytes, says: str
) -> None:
    """PROMISE: nothing of it is loaded, and the load row says why in a sentence."""
    posts = some("summer", "a")
    await load(database, tmp_path, text_of(posts))

    with pytest.raises(UnreadableFile, match=says):
        await load(database, tmp_path, text)

    row = (await queries.imports(database, "acme", before=None, limit=1))[0]
    assert row["status"] == "failed"
    assert says in row["error"]
    assert await shown(database) == ranking(posts)


async def test_too_many_rejects_load_nothing(database: Database, tmp_path: Path) -> None:
    text = HEAD + "s,a,1,1,1,1\n" * 9 + "s,b,0,1,1,1\n"
    await load(database, tmp_path, text, options=Options(most_rejects_percent=10))

    with pytest.raises(TooManyRejects, match=r"1 of 10 rows were rejected: 10 %"):
        await load(database, tmp_path, text + "\n", options=Options(most_rejects_percent=9.9))

    assert len(await shown(database)) == 1


async def test_a_load_given_up_by_others_takes_no_effect(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PROMISE: what was shown as failed stays failed, even if its process wakes up again."""
    posts = some("summer", "a")
    path = tmp_path / "performance.csv"
    path.write_text(text_of(posts))
    options = Options()
    import_id = await service.begin(database, "acme", file_name="f", options=options)
    monkeypatch.setattr(service, "SILENT_SECONDS", -1)
    async with database.transaction() as tx:
        assert await service.fail_silent(tx) == [import_id]

    with pytest.raises(GivenUp):
        await pipeline.load(
            database, "acme", import_id, pipeline.File(str(path), tmp_path, None, options), Progress()
        )

    assert await shown(database) == []


def test_two_loads_may_keep_their_rejects_under_one_name(tmp_path: Path) -> None:
    """Breaks if they share a draft: its lines would be mixed, and only one could put it in its place."""
    path = tmp_path / "rejects.csv"
    with rejects_of(path) as one, rejects_of(path) as other:
        for line, rejects in ((2, one), (3, other)):
            rejects.keep([Rejected(line, Reject(Reason.BLANK_ID), b"x")])

        one.publish()
        assert path.read_text() == "line,reason,column,raw\n2,blank_id,,x\n"
        other.publish()

    assert path.read_text() == "line,reason,column,raw\n3,blank_id,,x\n"
    assert list(tmp_path.iterdir()) == [path]


async def test_a_load_given_up_while_it_was_written_is_not_completed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PROMISE: the last statement asks whether the load is still believed in, whatever its beats have seen.

    Breaks if only its beats, or its lost connection, end it: by chance they come too late.
    """
    import_id = await service.begin(database, "acme", file_name="f", options=Options())
    monkeypatch.setattr(service, "SILENT_SECONDS", -1)
    async with database.transaction() as tx:
        assert await service.fail_silent(tx) == [import_id]

    with pytest.raises(GivenUp):
        async with database.transaction() as tx:
            await service.complete(
                tx,
                "acme",
                import_id,
                rows=_nothing,
                pairs=0,
                sha256=b"",
                human_numbers=False,
                tally=Tally(),
                warnings=(),
            )

    (row,) = await queries.imports(database, "acme", before=None, limit=9)
    assert row["status"] == "failed"


async def _nothing() -> AsyncIterator[bytes]:
    for block in ():
        yield block


async def test_a_lively_load_is_not_given_up(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    import_id = await service.begin(database, "acme", file_name="f", options=Options())
    async with database.transaction() as tx:
        assert await service.fail_silent(tx) == []

    await service.note(database, "acme", import_id, Progress(step="reading"))


@pytest.mark.usefixtures("way")
async def test_readers_never_see_half_a_load(database: Database, tmp_path: Path) -> None:
    """PROMISE: a reader sees the old ranking or the new one. Breaks if a load commits in steps."""
    creators = [f"creator-{number:03}" for number in range(300)]
    old, new = some("summer", *creators), some("summer", *creators, likes=400)
    await load(database, tmp_path, text_of(old))
    done = asyncio.Event()
    seen: set[tuple[Ranked, ...]] = set()

    async def read() -> None:
        while not done.is_set():
            seen.add(tuple(await shown(database, "summer")))

    readers = [asyncio.create_task(read()) for _ in range(3)]
    for posts in (new, old, new):
        await load(database, tmp_path, text_of(posts))
    done.set()
    await asyncio.gather(*readers)

    assert seen <= {tuple(ranking(old)), tuple(ranking(new))}
    assert len(seen) == 2


async def test_human_numbers_are_read_when_asked_for(database: Database, tmp_path: Path) -> None:
    text = HEAD + 's,a,"12,345",1.2K,1,1\n'
    await load(database, tmp_path, text)
    assert await shown(database) == []

    await load(database, tmp_path, text, options=Options(human_numbers=True))

    assert await shown(database) == ranking([Post("s", "a", 12_345, 1200, 1, 1)])


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("how", ["renamed over", "written to", "taken away"])
@pytest.mark.parametrize("when", ["while it is read", "before it is copied"])
async def test_a_file_that_changes_during_its_load_is_not_loaded(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, when: str
) -> None:
    """PROMISE: counts and ids are of one file. Breaks if the ids are read by name after the counts."""
    posts = some("summer", "a", "b")
    await load(database, tmp_path, text_of(posts))
    path = tmp_path / "performance.csv"
    step = "famedash.performers.pipeline." + ("header.read" if when == "while it is read" else "_mapped")
    true = {"while it is read": pipeline.header.read, "before it is copied": pipeline._mapped}[when]

    def change_first(given: Any) -> object:
        new = text_of(some("summer", *"fedc"))
        if how == "renamed over":
            (tmp_path / "new.csv").write_text(new)
            (tmp_path / "new.csv").rename(path)
        elif how == "written to":
            path.write_text(new)
        found = true(given)
        if how == "taken away":
            path.unlink()
        return found

    monkeypatch.setattr(step, change_first)

    with pytest.raises((UnreadableFile, Unavailable), match=r"changed|No such file"):
        await load(database, tmp_path, text_of(some("summer", *"cdef")))

    assert await shown(database) == ranking(posts)
    assert (await queries.imports(database, "acme", before=None, limit=1))[0]["status"] == "failed"
