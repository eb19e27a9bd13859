"""What briefs rest on is there: trends of now, posts that did well, a campaign, what is known. All real."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from famedash.briefs.knowledge.embedder import MiniLM
from famedash.metrics import queries
from famedash.metrics.windows import HOUR, floor
from tests.briefs.grounds import PATH, REQUEST, Desk, a_desk, open_desk  # noqa: F401 - fixtures
from tests.briefs.houses import House, a_house, open_house  # noqa: F401 - fixtures
from tests.flow.system import System, running
from tests.metrics.builders import Tagged, tag
from tests.performers.loads import load

HEAD = "campaignId,influencerId,views,likes,comments,shares,platform,caption\n"
ABOUT_SKIN = ("glowserum", "niacinamide", "glowingskin")
TAXES = {"product": "Software for tax returns", "goal": "Sell it to accountants before the deadline"}

needs_minilm = pytest.mark.skipif(not MiniLM.is_installed(), reason="the extra minilm is not installed")


@pytest.fixture
async def system(database_url: str, redis_url: str) -> AsyncIterator[System]:
    """With MiniLM: whether a trend is about a product is a question to the real embedder."""
    async with running(database_url, redis_url, workers=0) as system:
        yield system


async def rise(system: System, *tags: str, platform: str = "instagram", workspace: str = "acme") -> None:
    hour = floor(await queries.now(system.database), HOUR)
    rising = [Tagged(each, hour, 90 - 10 * n, platform, workspace) for n, each in enumerate(tags)]
    await tag(system.database, *rising)


async def trends(system: System, workspace: str = "acme", **more: Any) -> tuple[str, list[str]]:
    """(origin, hashtags without #, lower case)"""
    reply = await system.api_of(workspace).post(REQUEST | more, path=PATH)
    assert reply.status == 200, reply.body
    found = reply.json["sources"]["trends"]
    assert found["hashtags"] == reply.json["toolCalls"][0]["result"]["hashtags"] == reply.json["hashtags"][:3]
    return found["origin"], [each.lstrip("#").casefold() for each in found["hashtags"]]


@needs_minilm
async def test_trends_of_now_that_are_about_the_product_are_its_hashtags(system: System) -> None:
    await rise(system, "taxseason", *ABOUT_SKIN)

    assert await trends(system) == ("live", list(ABOUT_SKIN))


@needs_minilm
async def test_trends_about_something_else_are_left_alone(system: System) -> None:
    await rise(system, *ABOUT_SKIN)

    origin, tags = await trends(system, **TAXES)

    assert origin == "curated"
    assert not set(tags) & set(ABOUT_SKIN)


@needs_minilm
async def test_too_few_trends_are_filled_up_from_the_table(system: System) -> None:
    await rise(system, ABOUT_SKIN[0])

    origin, tags = await trends(system)

    assert (origin, tags[0], len(set(tags))) == ("mixed", ABOUT_SKIN[0], 3)


@needs_minilm
async def test_trends_of_another_workspace_or_platform_are_not_ours(system: System) -> None:
    await rise(system, *ABOUT_SKIN, workspace="rival")
    await rise(system, *ABOUT_SKIN, platform="tiktok")

    assert (await trends(system))[0] == "curated"
    assert (await trends(system, workspace="rival"))[0] == "live"


async def performances(house: House, folder: Path, *rows: str, workspace: str | None = None) -> None:
    text = HEAD + "".join(f"{row}\n" for row in rows)
    await load(house.system.database, folder, text, workspace=workspace or house.workspace)


@pytest.mark.asyncio(loop_scope="module")
async def test_posts_that_did_well_are_named_with_their_captions(house: House, tmp_path: Path) -> None:
    await performances(
        house,
        tmp_path,
        "spring,mia,1000,90,5,5,Instagram,I timed my routine",
        "spring,leo,1000,10,0,0,instagram,Three drops and out",
        "spring,zoe,1000,500,0,0,tiktok,Only on another platform",
        "spring,ben,1000,900,0,0,instagram,",
    )
    await performances(
        house, tmp_path, "spring,eve,10,9,0,0,instagram,Of a rival", workspace=f"{house.workspace}-rival"
    )

    brief = await house.brief()

    assert brief["sources"]["performers"] == [
        {
            "campaignId": "spring",
            "influencerId": "mia",
            "engagementRate": 10.0,
            "caption": "I timed my routine",
        },
        {
            "campaignId": "spring",
            "influencerId": "leo",
            "engagementRate": 1.0,
            "caption": "Three drops and out",
        },
    ]
    assert brief["toolCalls"][2]["result"]["performers"] == ["mia", "leo"]


@pytest.mark.asyncio(loop_scope="module")
async def test_a_brief_of_a_campaign_looks_at_that_campaign(house: House, tmp_path: Path) -> None:
    await performances(
        house,
        tmp_path,
        "spring,mia,1000,90,5,5,instagram,Of spring",
        "autumn,leo,1000,10,0,0,instagram,Of autumn",
    )

    brief = await house.brief(campaignId="autumn")

    assert [each["caption"] for each in brief["sources"]["performers"]] == ["Of autumn"]


@pytest.mark.asyncio(loop_scope="module")
async def test_a_campaigns_name_and_goal_reach_the_model(desk: Desk) -> None:
    await desk.system.create("spring", name="Spring awakening", goal="Reach hikers before the season")

    reply = await desk.ask(campaignId="spring")

    assert reply.status == 200, reply.body
    for chat in desk.provider.chats:
        assert "Spring awakening. Reach hikers before the season" in str(chat.messages)


@pytest.mark.asyncio(loop_scope="module")
async def test_another_goal_of_the_campaign_makes_another_brief(desk: Desk) -> None:
    await desk.system.create("summer", name="Summer", goal="Reach hikers")
    await desk.ask(campaignId="summer")
    again = await desk.ask(campaignId="summer")
    await desk.system.change("summer", goal="Reach swimmers")

    changed = await desk.ask(campaignId="summer")

    assert (again.headers["X-Cache"], changed.headers["X-Cache"]) == ("HIT", "MISS")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_campaign_of_another_workspace_says_nothing(desk: Desk) -> None:
    rival = desk.system.api_of("rival")
    await rival.post({"id": "secret", "name": "Secret plan", "goal": "Undercut them"})

    reply = await desk.ask(campaignId="secret")

    assert reply.status == 200
    assert "Secret plan" not in str([chat.body for chat in desk.provider.chats])


async def know(house: House, text: str, **more: str) -> str:
    reply = await house.api().post({"title": "Serum facts", "text": text, **more}, path="/knowledge")
    assert reply.status == 201, reply.body
    return str(reply.json["id"])


@pytest.mark.asyncio(loop_scope="module")
async def test_what_is_known_is_cited(house: House) -> None:
    mine = await know(house, "The glow serum with niacinamide is absorbed in a minute.", brand="Lumiario")
    await know(house, "The glow serum with niacinamide of a rival.", brand="Rivalo")
    await know(house, "The glow serum with niacinamide on another platform.", platform="tiktok")

    brief = await house.brief()

    [cited] = brief["sources"]["knowledge"]
    assert (cited["documentId"], cited["title"]) == (mine, "Serum facts")
    assert cited["text"] == "The glow serum with niacinamide is absorbed in a minute."
    assert brief["toolCalls"][2]["result"]["documents"] == [mine]


@pytest.mark.asyncio(loop_scope="module")
async def test_a_deleted_document_is_never_cited_again_and_a_kept_brief_that_did_is_not_served(
    house: House,
) -> None:
    """PROMISE: what a workspace deleted is in no brief that is answered from then on.

    Breaks if the version of the knowledge is no part of a brief's identity.
    """
    document = await know(house, "The glow serum with niacinamide is absorbed in a minute.")
    citing = await house.ask()
    kept = await house.ask()
    gone = await house.api().send("DELETE", f"/knowledge/{document}")

    after, later = await house.ask(), await house.ask(product="Glow serum with niacinamide, 30 ml")

    assert [each["documentId"] for each in citing.json["sources"]["knowledge"]] == [document]
    assert (kept.headers["X-Cache"], gone.status) == ("HIT", 204)
    assert after.headers["X-Cache"] == "MISS"
    for reply in (after, later):
        assert document not in reply.body.decode()
