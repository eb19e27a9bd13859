"""`famedash bench etl` prints no figure for work that was not done right."""

from collections.abc import Sequence

import pytest

from famedash.infra.auth.settings import Misconfigured
from famedash.infra.database import Database
from famedash.processes.bench import etl, loads, tops
from famedash.processes.bench.counted import Miscounted
from famedash.processes.bench.ground import WORKSPACE

FOUND = {"rows": 10.0, "pairs": 7.0, "views": 900.0, "seconds": 1.0}


def test_two_scans_that_find_the_same_pass() -> None:
    etl.compare(10, FOUND, FOUND | {"seconds": 2.0})
    etl.compare(10, FOUND, None)


@pytest.mark.parametrize("what", ["rows", "pairs", "views"])
def test_two_scans_that_differ_are_no_result(what: str) -> None:
    with pytest.raises(Miscounted, match="DuckDB"):
        etl.compare(10, FOUND, FOUND | {what: 8.0})


def test_a_scan_that_leaves_rows_out_is_no_result() -> None:
    with pytest.raises(Miscounted):
        etl.compare(11, FOUND, FOUND)


def test_too_little_room_is_said_before_anything_is_made() -> None:
    with pytest.raises(Misconfigured, match=r"needs 700000\.0 GB in .* are free; TMPDIR"):
        loads.require_space(10**12)


async def test_a_load_is_compared_with_the_scan_and_forgotten_afterwards(database: Database) -> None:
    await rank(database, [f"creator-{number:03}" for number in range(20)])

    await loads.check(database, WORKSPACE, pairs=20, views=20 * 1000)
    with pytest.raises(Miscounted):
        await loads.check(database, WORKSPACE, pairs=20, views=20 * 1000 + 1)
    await loads.forget(database, WORKSPACE)

    await loads.check(database, WORKSPACE, pairs=0, views=0)


async def test_a_page_that_is_not_what_a_plain_query_finds_is_no_result(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PROMISE: no time is printed for a wrong page. Breaks if answers are not looked at."""
    await rank(database, [f"creator-{number:03}" for number in range(tops.PLACES + 2 * tops.PAGE)])
    right = tops.queries.top

    await tops.by_query(database, ["summer", None])
    await tops.deep(database, "summer", tops.PAGE, 10)
    monkeypatch.setattr(tops.queries, "top", lambda *given, **named: right(*given, **named | {"after": None}))
    with pytest.raises(Miscounted):
        await tops.deep(database, "summer", tops.PAGE, 10)
    monkeypatch.setattr(tops.queries, "top", lambda *given, **named: right(*given, **named | {"limit": 9}))
    with pytest.raises(Miscounted):
        await tops.by_query(database, ["summer"])


async def rank(database: Database, creators: Sequence[str]) -> None:
    """Results of equal views, each with more likes than the one before."""
    async with database.transaction() as tx:
        await tx.execute(
            """
            insert into performances (workspace_id, campaign_id, influencer_id, posts, views, likes, comments,
                                      shares)
            select $1, 'summer', creator, 1, 1000, likes, 0, 0
            from unnest($2::text[]) with ordinality as given(creator, likes)
            """,
            WORKSPACE,
            creators,
        )
