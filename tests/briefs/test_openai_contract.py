"""What any server of OpenAI's API promises, asked of the practice provider and of the real local model."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2
import jsonschema
import pytest
from openai import AsyncOpenAI

from famedash.practice.llm import MODEL
from famedash.processes.llm import MODEL as LOCAL_MODEL
from tests.briefs.local_model import local_model  # noqa: F401 - a fixture, asked for by name
from tests.briefs.provider import serving_llm

HELLO = [{"role": "user", "content": "Say hello to a stranger, in many friendly words."}]
SCHEMA = {
    "type": "object",
    "properties": {
        "tone": {"type": "string", "enum": ["warm", "bold"]},
        "stars": {"type": "integer", "enum": [1, 2, 3]},
    },
    "required": ["tone", "stars"],
    "additionalProperties": False,
}
AS_SCHEMA = {"type": "json_schema", "json_schema": {"name": "verdict", "schema": SCHEMA, "strict": True}}


@dataclass(frozen=True)
class Server:
    url: str
    key: str
    model: str

    def body(self, **more: Any) -> dict[str, Any]:
        return {"model": self.model, "messages": HELLO, "max_tokens": 4, "temperature": 0} | more


@pytest.fixture(params=["practice", "local"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    if request.param == "local":
        yield Server(request.getfixturevalue("local_model"), "none", LOCAL_MODEL)
        return
    async with serving_llm() as provider:
        yield Server(provider.url, provider.key, MODEL)


@pytest.fixture
async def client(server: Server) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=server.url, api_key=server.key, max_retries=0, timeout=60) as client:
        yield client


@pytest.fixture
async def raw(server: Server) -> AsyncIterator[httpx2.AsyncClient]:
    headers = {"Authorization": f"Bearer {server.key}"}
    async with httpx2.AsyncClient(base_url=server.url, headers=headers, timeout=60) as client:
        yield client


async def test_it_lists_its_model(client: AsyncOpenAI, server: Server) -> None:
    assert server.model in [model.id async for model in client.models.list()]


async def test_a_completion_has_its_shape(raw: httpx2.AsyncClient, server: Server) -> None:
    answered = await raw.post("/chat/completions", json=server.body())

    document = answered.json()
    [choice] = document["choices"]
    assert answered.status_code == 200
    assert document["object"] == "chat.completion"
    assert document["model"] == server.model
    assert isinstance(document["id"], str)
    assert isinstance(document["created"], int)
    assert (choice["index"], choice["message"]["role"]) == (0, "assistant")
    assert isinstance(choice["message"]["content"], str)


async def test_it_ends_where_max_tokens_says_and_counts_what_it_used(
    client: AsyncOpenAI, server: Server
) -> None:
    completion = await client.chat.completions.create(**server.body(max_tokens=3))

    usage = completion.usage
    assert completion.choices[0].finish_reason == "length"
    assert usage is not None
    assert usage.completion_tokens == 3
    assert usage.prompt_tokens > 0
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


async def test_a_stream_has_its_shape_and_ends_with_done(raw: httpx2.AsyncClient, server: Server) -> None:
    body = server.body(stream=True, stream_options={"include_usage": True})

    answered = await raw.post("/chat/completions", json=body)

    *events, done = [line.removeprefix("data: ") for line in answered.text.splitlines() if line]
    *chunks, last = [json.loads(event) for event in events]
    assert answered.headers["content-type"].startswith("text/event-stream")
    assert done == "[DONE]"
    assert {chunk["object"] for chunk in [*chunks, last]} == {"chat.completion.chunk"}
    assert {chunk["id"] for chunk in chunks} == {last["id"]}
    # llama.cpp names no role where the first token is but a part of a character, such as of an emoji.
    assert {chunk["choices"][0]["delta"].get("role", "assistant") for chunk in chunks} == {"assistant"}
    assert "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks)
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks][-2:] == [None, "length"]
    assert last["choices"] == []
    assert last["usage"]["completion_tokens"] == 4


@pytest.mark.parametrize("stream", [False, True])
async def test_a_schema_is_kept(client: AsyncOpenAI, server: Server, stream: bool) -> None:
    body = server.body(response_format=AS_SCHEMA, max_tokens=60)
    if stream:
        chunks = [chunk async for chunk in await client.chat.completions.create(**body, stream=True)]
        content = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    else:
        content = (await client.chat.completions.create(**body)).choices[0].message.content

    jsonschema.validate(json.loads(content), SCHEMA)


async def test_two_requests_are_answered_at_the_same_time(client: AsyncOpenAI, server: Server) -> None:
    both = await asyncio.gather(*(client.chat.completions.create(**server.body()) for _ in range(2)))

    assert len({each.id for each in both}) == 2
    assert all(each.choices[0].message.content for each in both)


@pytest.mark.parametrize(
    "change",
    [
        {"messages": None},
        {"messages": "hello"},
        {"response_format": {"type": "xml"}},
        {
            "tool_choice": "must",
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
        },
    ],
)
async def test_a_malformed_request_is_refused(
    raw: httpx2.AsyncClient, server: Server, change: dict[str, Any]
) -> None:
    body = {key: each for key, each in server.body(**change).items() if each is not None}

    answered = await raw.post("/chat/completions", json=body)

    assert answered.status_code == 400
    assert answered.json()["error"]["type"] == "invalid_request_error"
    assert isinstance(answered.json()["error"]["message"], str)


async def test_broken_json_is_refused(raw: httpx2.AsyncClient) -> None:
    answered = await raw.post("/chat/completions", content=b'{"model": ')

    assert answered.status_code == 400
    assert answered.json()["error"]["type"] == "invalid_request_error"


async def test_a_path_that_leads_nowhere_is_not_found(raw: httpx2.AsyncClient) -> None:
    answered = await raw.post("/nowhere", json={})

    assert answered.status_code == 404
    assert isinstance(answered.json()["error"]["message"], str)
