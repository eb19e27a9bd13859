"""Knowledge over HTTP: shapes, refusals by name, repeats, workspaces, an embedder that is away."""

import asyncio
import json
import re
from collections.abc import Sequence
from uuid import uuid4

import aiohttp
import pytest

from famedash.briefs.knowledge import queries
from famedash.briefs.knowledge.model import Vectors
from famedash.briefs.knowledge.pipeline import Sources
from famedash.briefs.knowledge.schemas import read
from famedash.infra.auth.principal import SCOPES
from famedash.infra.database import Database
from famedash.infra.errors import Unavailable
from tests.briefs.knowledge.conftest import ApiOf, app_of
from tests.campaigns.api import Api, Reply
from tests.secrets import token
from tests.serving import serving

VOICE = {"title": "Voice", "text": "# Tone\n\nWarm and plain.", "brand": "Acme", "platform": "instagram"}


async def add(api: Api, **fields: object) -> Reply:
    return await api.post({**VOICE, **fields}, path="/knowledge")


async def listed(api: Api, query: str = "") -> list[str]:
    return [each["title"] for each in (await api.get(f"/knowledge{query}")).json["items"]]


async def test_a_document_is_created_and_can_be_read(api: Api) -> None:
    created = await add(api)

    document = created.json
    assert created.status == 201
    assert created.headers["Location"] == f"/knowledge/{document['id']}"
    assert {**document, "id": "", "createdAt": ""} == {
        "id": "",
        "title": "Voice",
        "brand": "Acme",
        "platform": "instagram",
        "kind": "guideline",
        "chunks": 1,
        "characters": 23,
        "createdAt": "",
    }
    read = await api.get(created.headers["Location"])
    assert (read.status, read.json) == (200, {**document, "text": VOICE["text"]})


async def test_markdown_is_taken_as_it_is(api: Api) -> None:
    reply = await api.post(
        data="\ufeff# Ton\r\n\r\nWärme 🌞".encode(),
        path="/knowledge?title=Ton%C3%A9&brand=Dr.%20Reddy%27s%20%26%20Co&platform=TikTok",
        Content_Type="text/markdown; charset=utf-8",
    )

    assert reply.status == 201
    assert (reply.json["title"], reply.json["brand"], reply.json["platform"]) == (
        "Toné",
        "Dr. Reddy's & Co",
        "tiktok",
    )
    read = (await api.get(reply.headers["Location"])).json
    assert read["text"] == "# Ton\r\n\r\nWärme 🌞"


@pytest.mark.parametrize(
    "change", [{}, {"title": "Other"}, {"brand": "ACME "}], ids=["same", "other title", "brand in capitals"]
)
async def test_the_same_again_is_the_document_that_is_there(api: Api, change: dict[str, str]) -> None:
    """PROMISE: sending again is safe."""
    first = await add(api)

    again = await add(api, **change)

    assert (again.status, again.json) == (200, first.json)
    assert again.headers["Location"] == first.headers["Location"]
    assert await listed(api) == ["Voice"]


async def test_the_same_at_the_same_time_is_one_document(api: Api) -> None:
    replies = await asyncio.gather(*(add(api) for _ in range(8)))

    assert sorted(reply.status for reply in replies) == [200] * 7 + [201]
    assert len({reply.json["id"] for reply in replies}) == 1
    assert len((await api.get("/knowledge/search?query=tone")).json["items"]) == 1


@pytest.mark.parametrize(
    "change", [{"brand": "Other"}, {"brand": None}, {"platform": None}, {"text": "Cold."}]
)
async def test_the_same_about_something_else_is_another_document(api: Api, change: dict[str, object]) -> None:
    first = await add(api)

    other = await add(api, **change)

    assert other.status == 201
    assert other.json["id"] != first.json["id"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"title": "two\nlines"}, "title"),
        ({"title": None}, "title"),
        ({"text": " \n "}, "text"),
        ({"text": "x" * 200_001}, "text"),
        ({"text": "a\0b"}, "text"),
        ({"text": 5}, "text"),
        ({"brand": "x" * 201}, "brand"),
        ({"brand": "\u200b"}, "brand"),
        ({"platform": "myspace"}, "platform"),
        ({"kind": "rumour"}, "kind"),
        ({"workspace": "rival"}, "workspace"),
        ({"origin": "brief:1"}, "origin"),
    ],
)
async def test_a_field_that_is_not_valid_is_refused_by_name(
    api: Api, change: dict[str, object], field: str
) -> None:
    reply = await add(api, **change)

    assert (reply.status, reply.fields) == (422, [field])
    assert await listed(api) == []


async def test_characters_are_counted_not_bytes(api: Api) -> None:
    reply = await add(api, text="🌞 " * 100)

    assert (reply.status, reply.json["characters"]) == (201, 200)


def test_the_largest_text_is_acceptable() -> None:
    largest = {**VOICE, "text": "🌞" * 200_000}

    assert len(read(json.dumps(largest).encode(), "application/json", {}).text) == 200_000


@pytest.mark.parametrize(
    ("content_type", "path", "data", "refused"),
    [
        ("application/json", "/knowledge", b"{", (400, [])),
        ("application/json", "/knowledge", b'{"title": "\\ud800", "text": "x"}', (400, [])),
        ("application/json", "/knowledge", b"[]", (422, ["body"])),
        ("application/pdf", "/knowledge?title=a", b"%PDF", (422, ["Content-Type"])),
        ("text/plain", "/knowledge?title=a", b"\xff", (422, ["body"])),
        ("text/plain", "/knowledge?title=a", b"", (422, ["text"])),
        ("text/plain", "/knowledge?title=a", b"a\0b", (422, ["text"])),
        ("text/plain", "/knowledge", b"a", (422, ["title"])),
        ("text/plain", "/knowledge?title=a&platform=myspace", b"a", (422, ["platform"])),
    ],
)
async def test_a_body_that_is_not_what_it_should_be_is_refused(
    api: Api, content_type: str, path: str, data: bytes, refused: tuple[int, list[str]]
) -> None:
    reply = await api.post(data=data, path=path, Content_Type=content_type)

    assert (reply.status, reply.fields) == refused
    assert reply.headers["Content-Type"] == "application/problem+json"


async def test_the_list_is_newest_first_in_pages_that_together_are_the_whole(api: Api) -> None:
    for number in range(5):
        await add(api, title=f"t{number}", text=f"Text {number}.")
    titles, cursor = [], ""

    while cursor is not None:
        reply = (await api.get(f"/knowledge?limit=2&cursor={cursor}")).json
        titles += [each["title"] for each in reply["items"]]
        assert all("text" not in each for each in reply["items"])
        cursor = reply["nextCursor"]

    assert titles == ["t4", "t3", "t2", "t1", "t0"]


async def test_the_list_can_be_narrowed_down(api: Api) -> None:
    await add(api, title="a")
    await add(api, title="b", brand="Other")
    await add(api, title="c", platform="tiktok", brand=None)

    assert await listed(api, "?brand=ACME") == ["a"]
    assert await listed(api, "?platform=TikTok") == ["c"]
    assert await listed(api, "?brand=Other&platform=tiktok") == []


@pytest.mark.parametrize("cursor", ["x", "W10", "WzEsMl0", "WyJhIiwiYiJd"])
async def test_a_forged_cursor_is_refused(api: Api, cursor: str) -> None:
    reply = await api.get(f"/knowledge?cursor={cursor}")

    assert (reply.status, reply.fields) == (422, ["cursor"])


async def test_a_search_answers_passages_the_best_first(api: Api, api_of: ApiOf) -> None:
    for each in (api, api_of("rival")):
        await add(each, title="Reef", text="No oxybenzone, so corals are safe.", platform=None)
        await add(each, title="Roast", text="Roasted on Mondays.", brand="Other", platform=None)

    found = (await api.get("/knowledge/search?query=harm%20to%20the%20ocean")).json
    narrow = (await api.get("/knowledge/search?query=harm&brand=other&platform=x")).json["items"]
    one = (await api.get("/knowledge/search?query=harm&limit=1")).json["items"]

    assert [each["title"] for each in found["items"]] == ["Reef", "Roast"]
    assert found["nextCursor"] is None
    assert set(found["items"][0]) == {"documentId", "title", "heading", "text", "score"}
    assert [each["title"] for each in narrow] == ["Roast"]
    assert len(one) == 1


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "query"),
        ("?query=", "query"),
        ("?query=a&limit=21", "limit"),
        ("?query=a&platform=myspace", "platform"),
        ("?query=a&brand=%20", "brand"),
    ],
)
async def test_a_search_that_makes_no_sense_is_refused(api: Api, query: str, field: str) -> None:
    reply = await api.get(f"/knowledge/search{query}")

    assert (reply.status, reply.fields) == (422, [field])


async def test_a_deleted_document_is_gone(api: Api) -> None:
    path = (await add(api)).headers["Location"]

    deleted = await api.send("DELETE", path)

    assert (deleted.status, deleted.body) == (204, b"")
    assert (await api.get(path)).status == 404
    assert (await api.send("DELETE", path)).status == 404
    assert (await api.get("/knowledge/search?query=tone")).json["items"] == []


async def test_another_workspace_sees_nothing_and_reaches_nothing(api: Api, api_of: ApiOf) -> None:
    """PROMISE: a foreign id is answered like one that exists nowhere, and lists are apart."""
    path, rival = (await add(api)).headers["Location"], api_of("rival")

    for method in ("GET", "DELETE"):
        foreign = await rival.send(method, path)
        nowhere = [await rival.send(method, f"/knowledge/{id}") for id in (uuid4(), "nowhere")]
        assert foreign.status == 404
        assert [each.body for each in nowhere] == [foreign.body] * 2

    assert await listed(rival) == []
    assert (await rival.get("/knowledge/search?query=tone")).json["items"] == []
    assert (await add(rival)).status == 201
    assert (await api.get(path)).status == 200


async def test_without_the_scope_nothing_is_done(api: Api, api_of: ApiOf) -> None:
    path = (await add(api)).headers["Location"]
    other = api_of("acme", scopes=SCOPES - {"knowledge:write"})

    replies = [
        await add(other, text="More."),
        await other.get("/knowledge"),
        await other.get("/knowledge/search?query=a"),
        await other.get(path),
        await other.send("DELETE", path),
    ]

    assert [reply.status for reply in replies] == [403] * 5
    assert await listed(api) == ["Voice"]


class Away:
    id, dimensions = "away", None

    async def embed(self, texts: Sequence[str]) -> Vectors:
        raise Unavailable("The embeddings server does not answer as it should.")


async def test_an_embedder_that_is_away_is_503_and_nothing_is_kept(database: Database) -> None:
    app = await app_of(Sources(database, Away()))
    async with serving(app) as base_url, aiohttp.ClientSession() as session:
        api = Api(session, base_url, token("acme"))

        added, searched = await add(api), await api.get("/knowledge/search?query=tone")

    assert (added.status, searched.status) == (503, 503)
    assert added.headers["Retry-After"] == "1"
    assert await queries.newest(database, "acme", limit=1) == []
    assert await queries.version(database, "acme") == 0


async def test_the_openapi_document_names_both_kinds_of_body(api: Api) -> None:
    document = (await api.get("/openapi.json")).json

    operation = document["paths"]["/knowledge"]["post"]
    assert set(operation["requestBody"]["content"]) == {"application/json", "text/markdown", "text/plain"}
    assert {each["name"] for each in operation["parameters"]} == {"title", "brand", "platform"}
    schemas = document["components"]["schemas"]
    references = re.findall(r'"\$ref": "#/(.*?)"', json.dumps(operation["requestBody"]))
    assert references
    assert [each for each in references if each.removeprefix("components/schemas/") not in schemas] == []
