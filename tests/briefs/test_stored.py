"""Every brief that was written is there to be read again, by its own workspace."""

import pytest

from tests.briefs.grounds import REQUEST
from tests.briefs.houses import House, a_house, open_house  # noqa: F401 - fixtures

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_brief_is_stored_as_it_was_answered_with_what_was_asked(house: House) -> None:
    more = {
        "campaignId": "spring",
        "audience": "students",
        "language": "pt_br",
        "budget": {"amount": 1500.50, "currency": "EUR"},
        "mustMention": ["vegano"],
    }
    brief = await house.brief(brand="  Lumi\u200bario ", **more)

    stored = await house.get(f"/briefs/{brief['meta']['id']}")

    assert stored["brief"] == brief
    assert list(stored["brief"]) == list(brief)
    assert stored["request"] == {
        **REQUEST,
        **more,
        "brand": "Lumiario",
        "language": "pt-BR",
        "budget": {"amount": 1500.5, "currency": "EUR"},
    }
    assert (stored["id"], stored["createdBy"], stored["feedback"]) == (brief["meta"]["id"], "ada", None)


async def test_the_ledger_and_the_sources_are_stored(house: House) -> None:
    brief = await house.brief()

    stored = (await house.get(f"/briefs/{brief['meta']['id']}"))["brief"]

    called = [(call["name"], call["decidedBy"], call["error"]) for call in stored["toolCalls"]]
    assert called == [
        (name, "model", None) for name in ("trendFetcher", "personaClassifier", "creativeAngle")
    ]
    assert stored["sources"].keys() == {"knowledge", "trends", "performers"}
    assert stored["sources"]["trends"]["origin"] == "curated"
    assert stored["sources"]["trends"]["hashtags"] == stored["toolCalls"][0]["result"]["hashtags"]


async def test_a_list_shows_each_brief_once_the_newest_first_page_by_page(house: House) -> None:
    asked = [await house.brief(brand=f"Brand {number}") for number in range(5)]
    seen, sizes, path = [], [], "/briefs?limit=2"

    while path:
        page = await house.get(path)
        seen += page["items"]
        sizes.append(len(page["items"]))
        path = page["nextCursor"] and f"/briefs?limit=2&cursor={page['nextCursor']}"

    assert sizes == [2, 2, 1]
    assert [each["id"] for each in seen] == [each["meta"]["id"] for each in reversed(asked)]
    assert [each["caption"] for each in seen] == [each["caption"] for each in reversed(asked)]
    assert [each["brand"] for each in seen] == [f"Brand {number}" for number in (4, 3, 2, 1, 0)]
    assert seen[0].keys() == {
        *("id", "createdAt", "campaignId", "brand", "product", "platform"),
        *("engine", "model", "caption", "verdict"),
    }


async def test_a_full_last_page_is_the_last(house: House) -> None:
    for number in range(2):
        await house.brief(brand=f"Brand {number}")

    assert (await house.get("/briefs?limit=2"))["nextCursor"] is None


async def test_a_list_can_be_of_one_campaign(house: House) -> None:
    spring = await house.brief(campaignId="spring")
    await house.brief(campaignId="autumn")
    await house.brief()

    found = (await house.get("/briefs?campaignId=spring"))["items"]

    assert [each["id"] for each in found] == [spring["meta"]["id"]]
    assert (await house.get("/briefs?campaignId=winter"))["items"] == []


@pytest.mark.parametrize("query", ["cursor=nonsense", "limit=0", "limit=many", "campaignId=" + "x" * 201])
async def test_a_question_that_makes_no_sense_is_refused_by_name(house: House, query: str) -> None:
    reply = await house.api().get(f"/briefs?{query}")

    assert (reply.status, reply.fields) == (422, [query.partition("=")[0]])


async def test_a_repeat_from_the_cache_stores_nothing_more(house: House) -> None:
    first, again = await house.ask(), await house.ask()

    assert again.headers["X-Cache"] == "HIT"
    assert again.json["meta"]["id"] == first.json["meta"]["id"]
    assert len((await house.get("/briefs"))["items"]) == 1


async def test_another_workspace_has_neither_the_brief_nor_the_cached_answer(house: House) -> None:
    brief = await house.brief()
    path = f"/briefs/{brief['meta']['id']}"
    other = house.api(f"{house.workspace}-other")

    read = await other.get(path)
    told = await other.post({"verdict": "used"}, path=f"{path}/feedback")
    asked = await other.post(REQUEST, path="/generate-brief")

    assert (read.status, told.status) == (404, 404)
    assert asked.headers["X-Cache"] == "MISS"
    assert (await house.get(path))["feedback"] is None


@pytest.mark.parametrize("brief_id", ["0192f0c1-7c2b-7d30-9d2e-5b0f5f2a1c11", "1", "not-an-id", "%2e%2e"])
async def test_an_id_of_nothing_is_not_found(house: House, brief_id: str) -> None:
    reply = await house.api().get(f"/briefs/{brief_id}")

    assert reply.status == 404
