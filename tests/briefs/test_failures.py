"""Every way in which a provider can fail, through the whole API: retried or not, never shown to a client."""

import asyncio
import gzip
import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2
import pytest

from famedash.briefs import patience
from famedash.briefs.bounded import Bounded
from famedash.briefs.settings import ModelServer
from famedash.briefs.writer import open_model
from famedash.practice.llm import KEY
from famedash.practice.llm_steps import (
    SECRET,
    Always,
    Call,
    CutOff,
    Drip,
    EndlessTools,
    Hang,
    Huge,
    InvalidJson,
    Refusal,
    Reset,
    Skip,
    Status,
    Step,
    Text,
    Truncated,
    WrongShape,
)
from tests.briefs.grounds import ALL_TOOLS, WELL_BEHAVED, Desk, a_desk, boarded, open_desk  # noqa: F401
from tests.briefs.local_model import free_port
from tests.campaigns.api import Reply
from tests.flow.system import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

IMPATIENT = {"timeout_seconds": 0.4}
BODY = f'{{"error": {{"message": "{SECRET}", "type": "server_error"}}}}'
NO_CHOICES = f'{{"id": "{SECRET}", "object": "chat.completion", "created": 1, "model": "m", "choices": []}}'


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "FIRST_BACKOFF_SECONDS", 0.01)


@pytest.fixture(autouse=True)
def nothing_leaks(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """PROMISE: what a provider says in an error, and the key we show it, stand in no line that we log."""
    caplog.set_level(logging.INFO)
    yield
    said = capsys.readouterr()
    for text in (said.out, said.err, caplog.text):
        assert SECRET not in text
        assert KEY not in text


@dataclass(frozen=True)
class Failure:
    """`requests`: how many the provider saw before we gave up."""

    step: Step
    requests: int
    status: int
    problem: str
    patience: dict[str, Any] = field(default_factory=dict)
    retry_after: str | None = None


AWAY, UNUSABLE = "model-unavailable", "model-unusable"
FAILURES = {
    "hang": Failure(Hang(), 3, 504, "model-timeout", IMPATIENT),
    "slow drip": Failure(Drip(0.05), 3, 504, "model-timeout", IMPATIENT),
    "408": Failure(Status(408), 3, 503, AWAY, retry_after="5"),
    "429": Failure(Status(429), 3, 503, AWAY, retry_after="5"),
    "429 that passes soon": Failure(Status(429, retry_after=0), 3, 503, AWAY, retry_after="5"),
    "429 for an hour": Failure(Status(429, retry_after=3600), 1, 503, AWAY, retry_after="3600"),
    "429 for a year": Failure(Status(429, retry_after=31_536_000), 1, 503, AWAY, retry_after="3600"),
    "429 without sense": Failure(Status(429, retry_after="soon"), 3, 503, AWAY, retry_after="5"),
    "500": Failure(Status(500), 3, 503, AWAY, retry_after="5"),
    "502 in HTML": Failure(Status(502, body=f"<html>{SECRET}"), 3, 503, AWAY, retry_after="5"),
    "503": Failure(Status(503), 3, 503, AWAY, retry_after="5"),
    "503 for an hour": Failure(Status(503, retry_after=3600), 1, 503, AWAY, retry_after="3600"),
    "400": Failure(Status(400), 1, 502, "model-rejected"),
    "401": Failure(Status(401), 1, 502, "model-rejected"),
    "403": Failure(Status(403), 1, 502, "model-rejected"),
    "404": Failure(Status(404), 1, 502, "model-rejected"),
    "invalid JSON": Failure(InvalidJson(), 3, 502, UNUSABLE),
    "HTML": Failure(Status(200, body=f"<html>{SECRET}"), 3, 502, UNUSABLE),
    "nothing": Failure(Status(200, body=""), 3, 502, UNUSABLE),
    "bottomless JSON": Failure(Status(200, body="[" * 200_000), 3, 502, UNUSABLE),
    "wrong shape": Failure(WrongShape(), 3, 502, UNUSABLE),
    "a list": Failure(Status(200, body=f'["{SECRET}"]'), 3, 502, UNUSABLE),
    "no choices": Failure(Status(200, body=NO_CHOICES), 3, 502, UNUSABLE),
    "an error as success": Failure(Status(200, body=BODY), 3, 502, UNUSABLE),
    "refusal": Failure(Refusal(), 1, 502, "model-declined"),
    "filtered": Failure(Refusal(finish_reason="content_filter"), 1, 502, "model-declined"),
    "connection reset": Failure(Reset(), 3, 503, AWAY, retry_after="5"),
    "body cut off": Failure(CutOff(), 3, 503, AWAY, retry_after="5"),
    "without end": Failure(Huge(), 3, 503, AWAY, retry_after="5"),
}
each_failure = pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES.keys())


@each_failure
async def test_a_provider_that_fails_is_asked_again_where_that_helps_and_the_client_gets_a_problem(
    failure: Failure, desk: Desk
) -> None:
    """PROMISE: in either phase; nothing is cached or stored, and the next good answer is a brief."""
    desk.patience |= failure.patience
    desk.provider.script(Always(failure.step))

    assert_problem(await desk.ask(), failure)
    assert len(desk.provider.chats) == failure.requests

    desk.provider.requests.clear()
    desk.provider.script(ALL_TOOLS, Always(failure.step))

    assert_problem(await desk.ask(), failure)
    assert len(desk.writes) == failure.requests
    await assert_recovers(desk)


def assert_problem(reply: Reply, failure: Failure) -> None:
    assert reply.status == failure.status, reply.body
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert reply.json["type"] == f"/problems/{failure.problem}"
    assert reply.json["status"] == failure.status
    assert reply.headers.get("Retry-After") == failure.retry_after
    assert "X-Cache" not in reply.headers
    assert SECRET not in reply.body.decode() + str(dict(reply.headers))


async def assert_recovers(desk: Desk) -> None:
    assert await desk.stored() == 0
    desk.patience.clear()
    desk.provider.script()
    reply = await desk.ask()
    assert (reply.status, reply.headers["X-Cache"]) == (200, "MISS"), reply.body
    assert await desk.stored() == 1


PASSING = ("hang", "500", "429", "invalid JSON", "no choices", "connection reset", "body cut off")


@pytest.mark.parametrize("name", PASSING)
async def test_a_failure_that_passes_costs_an_attempt_and_nothing_else(name: str, desk: Desk) -> None:
    failure = FAILURES[name]
    desk.patience |= failure.patience
    desk.provider.script(failure.step, ALL_TOOLS, failure.step)

    reply = await desk.ask()

    assert (reply.status, reply.headers["X-Cache"]) == (200, "MISS"), reply.body
    assert desk.provider.steps_left == 0


@pytest.mark.parametrize(
    "step",
    [
        Text("I would rather talk about the weather."),
        Text(""),
        Truncated(),
        Huge(1_500_000),
        Call("trendFetcher", {"topic": "skin"}),
    ],
    ids=["prose", "nothing", "half a brief", "a flood", "a call nobody offered"],
)
async def test_an_answer_that_is_no_brief_is_asked_for_three_times(step: Step, desk: Desk) -> None:
    """PROMISE: half of an answer is never passed on as a whole, and a flood is not sent back."""
    desk.provider.script(ALL_TOOLS, Always(step))

    reply = await desk.ask()

    assert_problem(reply, Failure(step, 3, 502, UNUSABLE))
    assert len(desk.writes) == 3
    assert len(str(desk.writes[-1].body)) < 40_000
    await assert_recovers(desk)


@pytest.mark.parametrize(
    ("step", "rounds"),
    [
        (EndlessTools(), 1),
        (Always(Call("orderPizza")), 4),
        (Always(Call("trendFetcher")), 4),
        (Always(Skip()), 1),
    ],
    ids=["all again and again", "a tool that is none", "one again and again", "none"],
)
async def test_a_first_phase_that_leads_nowhere_ends(step: Step, rounds: int, desk: Desk) -> None:
    """PROMISE: a loop of calls, right or wrong, costs at most four requests; the planner calls the rest."""
    desk.provider.script(step)

    await desk.ask()

    assert len(desk.provider.chats) - len(desk.writes) == rounds


async def test_endless_calls_still_end_in_a_brief(desk: Desk) -> None:
    desk.provider.script(EndlessTools())

    reply = await desk.ask()

    assert reply.status == 200, reply.body
    assert [call["name"] for call in reply.json["toolCalls"]] == [call.name for call in ALL_TOOLS.calls]


async def test_the_budget_ends_what_attempts_would_not(desk: Desk) -> None:
    """PROMISE: a brief takes no longer than its budget, however many attempts are allowed."""
    desk.patience |= {"timeout_seconds": 0.3, "budget_seconds": 1.0, "attempts": 1000}
    desk.provider.script(Always(Hang()))

    reply = await desk.ask()

    assert_problem(reply, Failure(Hang(), 0, 504, "model-timeout"))
    assert 1 <= len(desk.provider.chats) <= 5


async def test_a_server_that_nobody_runs_is_away(desk: Desk) -> None:
    nowhere = ModelServer(f"http://127.0.0.1:{free_port()}/v1", KEY, "none")
    async with open_model(nowhere) as model:
        desk.patience |= {"model": model}

        reply = await desk.ask()

    assert_problem(reply, Failure(Hang(), 3, 503, AWAY, retry_after="5"))
    await assert_recovers(desk)


async def test_a_queue_that_does_not_move_is_no_answer_that_is_late(desk: Desk) -> None:
    """PROMISE: waiting behind our own briefs costs no attempt, and no place in the queue.

    Breaks if the time-out of an attempt runs while it waits at the gate.
    """
    desk.patience |= {"gate": asyncio.Semaphore(0), "timeout_seconds": 0.05, "budget_seconds": 0.3}

    reply = await desk.ask()

    assert_problem(reply, Failure(Hang(), 0, 503, AWAY, retry_after="5"))
    assert desk.provider.chats == []


async def test_everybody_else_is_served_while_a_provider_hangs(desk: Desk) -> None:
    """PROMISE: waiting for a provider holds up nobody who wants something else."""
    desk.provider.script(Always(Hang()))
    waiting = asyncio.create_task(desk.ask())
    await until(lambda: seen(desk, 1))

    reply = await desk.system.api.get("/healthz")

    assert reply.status == 200
    assert not waiting.done()
    await given_up(waiting)


async def test_a_client_that_leaves_ends_its_generation(desk: Desk) -> None:
    """PROMISE: nothing is paid for that nobody waits for."""
    desk.provider.script(Hang())
    asking = asyncio.create_task(desk.ask())
    await until(lambda: seen(desk, 1))

    await given_up(asking)

    await until(lambda: left(desk))
    assert (await desk.ask()).headers["X-Cache"] == "MISS"


@pytest.mark.usefixtures("boarded")
async def test_a_client_that_leaves_takes_nothing_from_a_twin(
    desk: Desk, request: pytest.FixtureRequest
) -> None:
    """PROMISE: the generation goes on as long as one of them waits."""
    desk.provider.behaviour = replace(WELL_BEHAVED, delay_seconds=0.4)
    first, twin = asyncio.create_task(desk.ask()), asyncio.create_task(desk.ask())
    await until(lambda: two_wait(request))

    await given_up(first)

    reply = await twin
    assert reply.status == 200, reply.body
    assert len(desk.writes) == 1
    assert not await left(desk)


async def two_wait(request: pytest.FixtureRequest) -> bool:
    return len(request.getfixturevalue("boarded")) == 2


async def seen(desk: Desk, chats: int) -> bool:
    return len(desk.provider.chats) >= chats


async def left(desk: Desk) -> bool:
    return any(chat.left for chat in desk.provider.chats)


async def given_up(asking: "asyncio.Task[Reply]") -> None:
    asking.cancel()
    with suppress(asyncio.CancelledError):
        await asking


async def test_an_answer_that_was_squeezed_is_not_unpacked() -> None:
    """PROMISE: a few kilobytes can not become gigabytes here.

    Breaks if only the bytes that travel are counted while the client unpacks them.
    """

    async def squeezed(request: httpx2.Request) -> httpx2.Response:
        assert request.headers["Accept-Encoding"] == "identity"
        packed = gzip.compress(b"a" * 10_000_000)
        return httpx2.Response(200, headers={"Content-Encoding": "gzip"}, stream=httpx2.ByteStream(packed))

    transport = Bounded(httpx2.MockTransport(squeezed))
    async with httpx2.AsyncClient(transport=transport) as http:
        with pytest.raises(httpx2.ReadError):
            await http.get("http://model.test/")
