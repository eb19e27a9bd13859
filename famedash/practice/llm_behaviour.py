"""What the practice model says to a request: a capable model by default, anything else when told so. Pure.

Offered tools, it calls those that have not answered yet; when all have, it gives the answer that was asked
for: through the output tool that a client forces, as a value of the wanted schema, or as a sentence.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from famedash.practice.llm_requests import Json, chosen
from famedash.practice.llm_steps import (
    Call,
    Calls,
    EndlessTools,
    Good,
    Refusal,
    Said,
    Skip,
    Text,
    Truncated,
)
from famedash.practice.llm_values import value

OUTPUT_TOOL = "final_result"
"""Tools whose names begin so are no tools: they take the answer."""

AGAIN = "try again"
"""A result that asks for it is no answer of a tool yet."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the model is when no step says otherwise.

    `texts`: by the name of a property (`caption`), what to write there. `arguments`: by the name of a tool,
    what to call it with. `parallel`: all calls in one answer, or one by one. `delay_seconds`: before the
    first byte; `piece_seconds`: between two pieces of a stream.
    """

    parallel: bool = True
    texts: dict[str, Any] = field(default_factory=dict)
    arguments: dict[str, dict[str, Any]] = field(default_factory=dict)
    delay_seconds: float = 0.0
    piece_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call, as it goes over the wire: `arguments` is a text."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A message of the model and why it ended."""

    content: str | None = None
    calls: tuple[ToolCall, ...] = ()
    refusal: str | None = None
    finish_reason: str = "stop"


def answer(step: Said, body: Json, behaviour: Behaviour) -> Answer:
    """`body`: a request that was checked."""
    match step:
        case Call() | Calls():
            return _calling(step.calls if isinstance(step, Calls) else [step], body, behaviour)
        case Skip(text) | Text(text):
            return _limited(text, body)
        case Refusal(text, finish_reason):
            return Answer(refusal=text, finish_reason=finish_reason)
        case Truncated():
            return _halved(capable(body, behaviour))
        case EndlessTools():
            return _again(body, behaviour)
        case Good(texts):
            behaviour = replace(behaviour, texts=behaviour.texts | texts)
    return capable(body, behaviour)


def capable(body: Json, behaviour: Behaviour) -> Answer:
    """What a model says that does what it is asked."""
    names = _wanted(body)
    if names:
        calls = [Call(name) for name in (names if behaviour.parallel else names[:1])]
        return _calling(calls, body, behaviour)
    return _limited(_content(body.get("response_format") or {}, behaviour), body)


def _again(body: Json, behaviour: Behaviour) -> Answer:
    calls = [Call(name) for name in _offered(body) if not name.startswith(OUTPUT_TOOL)]
    return _calling(calls, body, behaviour) if calls else capable(body, behaviour)


def _wanted(body: Json) -> list[str]:
    """The tools to call now."""
    choice = body.get("tool_choice")
    offered = list(_offered(body))
    if choice == "none" or not offered:
        return []
    if isinstance(choice, dict):
        offered = chosen(choice)
        if choice["type"] == "function":
            return offered
    answered = set(_answered(body["messages"]))
    left = [n for n in offered if n not in answered and not n.startswith(OUTPUT_TOOL)]
    outputs = [n for n in offered if n.startswith(OUTPUT_TOOL)][:1]
    return left or outputs or (offered[:1] if _must(choice) else [])


def _must(choice: Any) -> bool:
    return choice == "required" or (
        isinstance(choice, dict) and choice["allowed_tools"].get("mode") == "required"
    )


def _offered(body: Json) -> dict[str, Json]:
    """Name and parameters of each tool."""
    functions = [tool["function"] for tool in body.get("tools") or ()]
    return {each["name"]: each.get("parameters", {}) for each in functions}


def _answered(messages: list[Json]) -> Iterator[str]:
    """Names of the tools with a result that is more than the wish to try again."""
    names: dict[str, str] = {}
    for message in messages:
        for call in message.get("tool_calls") or ():
            names[call["id"]] = call["function"]["name"]
        if message["role"] == "tool" and AGAIN not in str(message.get("content")):
            yield names[message["tool_call_id"]]


def _calling(calls: Iterable[Call], body: Json, behaviour: Behaviour) -> Answer:
    said = tuple(ToolCall(call.name, _arguments(call, body, behaviour)) for call in calls)
    return Answer(calls=said, finish_reason="tool_calls")


def _arguments(call: Call, body: Json, behaviour: Behaviour) -> str:
    if isinstance(call.arguments, str):
        return call.arguments
    given = behaviour.arguments.get(call.name) if call.arguments is None else call.arguments
    if given is None:
        given = value(_offered(body).get(call.name, {"type": "object"}), behaviour.texts)
    return json.dumps(given, ensure_ascii=False)


def _content(wanted: Json, behaviour: Behaviour) -> str:
    match wanted:
        case {"type": "json_schema", "json_schema": {"schema": schema}}:
            return json.dumps(value(schema, behaviour.texts), ensure_ascii=False)
        case {"type": "json_object"}:
            return json.dumps(behaviour.texts or {"answer": "Done."}, ensure_ascii=False)
    return str(behaviour.texts.get("text", "Here is what you asked for, in one sentence."))


def _limited(text: str, body: Json) -> Answer:
    """Cut where the request's limit of tokens, here words, is reached."""
    most = body.get("max_completion_tokens") or body.get("max_tokens")
    words = text.split()
    if most and len(words) > most:
        return Answer(content=" ".join(words[:most]), finish_reason="length")
    return Answer(content=text)


def _halved(whole: Answer) -> Answer:
    calls = tuple(replace(c, arguments=c.arguments[: len(c.arguments) // 2]) for c in whole.calls)
    content = whole.content[: len(whole.content) // 2] if whole.content else None
    return replace(whole, content=content, calls=calls, finish_reason="length")
