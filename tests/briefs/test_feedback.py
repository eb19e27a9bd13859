"""What people say of a brief is kept, and what they found good is learned."""

from typing import Any

import pytest

from tests.briefs.houses import House, a_house, open_house  # noqa: F401 - fixtures
from tests.campaigns.api import Reply

pytestmark = pytest.mark.asyncio(loop_scope="module")

EDITED = "Lumiario glow serum, a launch that likes short routines: three drops and out of the door."


async def say(house: House, brief: Any, verdict: str, **more: Any) -> Reply:
    path = f"/briefs/{brief['meta']['id']}/feedback"
    return await house.api().post({"verdict": verdict, **more}, path=path)


async def learned(house: House) -> list[Any]:
    return list((await house.get("/knowledge"))["items"])


@pytest.mark.parametrize("verdict", ["used", "rejected"])
async def test_a_word_on_a_brief_is_kept(house: House, verdict: str) -> None:
    brief = await house.brief()

    reply = await say(house, brief, verdict, note="As discussed")

    assert reply.status == 201, reply.body
    word = {name: value for name, value in reply.json.items() if name != "learned"}
    assert (word["verdict"], word["note"], word["givenBy"]) == (verdict, "As discussed", "ada")
    assert (await house.get(f"/briefs/{brief['meta']['id']}"))["feedback"] == word
    assert (await house.get("/briefs"))["items"][0]["verdict"] == verdict


async def test_the_newest_word_counts(house: House) -> None:
    brief = await house.brief()

    for verdict in ("used", "rejected", "used"):
        await say(house, brief, verdict)
    await say(house, brief, "edited", editedCaption=EDITED)

    found = (await house.get(f"/briefs/{brief['meta']['id']}"))["feedback"]
    assert (found["verdict"], found["editedCaption"]) == ("edited", EDITED)
    assert len(await learned(house)) == 1


@pytest.mark.parametrize(
    ("word", "field"),
    [
        ({"verdict": "edited"}, "editedCaption"),
        ({"verdict": "edited", "editedCaption": None}, "editedCaption"),
        ({"verdict": "edited", "editedCaption": " \u200b"}, "editedCaption"),
        ({"verdict": "edited", "editedCaption": "x" * 10_001}, "editedCaption"),
        ({"verdict": "used", "editedCaption": EDITED}, "editedCaption"),
        ({"verdict": "rejected", "editedCaption": EDITED}, "editedCaption"),
        ({"verdict": "liked"}, "verdict"),
        ({}, "verdict"),
        ({"verdict": "used", "note": ""}, "note"),
        ({"verdict": "used", "stars": 5}, "stars"),
    ],
)
async def test_half_a_word_is_refused_by_name(house: House, word: dict[str, Any], field: str) -> None:
    brief = await house.brief()

    reply = await house.api().post(word, path=f"/briefs/{brief['meta']['id']}/feedback")

    assert (reply.status, reply.fields) == (422, [field])
    assert (await house.get(f"/briefs/{brief['meta']['id']}"))["feedback"] is None


async def test_a_used_brief_is_known_and_cited_by_the_next_of_its_brand(house: House) -> None:
    brief = await house.brief()
    reply = await say(house, brief, "used")

    [document] = await learned(house)
    following = await house.brief(product="Glow serum for the night")

    assert (reply.status, reply.json["learned"]) == (201, True)
    assert (document["kind"], document["brand"], document["platform"]) == (
        "past_brief",
        "Lumiario",
        "instagram",
    )
    assert [each["documentId"] for each in following["sources"]["knowledge"]] == [document["id"]]


async def test_an_edited_brief_is_known_as_it_was_used(house: House) -> None:
    brief = await house.brief()
    await say(house, brief, "used")
    await say(house, brief, "edited", editedCaption=EDITED)

    [document] = await learned(house)
    known = await house.get(f"/knowledge/{document['id']}")

    assert known["text"] == EDITED


async def test_another_brand_never_cites_it(house: House) -> None:
    await say(house, await house.brief(), "used")

    other = await house.brief(brand="Rivalo")

    assert other["sources"]["knowledge"] == []


async def test_a_rejected_brief_is_forgotten_and_no_longer_cited(house: House) -> None:
    brief = await house.brief()
    await say(house, brief, "used")
    citing = await house.ask(product="Glow serum for the night")
    reply = await say(house, brief, "rejected")

    after = await house.ask(product="Glow serum for the night")

    assert citing.json["sources"]["knowledge"] != []
    assert (reply.status, reply.json["learned"]) == (201, False)
    assert await learned(house) == []
    assert after.headers["X-Cache"] == "MISS"
    assert after.json["sources"]["knowledge"] == []


async def test_a_word_is_not_lost_while_the_embedder_is_away(house: House) -> None:
    """PROMISE: what a person said of a brief is on record, whoever else is away; said again, it is learned.

    Breaks if learning comes before the record, or in its transaction.
    """
    brief = await house.brief()
    house.embedder.is_away = True

    reply = await say(house, brief, "used")
    house.embedder.is_away = False

    assert (reply.status, reply.json["verdict"], reply.json["learned"]) == (201, "used", False)
    assert (await house.get(f"/briefs/{brief['meta']['id']}"))["feedback"]["verdict"] == "used"
    assert await learned(house) == []
    assert (await say(house, brief, "used")).json["learned"] is True
    assert len(await learned(house)) == 1


async def test_a_brand_of_500_characters_is_learned_too(house: House) -> None:
    brief = await house.brief(brand="Lumiario " * 55 + "Lumia", product="Serum " * 83)

    reply = await say(house, brief, "used")

    assert (reply.status, reply.json["learned"]) == (201, True)
    assert len(await learned(house)) == 1
