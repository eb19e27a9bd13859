"""From the request to a valid brief: the composer over the whole API."""

from collections.abc import AsyncIterator

import pytest

from famedash.briefs.model import Platform
from famedash.briefs.rules.limits import fits
from tests.flow.system import System, running

REQUEST = {
    "brand": "Lumiario",
    "product": "Glow serum with niacinamide",
    "goal": "Launch it with people who like short routines",
    "platform": "instagram",
}
FIELDS = {"caption", "hookIdeas", "hashtags", "CTA", "tone"}


@pytest.fixture
async def system(database_url: str, redis_url: str) -> AsyncIterator[System]:
    async with running(database_url, redis_url, workers=0) as system:
        yield system


async def test_four_fields_are_enough_for_a_brief(system: System) -> None:
    reply = await system.api.post(REQUEST, path="/generate-brief")

    brief = reply.json
    assert reply.status == 200, reply.body
    assert reply.headers["X-Cache"] == "MISS"
    assert brief.keys() >= FIELDS
    assert "Lumiario" in brief["caption"]
    assert 3 <= len(set(brief["hookIdeas"])) <= 5
    assert fits(Platform.INSTAGRAM, brief["caption"], brief["hashtags"])
    assert brief["meta"]["engine"] == "composer"
    assert [call["name"] for call in brief["toolCalls"]] == [
        "trendFetcher",
        "personaClassifier",
        "creativeAngle",
    ]
    assert {call["decidedBy"] for call in brief["toolCalls"]} == {"model"}
    assert brief["hashtags"][:3] == brief["toolCalls"][0]["result"]["hashtags"]


async def test_a_repeat_is_the_same_brief_from_the_cache(system: System) -> None:
    first = await system.api.post(REQUEST, path="/generate-brief")
    again = await system.api.post(
        {**REQUEST, "brand": "  Lumiario ", "platform": "Instagram", "audience": None}, path="/generate-brief"
    )

    assert again.headers["X-Cache"] == "HIT"
    assert again.json["meta"] == first.json["meta"] | {"cached": True}
    assert {**again.json, "meta": None} == {**first.json, "meta": None}
