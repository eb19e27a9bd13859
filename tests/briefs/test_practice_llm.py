"""The practice provider does what its steps say, and by default what a capable model does."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from enum import StrEnum
from math import isclose, sqrt
from typing import Any, Literal

import httpx2
import jsonschema
import openai
import pytest
from openai import AsyncOpenAI
from pydantic import BaseModel, Field

from famedash.practice.llm import Provider
from famedash.practice.llm_behaviour import Behaviour
from famedash.practice.llm_steps import (
    SECRET,
    After,
    Always,
    Call,
    Calls,
    CutOff,
    Drip,
    EndlessTools,
    Good,
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
from famedash.practice.llm_values import value
from tests.briefs.provider import serving_llm

HELLO = [{"role": "user", "content": "Write me a brief."}]


def tool(name: str, properties: dict[str, Any] | None = None) -> dict[str, Any]:
    properties = properties or {"platform": {"type": "string", "enum": ["tiktok", "x"]}}
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "function", "function": {"name": name, "parameters": schema}}


TREND, PERSONA = tool("trendFetcher"), tool("personaClassifier", {"age": {"type": "integer", "minimum": 18}})
OUTPUT = tool("final_result", {"caption": {"type": "string"}})
SCHEMA = {
    "type": "object",
    "properties": {
        "caption": {"type": "string"},
        "hookIdeas": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["caption", "hookIdeas"],
    "additionalProperties": False,
}
AS_SCHEMA = {"type": "json_schema", "json_schema": {"name": "brief", "schema": SCHEMA, "strict": True}}


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with serving_llm() as provider:
        yield provider


@pytest.fixture
async def client(provider: Provider) -> AsyncIterator[AsyncOpenAI]:
    unsafe = openai.DefaultAsyncHttpxClient(verify=False)  # no TLS here, and certificates take 0.1 s to load
    async with AsyncOpenAI(
        base_url=provider.url, api_key=provider.key, max_retries=0, http_client=unsafe
    ) as client:
        yield client


@pytest.fixture
async def raw(provider: Provider) -> AsyncIterator[httpx2.AsyncClient]:
    headers = {"Authorization": f"Bearer {provider.key}"}
    async with httpx2.AsyncClient(base_url=provider.url, headers=headers, verify=False) as client:
        yield client


async def ask(client: AsyncOpenAI, messages: list[Any] = HELLO, **more: Any) -> Any:
    completion = await client.chat.completions.create(model="practice-1", messages=messages, **more)
    return completion.choices[0]


def called(choice: Any) -> list[str]:
    return [call.function.name for call in choice.message.tool_calls or ()]


def with_results(choice: Any, result: str = "fine") -> list[Any]:
    """The conversation after every tool that `choice` calls has answered."""
    calls = choice.message.tool_calls
    results = [{"role": "tool", "tool_call_id": call.id, "content": result} for call in calls]
    return [*HELLO, choice.message.model_dump(exclude_none=True), *results]


async def until(happened: Callable[[], bool]) -> None:
    while not happened():
        await asyncio.sleep(0.005)


async def test_it_calls_every_offered_tool_at_once_with_fitting_arguments(client: AsyncOpenAI) -> None:
    choice = await ask(client, tools=[TREND, PERSONA])

    assert choice.finish_reason == "tool_calls"
    assert called(choice) == ["trendFetcher", "personaClassifier"]
    for call, offered in zip(choice.message.tool_calls, (TREND, PERSONA), strict=True):
        jsonschema.validate(json.loads(call.function.arguments), offered["function"]["parameters"])


async def test_it_calls_one_tool_after_the_other_when_told_so(
    client: AsyncOpenAI, provider: Provider
) -> None:
    provider.behaviour = Behaviour(parallel=False, arguments={"personaClassifier": {"age": 44}})

    first = await ask(client, tools=[TREND, PERSONA])
    second = await ask(client, with_results(first), tools=[TREND, PERSONA])

    assert called(first) == ["trendFetcher"]
    assert called(second) == ["personaClassifier"]
    assert second.message.tool_calls[0].function.arguments == '{"age": 44}'
    assert list(provider.requests[1].results.values()) == ["fine"]


async def test_once_all_tools_have_answered_it_writes_the_value_that_was_asked_for(
    client: AsyncOpenAI, provider: Provider
) -> None:
    provider.behaviour = Behaviour(texts={"caption": "Glow on."})
    first = await ask(client, tools=[TREND])

    last = await ask(client, with_results(first), tools=[TREND], response_format=AS_SCHEMA)

    written = json.loads(last.message.content)
    jsonschema.validate(written, SCHEMA)
    assert last.finish_reason == "stop"
    assert written["caption"] == "Glow on."


async def test_it_calls_a_tool_again_whose_result_asks_for_it(client: AsyncOpenAI) -> None:
    first = await ask(client, tools=[TREND])

    second = await ask(client, with_results(first, "Fix the errors and try again."), tools=[TREND])

    assert called(second) == ["trendFetcher"]


async def test_it_gives_the_answer_through_an_output_tool_after_the_other_tools(client: AsyncOpenAI) -> None:
    offered = [OUTPUT, TREND]

    first = await ask(client, tools=offered, tool_choice="required")
    second = await ask(client, with_results(first), tools=offered, tool_choice="required")

    assert called(first) == ["trendFetcher"]
    assert called(second) == ["final_result"]
    assert json.loads(second.message.tool_calls[0].function.arguments).keys() == {"caption"}


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ("none", []),
        ("auto", ["trendFetcher", "personaClassifier"]),
        ({"type": "function", "function": {"name": "personaClassifier"}}, ["personaClassifier"]),
    ],
)
async def test_it_heeds_the_choice_of_tools(client: AsyncOpenAI, choice: Any, names: list[str]) -> None:
    answered = await ask(client, tools=[TREND, PERSONA], tool_choice=choice)

    assert called(answered) == names


async def test_required_makes_it_call_even_when_all_tools_have_answered(client: AsyncOpenAI) -> None:
    first = await ask(client, tools=[TREND])

    free = await ask(client, with_results(first), tools=[TREND])
    forced = await ask(client, with_results(first), tools=[TREND], tool_choice="required")

    assert (called(free), called(forced)) == ([], ["trendFetcher"])


@pytest.mark.parametrize("more", [{"tools": [TREND, PERSONA]}, {"response_format": AS_SCHEMA}, {}])
async def test_a_stream_adds_up_to_the_plain_answer(client: AsyncOpenAI, more: Any) -> None:
    plain = await ask(client, **more)
    stream = await client.chat.completions.create(
        model="practice-1", messages=HELLO, stream=True, stream_options={"include_usage": True}, **more
    )
    chunks = [chunk async for chunk in stream]

    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    arguments: dict[int, str] = {}
    for call in (call for delta in deltas for call in delta.tool_calls or ()):
        arguments[call.index] = arguments.get(call.index, "") + call.function.arguments
    assert "".join(delta.content or "" for delta in deltas) == (plain.message.content or "")
    assert list(arguments.values()) == [c.function.arguments for c in plain.message.tool_calls or ()]
    assert chunks[-2].choices[0].finish_reason == plain.finish_reason
    assert chunks[-1].usage.total_tokens > 0


async def test_a_script_is_followed_step_by_step_and_then_it_is_good_again(
    client: AsyncOpenAI, provider: Provider
) -> None:
    provider.script(Text("one"), Text("two"))

    said = [(await ask(client)).message.content for _ in range(3)]

    assert said[:2] == ["one", "two"]
    assert said[2] not in ("one", "two")
    assert provider.steps_left == 0


@pytest.mark.parametrize(
    ("step", "names", "arguments"),
    [
        (Call("trendFetcher", {"platform": 7}), ["trendFetcher"], ['{"platform": 7}']),
        (Call("trendFetcher", '{"platform": '), ["trendFetcher"], ['{"platform": ']),
        (Call("trendSetter"), ["trendSetter"], ["{}"]),
        (
            Calls(Call("trendFetcher"), Call("trendFetcher")),
            ["trendFetcher"] * 2,
            ['{"platform": "tiktok"}'] * 2,
        ),
        (Skip(), [], []),
    ],
)
async def test_it_calls_tools_as_a_bad_model_would(
    client: AsyncOpenAI, provider: Provider, step: Step, names: list[str], arguments: list[str]
) -> None:
    provider.script(step)

    choice = await ask(client, tools=[TREND], tool_choice="required")

    assert called(choice) == names
    assert [call.function.arguments for call in choice.message.tool_calls or ()] == arguments


async def test_endless_tools_never_end(client: AsyncOpenAI, provider: Provider) -> None:
    provider.script(EndlessTools())

    choice = await ask(client, tools=[TREND, OUTPUT])
    for _ in range(5):
        assert called(choice) == ["trendFetcher"]
        choice = await ask(client, with_results(choice), tools=[TREND, OUTPUT])


@pytest.mark.parametrize("code", [400, 401, 403, 429, 500, 503])
async def test_a_status_is_an_error_as_the_provider_words_it(
    client: AsyncOpenAI, provider: Provider, code: int
) -> None:
    provider.script(Status(code, retry_after=7))

    with pytest.raises(openai.APIStatusError, match=SECRET) as caught:
        await ask(client)

    assert caught.value.status_code == code
    assert caught.value.response.headers["retry-after"] == "7"
    assert caught.value.response.json()["error"].keys() == {"message", "type", "param", "code"}
    assert provider.requests[-1].status == code


async def test_a_status_has_the_body_that_it_was_given(raw: httpx2.AsyncClient, provider: Provider) -> None:
    provider.script(Status(503, body="<html>busy</html>"))

    answered = await raw.post("/chat/completions", json={"model": "practice-1", "messages": HELLO})

    assert (answered.status_code, answered.text) == (503, "<html>busy</html>")
    assert "retry-after" not in answered.headers


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("step", [Hang(), Drip(0.05), After(60, Good())])
async def test_a_client_that_does_not_wait_is_seen_to_leave(
    client: AsyncOpenAI, provider: Provider, step: Step, streams: bool
) -> None:
    provider.script(step)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(read(client, stream=streams), 0.2)

    await until(lambda: provider.requests[0].left)
    assert not provider.requests[0].answered


async def read(client: AsyncOpenAI, *, stream: bool) -> str:
    """The content, however it comes."""
    if not stream:
        return str((await ask(client)).message.content)
    chunks = await client.chat.completions.create(model="practice-1", messages=HELLO, stream=True)
    return "".join([chunk.choices[0].delta.content or "" async for chunk in chunks if chunk.choices])


async def test_a_drip_arrives_whole_for_who_waits(client: AsyncOpenAI, provider: Provider) -> None:
    provider.script(Drip(0.0))

    dripped, whole = await ask(client), await ask(client)

    assert dripped.message.content == whole.message.content
    assert provider.requests[0].answered


@pytest.mark.parametrize("streams", [False, True])
async def test_a_reset_comes_instead_of_an_answer(
    raw: httpx2.AsyncClient, provider: Provider, streams: bool
) -> None:
    provider.script(Reset())

    with pytest.raises(httpx2.ReadError):
        await raw.post(
            "/chat/completions", json={"model": "practice-1", "messages": HELLO, "stream": streams}
        )

    assert provider.requests[0].status is None
    assert not provider.requests[0].left


@pytest.mark.parametrize("streams", [False, True])
async def test_a_cut_off_answer_ends_in_its_middle(
    raw: httpx2.AsyncClient, provider: Provider, streams: bool
) -> None:
    provider.script(CutOff())
    body = {"model": "practice-1", "messages": HELLO, "stream": streams}
    received: list[bytes] = []

    async def receive() -> None:
        async with raw.stream("POST", "/chat/completions", json=body) as answered:
            async for part in answered.aiter_raw():
                received.append(part)

    with pytest.raises(httpx2.RemoteProtocolError):
        await receive()

    assert b"practice" in b"".join(received)


async def test_invalid_json_is_no_json(raw: httpx2.AsyncClient, provider: Provider) -> None:
    provider.script(InvalidJson())

    answered = await raw.post("/chat/completions", json={"model": "practice-1", "messages": HELLO})

    assert answered.status_code == 200
    assert SECRET in answered.text
    with pytest.raises(json.JSONDecodeError):
        answered.json()


async def test_a_wrong_shape_is_json_without_choices(raw: httpx2.AsyncClient, provider: Provider) -> None:
    provider.script(WrongShape())

    answered = await raw.post("/chat/completions", json={"model": "practice-1", "messages": HELLO})

    assert answered.status_code == 200
    assert not isinstance(answered.json()["choices"], list)


@pytest.mark.parametrize("finish_reason", ["stop", "content_filter"])
async def test_a_refusal_stands_in_its_field(
    client: AsyncOpenAI, provider: Provider, finish_reason: str
) -> None:
    provider.script(Refusal("No.", finish_reason))

    choice = await ask(client, response_format=AS_SCHEMA)

    assert (choice.message.refusal, choice.message.content) == ("No.", None)
    assert choice.finish_reason == finish_reason


async def test_a_truncated_answer_is_half_a_document(client: AsyncOpenAI, provider: Provider) -> None:
    provider.script(Truncated())

    choice = await ask(client, response_format=AS_SCHEMA)

    assert choice.finish_reason == "length"
    with pytest.raises(json.JSONDecodeError):
        json.loads(choice.message.content)


async def test_a_huge_answer_is_as_long_as_it_was_told(client: AsyncOpenAI, provider: Provider) -> None:
    provider.script(Huge(300_000), Huge(300_000))

    whole, streamed = await read(client, stream=False), await read(client, stream=True)

    assert len(whole) >= 300_000
    assert streamed == whole


@pytest.mark.parametrize("streams", [False, True])
async def test_an_endless_answer_ends_with_its_reader(
    raw: httpx2.AsyncClient, provider: Provider, streams: bool
) -> None:
    provider.script(Huge())
    body = {"model": "practice-1", "messages": HELLO, "stream": streams}
    received = 0

    async with raw.stream("POST", "/chat/completions", json=body) as answered:
        async for part in answered.aiter_raw():
            received += len(part)
            if received > 1_000_000:
                break

    await until(lambda: provider.requests[0].left)


async def test_always_is_for_ever(client: AsyncOpenAI, provider: Provider) -> None:
    provider.script(Text("fine"), Always(Status(500)))
    assert (await ask(client)).message.content == "fine"

    for _ in range(3):
        with pytest.raises(openai.InternalServerError):
            await ask(client)


async def test_after_answers_too(client: AsyncOpenAI, provider: Provider) -> None:
    provider.script(After(0.01, Status(500)))

    with pytest.raises(openai.InternalServerError):
        await ask(client)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"model": None}, 400),
        ({"model": "gpt-0"}, 404),
        ({"messages": None}, 400),
        ({"messages": []}, 400),
        ({"messages": [{"role": "wizard", "content": "x"}]}, 400),
        ({"messages": [{"role": "user"}]}, 400),
        ({"messages": [{"role": "tool", "tool_call_id": "a", "content": "x"}]}, 400),
        ({"messages": [{"role": "assistant", "tool_calls": [{"id": "a", "function": {}}]}]}, 400),
        (
            {
                "messages": [
                    {
                        "role": "assistant",
                        "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{}"}}],
                    },
                    {"role": "user", "content": "and the result?"},
                ]
            },
            400,
        ),
        ({"tools": []}, 400),
        ({"tools": [{"type": "function"}]}, 400),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, 400),
        ({"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "array"}}}]}, 400),
        ({"tool_choice": "required"}, 400),
        ({"tools": [TREND], "tool_choice": "must"}, 400),
        ({"tools": [TREND], "tool_choice": {"type": "function", "function": {"name": "other"}}}, 400),
        ({"tools": [{"type": "function", "function": {**TREND["function"], "strict": True}}]}, 400),
        ({"response_format": {"type": "xml"}}, 400),
        ({"response_format": {"type": "json_object"}}, 400),
        ({"response_format": {"type": "json_schema", "json_schema": {"schema": SCHEMA}}}, 400),
        ({"temperature": 3}, 400),
        ({"max_tokens": 0}, 400),
        ({"stream_options": {"include_usage": True}}, 400),
    ],
)
async def test_a_malformed_request_is_refused_and_costs_no_step(
    raw: httpx2.AsyncClient, provider: Provider, change: dict[str, Any], status: int
) -> None:
    provider.script(Text("still here"))

    answered = await raw.post("/chat/completions", json={"model": "practice-1", "messages": HELLO} | change)

    assert answered.status_code == status
    assert SECRET in answered.json()["error"]["message"]
    assert provider.requests[0].status == status
    assert provider.steps_left == 1


@pytest.mark.parametrize("path", ["/chat/completions", "/embeddings"])
async def test_a_wrong_key_opens_nothing(provider: Provider, path: str) -> None:
    async with httpx2.AsyncClient(base_url=provider.url, headers={"Authorization": "Bearer guess"}) as other:
        answered = await other.post(path, json={})

    assert answered.status_code == 401
    assert answered.json()["error"]["code"] == "invalid_api_key"


async def test_texts_with_words_in_common_are_near_each_other(
    client: AsyncOpenAI, provider: Provider
) -> None:
    texts = ["matcha in the morning", "Matcha, each morning", "winter tyres"]

    answered = await client.embeddings.create(model=provider.embedding_model, input=texts)
    again = await client.embeddings.create(
        model=provider.embedding_model, input=texts[0], encoding_format="float"
    )

    first, near, far = (each.embedding for each in answered.data)
    assert isclose(sqrt(sum(x * x for x in first)), 1, rel_tol=1e-6)
    assert sum(map(float.__mul__, first, near)) > sum(map(float.__mul__, first, far)) + 0.3
    assert again.data[0].embedding == pytest.approx(first)


async def test_embeddings_fail_when_told_to(client: AsyncOpenAI, provider: Provider) -> None:
    provider.script_embeddings(Status(503))

    with pytest.raises(openai.InternalServerError):
        await client.embeddings.create(model=provider.embedding_model, input="x")


async def test_another_process_is_served_too(provider: Provider) -> None:
    program = (
        "import sys, urllib.request as u\n"
        "r = u.Request(sys.argv[1] + '/models', headers={'Authorization': 'Bearer ' + sys.argv[2]})\n"
        "print(u.urlopen(r).status)"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, provider.url, provider.key, stdout=asyncio.subprocess.PIPE
    )

    assert (await process.communicate())[0] == b"200\n"
    assert provider.requests[0].headers["authorization"] == f"Bearer {provider.key}"


class Tone(StrEnum):
    BOLD = "bold"
    WARM = "warm"


class Nested(BaseModel):
    name: str = Field(min_length=3, max_length=8)
    kind: Literal["a", "b"]
    parent: "Nested | None" = None


class Wide(BaseModel):
    caption: str = Field(max_length=20)
    hook_ideas: list[str] = Field(min_length=5, max_length=9)
    hashtags: list[str] = Field(min_length=3, max_length=3)
    tagged: list[str] = Field(min_length=2)
    tone: Tone
    few: float = Field(gt=0, lt=1)
    many: int = Field(ge=18, multiple_of=5)
    below: int = Field(lt=-3)
    nested: Nested
    others: dict[str, Nested] = {}
    either: int | str | None = None
    pair: tuple[int, str]


@pytest.mark.parametrize(
    "schema",
    [
        Wide.model_json_schema(),
        SCHEMA,
        {"type": ["null", "string"], "pattern": r"^#\w+$"},
        {"allOf": [{"type": "object", "properties": {"a": {"type": "integer"}}}, {"required": ["a"]}]},
        {"type": "array", "items": {"type": "string", "minLength": 80}, "minItems": 2, "uniqueItems": True},
        {"type": "string", "format": "date"},
        {"const": 7},
        {},
    ],
)
def test_what_it_writes_satisfies_the_schema(schema: dict[str, Any]) -> None:
    jsonschema.validate(value(schema), schema)


def test_the_texts_of_a_test_go_over_everything_plausible() -> None:
    written = value(SCHEMA, {"hook_ideas": "one string, not a list"})

    assert written["hookIdeas"] == "one string, not a list"
