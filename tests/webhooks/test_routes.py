"""`/logs` and `/dead-letters` over HTTP: shapes, scopes, refusals by name, pages."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from famedash.infra.database import Database
from famedash.infra.ids import uuid7
from famedash.webhooks import store
from famedash.webhooks.model import Attempt, Status
from tests.campaigns.api import Api
from tests.flow.system import System, running
from tests.webhooks.builders import NOON, answer, delivery

LISTS = ("/logs", "/dead-letters")
WRITES = frozenset({"webhooks:write"})


@pytest.fixture
async def system(database_url: str, redis_url: str) -> AsyncIterator[System]:
    async with running(database_url, redis_url, workers=0) as system:
        yield system


@pytest.fixture
async def api(system: System) -> Api:
    return system.api


async def died(database: Database, versions: int, campaign_id: str = "summer", **more: Any) -> None:
    """So many deliveries that were given up at their first try, version by version."""
    deaths = [
        Attempt(uuid7(), delivery(version, campaign_id, **more), 1, Status.DEAD, NOON, answer(500))
        for version in range(1, versions + 1)
    ]
    async with database.transaction() as tx:
        await store.insert_attempts(tx, deaths)
        await store.insert_letters(tx, [(uuid7(), death) for death in deaths], NOON)


async def pages(api: Api, path: str, limit: int) -> AsyncIterator[list[dict[str, Any]]]:
    """Page after page, as a client follows `nextCursor`."""
    cursor: str | None = ""
    separator = "&" if "?" in path else "?"
    while cursor is not None:
        reply = await api.get(f"{path}{separator}limit={limit}&cursor={cursor}")
        assert reply.status == 200, reply.body
        yield reply.json["items"]
        cursor = reply.json["nextCursor"]


def versions(items: list[dict[str, Any]]) -> list[int]:
    return [item["version"] for item in items]


@pytest.mark.parametrize("path", LISTS)
async def test_who_may_only_write_reads_no_list(system: System, path: str) -> None:
    reply = await system.api_of("acme", WRITES).get(path)

    assert reply.status == 403
    assert "webhooks:read" in reply.headers["WWW-Authenticate"]


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("limit=1001", "limit"),
        ("limit=x", "limit"),
        ("limit=", "limit"),
        ("limit=1.5", "limit"),
        ("limit=99999999999999999999999", "limit"),
        ("cursor=x", "cursor"),
        ("cursor=!!!", "cursor"),
        ("cursor=%C3%A9", "cursor"),
        ("cursor=WzFd", "cursor"),  # [1]
        ("cursor=WyJub3QgYW4gaWQiXQ", "cursor"),  # ["not an id"]
        ("cursor=W10", "cursor"),  # []
        ("cursor=" + "x" * 2001, "cursor"),
        ("campaignId=" + "x" * 201, "campaignId"),
    ],
)
async def test_a_malformed_query_is_refused_by_the_name_of_its_parameter(
    api: Api, path: str, query: str, field: str
) -> None:
    reply = await api.get(f"{path}?{query}")

    assert (query, reply.status, reply.fields) == (query, 422, [field])
    assert reply.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("query", ["campaignId=a%00b", "cursor=%00", "limit=%00", "elsewhere=%00"])
async def test_u0000_anywhere_in_the_query_is_refused(api: Api, path: str, query: str) -> None:
    """Refused for the whole address, before a route reads its parameters: PostgreSQL could not compare it."""
    reply = await api.get(f"{path}?{query}")

    assert (reply.status, reply.headers["Content-Type"]) == (422, "application/problem+json")
    assert "U+0000" in reply.json["detail"]


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("query", ["limit=1", "limit=1000", "cursor=", "campaignId=" + "x" * 200])
async def test_the_bounds_themselves_are_taken(api: Api, path: str, query: str) -> None:
    reply = await api.get(f"{path}?{query}")

    assert (reply.status, reply.json) == (200, {"items": [], "nextCursor": None})


@pytest.mark.parametrize("limit", [1, 3, 7, 10])
async def test_the_pages_of_the_log_are_everything_once_oldest_first(
    api: Api, database: Database, limit: int
) -> None:
    await died(database, 7)
    await died(database, 3, workspace="rival")

    found = [versions(items) async for items in pages(api, "/logs", limit)]

    assert [version for page in found for version in page] == [1, 2, 3, 4, 5, 6, 7]
    assert all(len(page) == limit for page in found[:-1])
    assert found[-1] != []


@pytest.mark.parametrize("limit", [1, 3, 7, 10])
async def test_the_pages_of_the_dead_letters_are_everything_once_newest_first(
    api: Api, database: Database, limit: int
) -> None:
    await died(database, 7)
    await died(database, 3, workspace="rival")

    found = [versions(items) async for items in pages(api, "/dead-letters", limit)]

    assert [version for page in found for version in page] == [7, 6, 5, 4, 3, 2, 1]
    assert all(len(page) == limit for page in found[:-1])
    assert found[-1] != []


@pytest.mark.parametrize(
    ("path", "expected"), [("/logs", [1, 2, 3, 4, 1, 2]), ("/dead-letters", [4, 3, 2, 1])]
)
async def test_what_comes_while_pages_are_turned_shifts_nothing(
    api: Api, database: Database, path: str, expected: list[int]
) -> None:
    """Breaks if a page is counted from the beginning: newer rows would push older ones into it twice."""
    await died(database, 4)

    found: list[int] = []
    async for items in pages(api, path, 2):
        if not found:
            await died(database, 2)
        found += versions(items)

    assert found == expected


@pytest.mark.parametrize("path", LISTS)
async def test_pages_of_one_campaign_hold_nothing_else(api: Api, database: Database, path: str) -> None:
    for _ in range(3):
        await died(database, 2, "summer")
        await died(database, 2, "winter")

    found = [items async for items in pages(api, f"{path}?campaignId=winter", 4)]

    assert [len(items) for items in found] == [4, 2]
    assert {item["campaignId"] for items in found for item in items} == {"winter"}


@pytest.mark.parametrize("path", LISTS)
async def test_a_cursor_of_another_workspace_opens_nothing(system: System, path: str) -> None:
    """PROMISE: a cursor is a place, not a key."""
    await died(system.database, 3)
    cursor = (await system.api.get(f"{path}?limit=1")).json["nextCursor"]

    reply = await system.api_of("rival").get(f"{path}?cursor={cursor}")

    assert (reply.status, reply.json) == (200, {"items": [], "nextCursor": None})


async def test_the_first_page_of_the_log_is_a_thousand_and_of_the_letters_fifty(
    api: Api, database: Database
) -> None:
    await died(database, 1001)

    sizes = {path: len((await api.get(path)).json["items"]) for path in LISTS}

    assert sizes == {"/logs": 1000, "/dead-letters": 50}


async def test_a_row_of_each_list_has_the_fields_that_the_openapi_document_names(
    api: Api, database: Database
) -> None:
    await died(database, 1)
    schemas = (await api.get("/openapi.json")).json["components"]["schemas"]

    for path, schema in zip(LISTS, ("AttemptShown", "DeadLetterShown"), strict=True):
        (row,) = (await api.get(path)).json["items"]
        assert (path, set(row)) == (path, set(schemas[schema]["properties"]))
        assert (row["campaignId"], row["version"], row["httpStatus"]) == ("summer", 1, 500)
