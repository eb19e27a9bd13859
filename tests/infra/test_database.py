"""Transactions at the edge: what follows a commit, and what a way in that does not exist looks like."""

from collections.abc import Callable
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from famedash.infra.database import GONE, Database, open_database
from famedash.infra.errors import Postponed


async def change(database: Database, seen: list[str], *statements: str) -> None:
    """One transaction that runs these, and says what is to follow it."""
    async with database.transaction() as tx:
        for name in ("first", "second"):
            tx.after_commit(lambda name=name: seen.append(name))  # type: ignore[misc]
        for sql in statements:
            await tx.fetchval(sql)
        assert seen == []


async def test_what_is_to_follow_a_commit_follows_it_in_order(database: Database) -> None:
    seen: list[str] = []

    await change(database, seen, "create table things (id int)", "insert into things values (1)")

    assert seen == ["first", "second"]
    assert await database.fetchval("select count(*) from things") == 1


@pytest.mark.parametrize(
    ("last_words", "error"),
    [
        ("select 1 / 0", asyncpg.DivisionByZeroError),
        ("insert into things values (1), (1)", asyncpg.UniqueViolationError),
        ("select pg_terminate_backend(pg_backend_pid())", GONE),
    ],
    ids=["statement", "commit", "server"],
)
async def test_nothing_follows_a_commit_that_did_not_happen(
    database: Database, last_words: str, error: type[Exception]
) -> None:
    """PROMISE: what must follow a commit never follows a failed one.

    Breaks if callbacks run at the end of the body: the deferred constraint fails only at COMMIT.
    """
    seen: list[str] = []
    await database.fetchval("create table things (id int primary key deferrable initially deferred)")

    with pytest.raises(error):
        await change(database, seen, last_words)

    assert seen == []
    assert await database.fetchval("select count(*) from things") == 0


def without_database(url: str) -> str:
    return url.rpartition("/")[0] + "/no_such_database"


def without_role(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"no_such_role:x@{parts.netloc.rpartition('@')[2]}"))


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        (without_database, asyncpg.InvalidCatalogNameError),
        (without_role, asyncpg.InvalidAuthorizationSpecificationError),
    ],
)
async def test_a_way_in_that_does_not_exist_is_a_database_that_cannot_be_reached(
    database_url: str, changed: Callable[[str], str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await asyncpg.connect(changed(database_url))

    with pytest.raises(Postponed, match="cannot be reached"):
        async with open_database(changed(database_url), application="test"):
            pass
