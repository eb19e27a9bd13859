"""Who writes: the composer, which is no model, or an OpenAI-compatible server; both by the same agent."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.output import OutputObjectDefinition

from famedash.briefs import wire
from famedash.briefs.composer.composing import LANGUAGES, compose
from famedash.briefs.model import Ask, Draft, Findings
from famedash.briefs.rules.objectives import objective_of
from famedash.briefs.settings import ModelServer, Shape
from famedash.briefs.tools import NAMES, TOOLS
from famedash.briefs.writer import Writer, open_model

COMPOSER = "composer"
COMPOSER_VERSION = "composer-1"
SERVER = "openai-compatible"


@dataclass(frozen=True)
class Engine:
    """Something that writes. `identity` is part of a brief's identity in the cache."""

    name: str
    model_name: str
    identity: str
    begin: Callable[[Ask, Findings], Writer]
    parameters: ModelRequestParameters
    input_usd: float | None = None
    output_usd: float | None = None
    languages: frozenset[str] = frozenset()
    """What it writes in; empty: in any."""


def composer() -> Engine:
    """Deterministic, from a reviewed phrase bank; calls the tools as a model would."""

    def begin(ask: Ask, findings: Findings) -> Writer:
        model = _composing(ask, findings)
        return Writer(
            model, attempts=1, timeout_seconds=30, deadline=time.monotonic() + 30, counts_tokens=False
        )

    return Engine(
        COMPOSER,
        COMPOSER_VERSION,
        COMPOSER_VERSION,
        begin,
        _parameters(Shape.JSON_SCHEMA),
        input_usd=0.0,
        output_usd=0.0,
        languages=frozenset(LANGUAGES),
    )


@asynccontextmanager
async def open_server(server: ModelServer) -> AsyncIterator[Engine]:
    """The engine that asks this server; its connections close with it."""
    async with open_model(server) as model:
        gate = asyncio.Semaphore(server.most_at_once)

        def begin(_: Ask, __: Findings) -> Writer:
            deadline = time.monotonic() + server.budget_seconds
            penalty = wire.REPETITION_PENALTY if server.shape is Shape.GRAMMAR else 0.0
            return Writer(
                model,
                server.attempts,
                server.timeout_seconds,
                deadline,
                gate,
                repetition_penalty=penalty,
            )

        identity = f"{server.base_url} {server.model} {server.calling} {server.shape}"
        parameters = _parameters(server.shape)
        yield Engine(SERVER, server.model, identity, begin, parameters, server.input_usd, server.output_usd)


def _parameters(shape: Shape) -> ModelRequestParameters:
    if shape is Shape.PROMPTED:
        return ModelRequestParameters(output_mode="text")
    schema = wire.GRAMMAR if shape is Shape.GRAMMAR else wire.SCHEMA
    output = OutputObjectDefinition(json_schema=schema, name="brief", strict=True)
    if shape in (Shape.JSON_SCHEMA, Shape.GRAMMAR):
        return ModelRequestParameters(output_mode="native", output_object=output)
    return ModelRequestParameters(output_mode="prompted", output_object=output)


def _composing(ask: Ask, findings: Findings) -> Model:
    def answer(_: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        if info.function_tools:
            hint = ask.product[:120]
            return ModelResponse(parts=[ToolCallPart(name, {TOOLS[name].field: hint}) for name in NAMES])
        return ModelResponse(parts=[TextPart(_composed(ask, findings))])

    async def stream(_: list[ModelMessage], __: AgentInfo) -> AsyncIterator[str]:
        text = _composed(ask, findings)
        for start in range(0, len(text), 80):
            yield text[start : start + 80]

    return FunctionModel(
        answer,
        stream_function=stream,
        model_name=COMPOSER_VERSION,
        profile={"supports_json_schema_output": True},
    )


def _composed(ask: Ask, findings: Findings) -> str:
    return msgspec.json.encode(_on_the_wire(compose(ask, findings, objective_of(ask.goal)))).decode()


def _on_the_wire(draft: Draft) -> dict[str, Any]:
    return {
        "caption": draft.caption,
        "hookIdeas": draft.hook_ideas,
        "hashtags": draft.hashtags,
        "CTA": draft.cta,
        "tone": draft.tone,
        "do": draft.do,
        "dont": draft.dont,
        "deliverables": draft.deliverables,
    }
