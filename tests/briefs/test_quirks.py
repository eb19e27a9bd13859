"""What models really write, over the whole API: repaired or asked for again, never passed on."""

import json
from itertools import cycle
from typing import Any

import pytest

from famedash.briefs.model import Platform, Tone
from famedash.briefs.rules.limits import fits
from famedash.practice.llm_steps import Call, Calls, Skip, Text
from tests.briefs.grounds import ALL_TOOLS, DRAFT, Desk, a_desk, open_desk  # noqa: F401
from tests.campaigns.api import Reply

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEXTS, LISTS = ("caption", "CTA", "tone"), ("hookIdeas", "hashtags", "deliverables")


def draft(**other: Any) -> str:
    return json.dumps(DRAFT | other, ensure_ascii=False)


def smart(text: str) -> str:
    """Straight quotes that open and close by turns."""
    opening, *parts = text.split('"')
    signs = cycle("“”")
    return opening + "".join(next(signs) + part for part in parts)


REPAIRED = {
    "as it should be": draft(),
    "hashtags as one string": draft(hashtags="#morningroutine #smallhabits, honestreview"),
    "hashtags without their sign": draft(hashtags=["morning routine", "smallhabits"]),
    "hook ideas as one string": draft(hookIdeas="1. The shelf tour\n2. One week\n3. Before coffee"),
    "hook ideas as objects": draft(hookIdeas=[{"hook": text} for text in DRAFT["hookIdeas"]]),
    "the CTA as a list": draft(CTA=["Save this for tomorrow morning", "Follow along"]),
    "other names": draft().replace('"CTA"', '"call_to_action"').replace('"hookIdeas"', '"hook_ideas"'),
    "a fence": f"```json\n{draft()}\n```",
    "a fence amid prose": f"Sure! Here is the brief:\n\n```\n{draft()}\n```\n\nLet me know what you think.",
    "prose around it": f"Here is your brief: {draft()} I hope this helps!",
    "smart quotes": smart(draft()),
    "a trailing comma": draft()[:-1] + ",}",
    "a tone as a sentence": draft(tone="Warm and inviting, like a friend."),
    "a tone in capitals": draft(tone="WARM"),
    "wrapped": json.dumps({"brief": DRAFT}),
    "wrapped twice": json.dumps({"result": {"brief": DRAFT}}),
    "a list of one": json.dumps([DRAFT]),
    "JSON inside JSON": json.dumps(draft()),
    "nulls where nothing must be": draft(do=None, dont=None, deliverables=None),
    "more than was asked for": draft(confidence=0.9, notes="internal", reasoning=None),
    "an order of its own": json.dumps(dict(reversed(DRAFT.items()))),
    "a byte order mark": "\ufeff" + draft(),
    "invisible letters": draft(CTA="Save this\u200b for\u202e tomorrow\u2060 morning"),
    "mark-up": draft(CTA="**Save this** for <b>tomorrow</b> morning"),
}


@pytest.mark.parametrize("answer", REPAIRED.values(), ids=REPAIRED.keys())
async def test_what_can_be_read_is_read_at_once(answer: str, desk: Desk) -> None:
    desk.provider.script(ALL_TOOLS, Text(answer))

    reply = await desk.ask()

    assert_sound(reply)
    assert len(desk.writes) == 1


def assert_sound(reply: Reply) -> None:
    brief = reply.json
    assert reply.status == 200, reply.body
    assert all(isinstance(brief[name], str) and brief[name] for name in TEXTS)
    assert all(isinstance(brief[name], list) and brief[name] for name in LISTS)
    assert brief["tone"] in set(Tone)
    assert 3 <= len(set(brief["hookIdeas"])) <= 5
    assert fits(Platform.INSTAGRAM, brief["caption"], brief["hashtags"])
    (trends,) = [call["result"] for call in brief["toolCalls"] if call["name"] == "trendFetcher"]
    assert brief["hashtags"][:3] == trends["hashtags"]
    assert not {"notes", "confidence", "reasoning", "brief"} & brief.keys()
    shown = json.dumps([brief[name] for name in (*TEXTS, *LISTS)], ensure_ascii=False)
    assert not any(odd in shown for odd in ("```", "“", "\u200b", "\u202e", "\u2060", "**", "<b>", "\ufeff"))


ASKED_AGAIN = {
    "null where something must be": draft(caption=None),
    "nothing in a list": draft(hookIdeas=[]),
    "the schema itself": json.dumps({"type": "object", "properties": {name: {} for name in DRAFT}}),
    "half of it": draft()[: len(draft()) // 2],
    "another language altogether": "<brief><caption>Three minutes</caption></brief>",
    "talk of itself": draft(caption="As an AI language model I wrote a caption for Lumiario."),
    "a wish to see the data": "Could you tell me more about the brand?",
}


@pytest.mark.parametrize("answer", ASKED_AGAIN.values(), ids=ASKED_AGAIN.keys())
async def test_what_cannot_be_read_is_asked_for_again_and_said_why(answer: str, desk: Desk) -> None:
    desk.provider.script(ALL_TOOLS, Text(answer), Text(draft()))

    reply = await desk.ask()

    assert_sound(reply)
    first, second = desk.writes
    assert len(second.messages) == len(first.messages) + 2
    assert second.messages[-2] == {"role": "assistant", "content": answer[:4000]}
    assert "cannot be used" in second.messages[-1]["content"]


async def test_a_tool_that_was_called_in_words_is_called_by_the_planner(desk: Desk) -> None:
    desk.provider.script(Skip('trendFetcher({"topic": "skin"})'), Text(draft()))

    reply = await desk.ask()

    assert_sound(reply)
    assert {call["decidedBy"] for call in reply.json["toolCalls"]} == {"planner"}


async def test_a_ledger_of_odd_calls_can_be_stored_and_read(desk: Desk) -> None:
    """PROMISE: whatever a model called a tool, and with what, the brief can be read again."""
    odd = Calls(
        Call("trend\u0000Fetcher", {"topic": "x"}),
        Call("trendFetcher", {"topic": "a\u0000b"}),
        Call("creativeAngle", {"theme": "ok", "\u0000": "\u0000"}),
    )
    desk.provider.script(odd, ALL_TOOLS, Text(draft()))

    reply = await desk.ask()
    stored = await desk.system.api.get(f"/briefs/{reply.json['meta']['id']}")

    assert_sound(reply)
    assert stored.status == 200, stored.body
    assert (await desk.system.api.get("/briefs")).status == 200
    assert b"\\u0000" not in reply.body + stored.body
    assert {"topic": "a b"} in [call["arguments"] for call in stored.json["brief"]["toolCalls"]]
