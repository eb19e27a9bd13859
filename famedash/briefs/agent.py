"""The agent: tools first, then the brief, then policy.

Two phases, because on many servers a schema for the answer excludes tools in the same request.

Nothing leaves here that policy has not passed.
"""

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import structlog
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextPart,
    ToolCallPart,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.settings import ModelSettings

from famedash.briefs import wire
from famedash.briefs.model import Brief, Findings
from famedash.briefs.patience import unusable
from famedash.briefs.prompts import Prompts
from famedash.briefs.rules import lenient, policy
from famedash.briefs.rules.limits import LIMITS
from famedash.briefs.tools import NAMES, TOOLS, Toolbox
from famedash.briefs.writer import MOST_TOKENS, Writer

MOST_ROUNDS = 4
"""Requests of the first phase: three tools one by one, and one that goes wrong."""
MOST_ANSWERS = 3
"""Of the second phase: the first one and two repairs."""
TEMPERATURE = 0.7
LONGEST_SENT_BACK, LONGEST_ARGUMENTS = 4_000, 2_000
"""Characters of an answer, and of a call's arguments, that a model is shown again."""
ROOM_FOR_HASHTAGS, LONGEST_CAPTION = 120, 900
"""Characters: what a model is told to leave for the hashtags, and the most it is ever asked for."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")

log = structlog.get_logger()


async def consult(writer: Writer, toolbox: Toolbox, prompts: Prompts) -> Findings:
    """Let the model call the tools, and call what it did not. Raises the refusal of a model that is away."""
    messages: list[ModelMessage] = [_request(prompts, prompts.consult)]
    parameters = ModelRequestParameters(function_tools=[TOOLS[name].definition for name in NAMES])
    settings = ModelSettings(max_tokens=MOST_TOKENS // 2, temperature=0.0, tool_choice="required")
    for _ in range(MOST_ROUNDS):
        if not toolbox.missing:
            break
        answer = await writer.ask(messages, parameters, settings)
        if not answer.tool_calls:
            break
        told = await toolbox.answer_all(answer.tool_calls[:8])
        messages += [_only_these(answer, len(told)), ModelRequest(parts=told)]
    return await toolbox.complete()


async def write(
    writer: Writer,
    toolbox: Toolbox,
    prompts: Prompts,
    parameters: ModelRequestParameters,
    tell: Callable[[dict[str, Any]], None] | None = None,
) -> Brief:
    """The brief, mended by policy; a model whose answer cannot be mended is told why, twice at most."""
    ask, findings = toolbox.ask, toolbox.findings
    limits = LIMITS[ask.platform]
    wanted = prompts.write(
        findings,
        caption_characters=min(limits.caption_characters - ROOM_FOR_HASHTAGS, LONGEST_CAPTION),
        hooks=f"{limits.least_hooks} to {limits.most_hooks}",
    )
    messages: list[ModelMessage] = [_request(prompts, wanted)]
    settings = ModelSettings(max_tokens=MOST_TOKENS, temperature=TEMPERATURE)
    if writer.repetition_penalty:
        settings["frequency_penalty"] = writer.repetition_penalty
    on_text = (lambda text: tell(wire.partial(text))) if tell else None
    for _ in range(MOST_ANSWERS):
        answer = await writer.ask(messages, parameters, settings, on_text)
        try:
            return await asyncio.to_thread(_mended, answer.text or "", toolbox, prompts)
        except lenient.NotADraft as unread:
            reasons = [*unread.reasons, *_cut_off(answer)]
        except policy.Unmendable as violated:
            reasons = list(violated.violations)
        log.info("brief.answer_unusable", reasons=len(reasons))
        messages += [_said(answer), _request(prompts, prompts.repair(reasons))]
    raise unusable()


def _mended(text: str, toolbox: Toolbox, prompts: Prompts) -> Brief:
    """On a thread: a flood of text costs policy most of a second. Raises `NotADraft` or `Unmendable`."""
    ask, findings = toolbox.ask, toolbox.findings
    draft = lenient.read(text)
    return policy.mend(draft, ask, findings, known=known(findings), forbidden=prompts.secrets)


def known(findings: Findings) -> list[str]:
    """The texts whose facts may be repeated."""
    return [passage.text for passage in findings.angle.passages] if findings.angle else []


def _request(prompts: Prompts, text: str) -> ModelRequest:
    return ModelRequest(parts=[UserPromptPart(text)], instructions=prompts.system)


def _only_these(answer: ModelResponse, number: int) -> ModelResponse:
    """The answer with as many calls as were answered: a provider refuses a call without its result."""
    calls = [_sent_back(call) for call in answer.tool_calls[:number]]
    return ModelResponse(parts=calls, model_name=answer.model_name)


def _sent_back(call: ToolCallPart) -> ToolCallPart:
    """The call as providers take it back: they refuse odd names in a history, and a flood serves nobody."""
    name = call.tool_name if _NAME.fullmatch(call.tool_name) else "unknown"
    args = _encodable(call.args) if isinstance(call.args, str) else call.args
    written = replace(call, args=args).args_as_json_str()
    return replace(call, tool_name=name, args=written if len(written) <= LONGEST_ARGUMENTS else "{}")


def _said(answer: ModelResponse) -> ModelResponse:
    """What it answered, bounded: a flood is not sent back to it."""
    text = _encodable(answer.text or "").strip()[:LONGEST_SENT_BACK] or "(nothing)"
    return ModelResponse(parts=[TextPart(text)], model_name=answer.model_name)


def _encodable(text: str) -> str:
    """Without halves of surrogate pairs, which a model's JSON may hold and UTF-8 may not."""
    return text.encode("utf-8", "replace").decode()


def _cut_off(answer: ModelResponse) -> list[str]:
    return ["It was cut off because it was too long: be shorter."] if answer.finish_reason == "length" else []
