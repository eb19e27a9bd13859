"""An answer as OpenAI's API writes it: one JSON document, or the events of a stream; and embeddings. Pure."""

import base64
import hashlib
import json
import re
import struct
from collections.abc import Iterator
from math import sqrt
from typing import Any

from famedash.practice.llm_behaviour import Answer, ToolCall
from famedash.practice.llm_requests import Json

DIMENSIONS = 384
CREATED = 1_767_225_600
PIECE_CHARACTERS = 12
DONE = b"data: [DONE]\n\n"


def completion(answer: Answer, body: Json, number: int) -> Json:
    """`number` makes its ids unique."""
    message = {
        "role": "assistant",
        "content": answer.content,
        "refusal": answer.refusal,
        **({"tool_calls": _calls(answer, number)} if answer.calls else {}),
    }
    choices = [
        {"index": n, "message": message, "logprobs": None, "finish_reason": answer.finish_reason}
        for n in range(body.get("n") or 1)
    ]
    return {
        "id": f"chatcmpl-practice-{number}",
        "object": "chat.completion",
        "created": CREATED,
        "model": body["model"],
        "choices": choices,
        "usage": usage(answer, body),
    }


def events(answer: Answer, body: Json, number: int) -> Iterator[bytes]:
    """The same as server-sent events, up to `[DONE]`; usage only where it was asked for."""
    for delta in _deltas(answer, number):
        yield event(_chunk(body, number, [{"index": 0, "delta": delta, "finish_reason": None}]))
    last = {"index": 0, "delta": {}, "finish_reason": answer.finish_reason}
    yield event(_chunk(body, number, [last]))
    if (body.get("stream_options") or {}).get("include_usage"):
        yield event(_chunk(body, number, []) | {"usage": usage(answer, body)})
    yield DONE


def event(document: Json) -> bytes:
    return b"data: " + encoded(document) + b"\n\n"


def encoded(document: Json) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def usage(answer: Answer, body: Json) -> Json:
    """Tokens, counted as words: roughly."""
    asked = _words(body["messages"]) + _words(body.get("tools") or [])
    said = _words([answer.content or "", answer.refusal or "", *(c.arguments for c in answer.calls)])
    return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}


def models(names: tuple[str, ...]) -> Json:
    data = [{"id": name, "object": "model", "created": CREATED, "owned_by": "practice"} for name in names]
    return {"object": "list", "data": data}


def embeddings(texts: list[str], body: Json) -> Json:
    """A unit vector for each text; texts with words in common are near each other."""
    size = body.get("dimensions") or DIMENSIONS
    as_base64 = body.get("encoding_format") == "base64"
    vectors = [embedding(text, size) for text in texts]
    data = [
        {"object": "embedding", "index": n, "embedding": _in_base64(each) if as_base64 else each}
        for n, each in enumerate(vectors)
    ]
    tokens = sum(len(text.split()) for text in texts)
    spent = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "model": body["model"], "data": data, "usage": spent}


def embedding(text: str, size: int = DIMENSIONS) -> list[float]:
    """Every word adds or subtracts one at a place of its own."""
    vector = [0.0] * size
    for word in re.findall(r"\w+", text.casefold()) or [text]:
        number = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest())
        vector[(number >> 1) % size] += 1.0 if number & 1 else -1.0
    length = sqrt(sum(each * each for each in vector))
    if not length:
        return [1.0] + [0.0] * (size - 1)
    return [each / length for each in vector]


def _in_base64(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def _words(value: Any) -> int:
    return len(re.findall(r"\w+", json.dumps(value, ensure_ascii=False)))


def _chunk(body: Json, number: int, choices: list[Json]) -> Json:
    return {
        "id": f"chatcmpl-practice-{number}",
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": body["model"],
        "choices": choices,
    }


def _calls(answer: Answer, number: int) -> list[Json]:
    return [_call(call, number, place) for place, call in enumerate(answer.calls)]


def _call(call: ToolCall, number: int, place: int) -> Json:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": f"call_{number}_{place}", "type": "function", "function": function}


def _deltas(answer: Answer, number: int) -> Iterator[Json]:
    yield {"role": "assistant", "content": "" if answer.content is not None else None}
    for piece in _pieces(answer.content or ""):
        yield {"content": piece}
    if answer.refusal:
        yield {"refusal": answer.refusal}
    for place, call in enumerate(answer.calls):
        first = _call(ToolCall(call.name, ""), number, place)
        yield {"tool_calls": [{"index": place, **first}]}
        for piece in _pieces(call.arguments):
            yield {"tool_calls": [{"index": place, "function": {"arguments": piece}}]}


def _pieces(text: str) -> Iterator[str]:
    return (text[at : at + PIECE_CHARACTERS] for at in range(0, len(text), PIECE_CHARACTERS))
