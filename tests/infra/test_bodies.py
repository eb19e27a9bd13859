"""What may stand in a request body, and how lists are paged."""

import json
import math
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from famedash.infra.errors import Invalid
from famedash.infra.http.paging import decode_cursor, encode_cursor
from famedash.infra.http.texts import refuse_unsound
from tests.infra.app import client
from tests.infra.test_problems import fields, problem


@pytest.fixture
async def api() -> AsyncIterator[aiohttp.ClientSession]:
    async with client() as session:
        yield session


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (r'{"name":"a\u0000b"}', "name"),
        (r'{"name":"a\ud800b"}', "name"),
        (r'{"name":"x","platforms":["y","\u0000"]}', "platforms[1]"),
        (r'{"name":"x","metadata":{"a":[{"b":"\u0000"}]}}', "metadata.a[0].b"),
        (r'{"name":"x","metadata":{"a":{"b\u0000":1}}}', "metadata.a"),
        (r'{"name":"x","metadata":{"path":{"query":"\u0000"}}}', "metadata.path.query"),
        (r'{"name":"x","metadata":{"a":NaN}}', "metadata.a"),
        (r'{"name":"x","metadata":{"a":1e999}}', "metadata.a"),
        (r'{"name":"x","budget":{"amount":"1\u0000"}}', "budget.amount"),
        ('{"name":"x","metadata":{"a":' + "[" * 65 + "]" * 65 + "}}", "metadata.a[0]"),
    ],
)
async def test_what_cannot_be_stored_is_422_and_names_its_field(
    api: aiohttp.ClientSession, body: str, field: str
) -> None:
    """PROMISE: U+0000, half surrogate pairs and NaN never reach PostgreSQL, where they would be a 500."""
    response = await api.post("/things", data=body, headers={"Content-Type": "application/json"})

    assert response.status == 422
    assert list(fields(await problem(response))) == [field]


async def test_unusual_but_sound_text_is_taken_as_it_is(api: aiohttp.ClientSession) -> None:
    metadata = {"emoji": "👩🏽‍🚀", "written": "\\u0000", "null": None, "deep": [[[[["x"]]]]], "": "\x01"}
    response = await api.post("/things", json={"name": "日本語", "metadata": metadata})

    assert response.status == 200
    taken = await response.json()
    assert (taken["name"], taken["metadata"]) == ("日本語", metadata)


def sound(value: Any) -> bool:
    """The rule, said slowly."""
    if isinstance(value, str):
        return all(each != "\0" and not 0xD800 <= ord(each) <= 0xDFFF for each in value)
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(sound(key) and sound(each) for key, each in value.items())
    return all(sound(each) for each in value) if isinstance(value, list) else True


letters = st.sampled_from(["a", "\0", "\ud800", "😀", "\\", "u0000", "null"])
texts = st.lists(letters, max_size=3).map("".join)
scalars = st.one_of(texts, st.none(), st.booleans(), st.integers(), st.floats())
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)
)


@given(values)
def test_the_quick_look_and_the_search_agree_with_the_rule(value: Any) -> None:
    try:
        refuse_unsound(value)
        refused = False
    except Invalid:
        refused = True

    assert refused is not sound(value)


async def test_pages_follow_each_other_without_gap_or_repeat(api: aiohttp.ClientSession) -> None:
    items, cursor = [], ""
    for _ in range(3):
        answer = await (await api.get("/things", params={"cursor": cursor})).json()
        items += answer["items"]
        cursor = answer["nextCursor"]

    assert items == [0, 1, 2, 3, 4]
    assert cursor is None


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "x", "1.5"])
async def test_a_limit_outside_of_1_to_1000_is_422(api: aiohttp.ClientSession, limit: str) -> None:
    response = await api.get("/things", params={"limit": limit})

    assert list(fields(await problem(response))) == ["limit"]


@pytest.mark.parametrize("limit", ["1", "1000"])
async def test_a_limit_from_1_to_1000_is_taken(api: aiohttp.ClientSession, limit: str) -> None:
    assert (await api.get("/things", params={"limit": limit})).status == 200


@pytest.mark.parametrize(
    "cursor",
    ["x", "####", "é", "eyJhIjoxfQ", encode_cursor(("text",)), encode_cursor((1, 2)), encode_cursor(1)],
)
async def test_a_broken_or_foreign_cursor_is_422_and_named(api: aiohttp.ClientSession, cursor: str) -> None:
    response = await api.get("/things", params={"cursor": cursor})

    assert response.status == 422
    assert list(fields(await problem(response))) == ["cursor"]


def test_a_forged_cursor_brings_no_u_0000_past_the_edge() -> None:
    with pytest.raises(Invalid):
        decode_cursor(encode_cursor(("a\0b",)), tuple[str])


@given(st.tuples(st.integers(-(2**53), 2**53), st.text(st.characters(exclude_categories=["Cs", "Cc"]))))
def test_a_cursor_brings_back_what_it_was_made_of(position: tuple[int, str]) -> None:
    assert decode_cursor(encode_cursor(position), tuple[int, str]) == position


async def test_decimals_are_numbers_and_times_end_with_z(api: aiohttp.ClientSession) -> None:
    text = await (await api.get("/values")).text()

    assert text == '{"amount":12.50,"at":"2026-07-01T12:00:00Z"}'
    assert json.loads(text)["amount"] == 12.5
