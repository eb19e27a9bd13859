"""Function-calling for servers without it: each call is asked for as an answer to a JSON schema.

Small local models and their chat templates drop tools in silence, or run on for ever; with a schema for one
call at a time 30 of 30 calls were valid (docs/briefs.md).
"""

from dataclasses import replace
from typing import Any

import msgspec
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    ModelResponsePart,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.output import OutputObjectDefinition
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition

MOST_TOKENS = 200
"""Of one call with its hint, in any script; a small model that runs on is cut off here."""


class EmulatedCalls(WrapperModel):
    """Answers a request that offers tools with a call of the first one that has no result yet."""

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        wanted = _first_open(messages, model_request_parameters.function_tools)
        if wanted is None:
            parameters = replace(model_request_parameters, function_tools=[])
            return await super().request(messages, model_settings, parameters)
        said = _instruction(wanted, _complaint(messages))
        asked = [*_opening(messages), ModelRequest(parts=[UserPromptPart(said)])]
        settings = {name: value for name, value in (model_settings or {}).items() if name != "tool_choice"}
        settings["max_tokens"] = MOST_TOKENS
        answer = await super().request(asked, ModelSettings(**settings), self._parameters(wanted))  # type: ignore[typeddict-item]
        return replace(answer, parts=[_as_call(part, wanted) for part in answer.parts])

    def _parameters(self, tool: ToolDefinition) -> ModelRequestParameters:
        """One call as a schema that the server must follow, or else as one that it is told."""
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {"name": {"const": tool.name}, "arguments": tool.parameters_json_schema},
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        output = OutputObjectDefinition(json_schema=schema, name="call", strict=True)
        if self.profile.get("supports_json_schema_output"):
            return ModelRequestParameters(output_mode="native", output_object=output)
        return ModelRequestParameters(output_mode="prompted", output_object=output)


def _first_open(messages: list[ModelMessage], tools: list[ToolDefinition]) -> ToolDefinition | None:
    answered = {
        part.tool_name
        for message in messages
        if isinstance(message, ModelRequest)
        for part in message.parts
        if isinstance(part, ToolReturnPart) and part.outcome != "retried"
    }
    return next((tool for tool in tools if tool.name not in answered), None)


def _opening(messages: list[ModelMessage]) -> list[ModelMessage]:
    """The first request alone: such servers know no messages of tools."""
    return messages[:1]


def _complaint(messages: list[ModelMessage]) -> str:
    """What was wrong with the last call; empty where it was right, or is the first."""
    told = messages[-1].parts if isinstance(messages[-1], ModelRequest) else []
    wrong = (part for part in told if isinstance(part, ToolReturnPart) and part.outcome == "retried")
    return next((f"{part.content} " for part in wrong), "")


def _instruction(tool: ToolDefinition, complaint: str) -> str:
    wanted = f"Call {tool.name} now: {tool.description} Answer with its name and arguments as JSON."
    return complaint + wanted


def _as_call(part: ModelResponsePart, tool: ToolDefinition) -> ModelResponsePart:
    """The text as a call; whatever is wrong with it is found where arguments are checked."""
    if not isinstance(part, TextPart):
        return part
    try:
        found = msgspec.json.decode(_object_in(part.content))
    except (msgspec.DecodeError, RecursionError):
        return ToolCallPart(tool.name, part.content)
    arguments = found.get("arguments") if isinstance(found, dict) else found
    return ToolCallPart(tool.name, arguments if isinstance(arguments, dict) else part.content)


def _object_in(text: str) -> str:
    """Servers that follow no schema put their JSON amid prose and fences."""
    start, end = text.find("{"), text.rfind("}")
    return text[start : end + 1] if 0 <= start < end else text
