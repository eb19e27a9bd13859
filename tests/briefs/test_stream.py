"""A brief as server-sent events: told as it comes into being, and the last word is what counts."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from typing import Any

import aiohttp
import pytest

from famedash.briefs import patience
from famedash.briefs.tools import NAMES
from famedash.practice.llm_steps import (
    SECRET,
    Always,
    CutOff,
    Hang,
    InvalidJson,
    Refusal,
    Reset,
    Status,
    Step,
    Text,
    Truncated,
    WrongShape,
)
from tests.briefs.grounds import ALL_TOOLS, DRAFT, PATH, WELL_BEHAVED, Desk, a_desk, boarded, open_desk  # noqa: F401
from tests.flow.system import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

EVENTS = "text/event-stream"
Event = tuple[str, Any]


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "FIRST_BACKOFF_SECONDS", 0.01)


@asynccontextmanager
async def streamed(desk: Desk, **more: Any) -> AsyncIterator[aiohttp.ClientResponse]:
    """A client that reads at its leisure."""
    api = desk.system.api
    headers = {"Authorization": f"Bearer {api.token}", "Accept": EVENTS}
    async with api.session.post(api.base_url + PATH, json=desk.request | more, headers=headers) as response:
        yield response


def events(text: str) -> list[Event]:
    blocks = [block.split("\n") for block in text.strip().split("\n\n")]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in blocks]


async def told(desk: Desk, **more: Any) -> list[Event]:
    async with streamed(desk, **more) as response:
        assert response.status == 200
        assert response.content_type == EVENTS
        return events(await response.text())


def called(name: str, found: list[Event]) -> list[Any]:
    return [value for each, value in found if each == name]


async def test_tools_then_fields_then_the_brief(desk: Desk) -> None:
    found = await told(desk)

    names = [name for name, _ in found]
    tools, partials = called("tool", found), called("partial", found)
    assert names == ["tool"] * 3 + ["partial"] * len(partials) + ["brief"]
    assert [call["name"] for call in tools] == list(NAMES)
    assert len(partials) > 3
    assert all(partial.keys() <= DRAFT.keys() for partial in partials)
    captions = [partial["caption"] for partial in partials if "caption" in partial]
    assert all(later.startswith(earlier) for earlier, later in pairwise(captions))


async def test_its_brief_is_the_one_of_the_json_answer(desk: Desk) -> None:
    (brief,) = called("brief", await told(desk))

    again = await desk.ask()
    assert again.headers["X-Cache"] == "HIT"
    assert again.json == brief | {"meta": brief["meta"] | {"cached": True}}
    assert await desk.stored() == 1


async def test_its_calls_are_the_ones_of_the_ledger(desk: Desk) -> None:
    found = await told(desk)

    (brief,) = called("brief", found)
    assert called("tool", found) == brief["toolCalls"]


async def test_what_is_in_the_cache_is_told_at_once(desk: Desk) -> None:
    await desk.ask()
    kept = (await desk.ask()).json

    assert await told(desk) == [("brief", kept)]
    assert len(desk.writes) == 1


FAILURES = {
    "500": (Status(500), "model-unavailable", 503),
    "429": (Status(429), "model-unavailable", 503),
    "401": (Status(401), "model-rejected", 502),
    "invalid JSON": (InvalidJson(), "model-unusable", 502),
    "wrong shape": (WrongShape(), "model-unusable", 502),
    "cut off": (CutOff(), "model-unavailable", 503),
    "reset": (Reset(), "model-unavailable", 503),
    "refusal": (Refusal(), "model-declined", 502),
    "filtered": (Refusal(finish_reason="content_filter"), "model-declined", 502),
    "half": (Truncated(), "model-unusable", 502),
    "prose": (Text("no"), "model-unusable", 502),
    "hang": (Hang(), "model-timeout", 504),
}


@pytest.mark.parametrize(("step", "kind", "status"), FAILURES.values(), ids=FAILURES.keys())
async def test_a_failure_ends_in_one_problem(step: Step, kind: str, status: int, desk: Desk) -> None:
    """PROMISE: the same document as without a stream, nothing of the provider, and nothing kept."""
    desk.patience |= {"timeout_seconds": 0.3} if kind == "model-timeout" else {}
    desk.provider.script(ALL_TOOLS, Always(step))

    found = await told(desk)

    assert [name for name, _ in found if name not in ("tool", "partial")] == ["error"]
    name, problem = found[-1]
    assert (name, problem["type"], problem["status"]) == ("error", f"/problems/{kind}", status)
    assert SECRET not in str(found)
    assert await desk.stored() == 0


STREAM_ERRORS = {
    "overloaded": ({"type": "server_error", "message": SECRET}, "model-unavailable", 3),
    "rejected": ({"type": "invalid_request_error", "code": "400", "message": SECRET}, "model-rejected", 1),
    "of no kind": ({"message": SECRET}, "model-unusable", 3),
}


@pytest.mark.parametrize(("error", "kind", "attempts"), STREAM_ERRORS.values(), ids=STREAM_ERRORS.keys())
async def test_an_error_amid_a_stream_is_one_as_before_it(
    error: dict[str, str], kind: str, attempts: int, desk: Desk
) -> None:
    body = f"data: {json.dumps({'error': error})}\n\ndata: [DONE]\n\n"
    desk.provider.script(ALL_TOOLS, Always(Status(200, body=body)))

    found = await told(desk)

    assert found[-1][1]["type"] == f"/problems/{kind}", found[-1]
    assert len(desk.writes) == attempts
    assert SECRET not in str(found)


async def test_fields_begin_anew_with_another_attempt(desk: Desk) -> None:
    """PROMISE: what was told of an answer that broke is no part of the brief."""
    desk.provider.script(ALL_TOOLS, CutOff())

    found = await told(desk)

    (brief,) = called("brief", found)
    assert brief["caption"].startswith("Three minutes with Lumiario")
    assert len(desk.writes) == 2


async def test_a_wrong_request_is_refused_before_any_event(desk: Desk) -> None:
    reply = await desk.ask(accept=EVENTS, brand="")

    assert reply.status == 422
    assert reply.headers["Content-Type"] == "application/problem+json"


async def test_a_client_that_leaves_ends_the_generation(desk: Desk) -> None:
    """PROMISE: nobody pays for what nobody reads."""
    desk.provider.script(ALL_TOOLS, Hang())
    async with streamed(desk) as response:
        await response.content.readuntil(b"\n\n")
        await until(lambda: writing(desk))
        response.close()

    await until(lambda: left(desk))
    assert await desk.stored() == 0


async def writing(desk: Desk) -> bool:
    return bool(desk.writes)


async def left(desk: Desk) -> bool:
    return any(chat.left for chat in desk.provider.chats)


async def test_a_twin_who_joins_a_stream_gets_the_same_brief(desk: Desk) -> None:
    """PROMISE: one generation, whoever comes by whichever way."""
    desk.provider.behaviour = replace(WELL_BEHAVED, delay_seconds=0.3)
    first = asyncio.create_task(told(desk))
    await until(lambda: consulting(desk))

    joined, plain = await asyncio.gather(told(desk), desk.ask())

    (brief,) = called("brief", await first)
    assert plain.headers["X-Cache"] == "COALESCED"
    assert [name for name, _ in joined] == ["brief"]
    assert joined[0][1] == plain.json == brief | {"meta": brief["meta"] | {"cached": True}}
    assert len(desk.writes) == 1


async def consulting(desk: Desk) -> bool:
    return bool(desk.provider.chats)


async def test_a_twin_stays_when_the_first_reader_leaves(desk: Desk, request: pytest.FixtureRequest) -> None:
    waiting: list[str] = request.getfixturevalue("boarded")

    async def two_wait() -> bool:
        return len(waiting) == 2

    desk.provider.behaviour = replace(WELL_BEHAVED, delay_seconds=0.4)
    async with streamed(desk) as response:
        await until(lambda: consulting(desk))
        twin = asyncio.create_task(told(desk))
        await until(two_wait)
        response.close()

    assert [name for name, _ in await twin] == ["brief"]
    assert len(desk.writes) == 1
