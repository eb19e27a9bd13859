"""What a provider refuses before any model sees it, as OpenAI's API does. Pure."""

import re
from typing import Any

from famedash.practice.llm_steps import SECRET

Json = dict[str, Any]

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}\Z")
ROLES = ("system", "developer", "user", "assistant", "tool", "function")
BOUNDS = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "presence_penalty": (-2, 2),
    "frequency_penalty": (-2, 2),
    "n": (1, 128),
    "max_tokens": (1, 1 << 20),
    "max_completion_tokens": (1, 1 << 20),
}


class Rejected(Exception):
    """Answered with an error; the text names what is wrong, and carries the mark."""

    def __init__(
        self, message: str, *, param: str | None = None, status: int = 400, code: str | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.param, self.code = status, param, code

    def as_json(self) -> Json:
        return error(str(self), param=self.param, code=self.code)


def error(
    message: str, *, kind: str = "invalid_request_error", param: str | None = None, code: str | None = None
) -> Json:
    """An error as OpenAI's API words it, with the mark."""
    return {"error": {"message": f"{message} {SECRET}", "type": kind, "param": param, "code": code}}


def check_key(authorization: str, key: str) -> None:
    if authorization != f"Bearer {key}":
        raise Rejected("Incorrect API key provided.", status=401, code="invalid_api_key")


def check_model(body: Any, served: str) -> Json:
    """The body, which is an object and names the model that is served."""
    if not isinstance(body, dict):
        raise Rejected("We could not parse the JSON body of your request.")
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise Rejected("you must provide a model parameter")
    if model != served:
        text = f"The model `{model}` does not exist or you do not have access to it."
        raise Rejected(text, status=404, code="model_not_found")
    return body


def check_chat(body: Json) -> None:
    """Raises `Rejected` for what is malformed in a request for a completion."""
    _check_numbers(body)
    _check_messages(body.get("messages"))
    names = _check_tools(body)
    _check_choice(body.get("tool_choice"), names)
    _check_format(body.get("response_format"), body["messages"])
    if "stream_options" in body and not body.get("stream"):
        raise Rejected("The 'stream_options' parameter is only allowed when 'stream' is enabled.")


def check_embeddings(body: Json) -> list[str]:
    """The texts."""
    given = body.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(t, str) and t for t in texts):
        raise Rejected("'$.input' is invalid.", param="input")
    dimensions = body.get("dimensions", 1)
    if not isinstance(dimensions, int) or not 1 <= dimensions <= 3072:
        raise Rejected("'dimensions' must be an integer from 1 to 3072.", param="dimensions")
    return texts


def _check_numbers(body: Json) -> None:
    for name, (least, most) in BOUNDS.items():
        number = body.get(name)
        if number is None:
            continue
        if isinstance(number, bool) or not isinstance(number, int | float) or not least <= number <= most:
            raise Rejected(f"Invalid '{name}': expected {least} to {most}.", param=name)


def _check_messages(messages: Any) -> None:
    if not isinstance(messages, list) or not messages:
        raise Rejected("Invalid 'messages': expected a list with at least one message.", param="messages")
    waiting: set[str] = set()
    for place, message in enumerate(messages):
        at = f"messages.[{place}]"
        if not isinstance(message, dict) or message.get("role") not in ROLES:
            raise Rejected(f"Invalid value for '{at}.role'.", param=f"{at}.role")
        if message["role"] == "tool":
            _check_result(message, waiting, at)
        elif waiting:
            raise Rejected("An assistant message with 'tool_calls' must be followed by a result of each.")
        _check_content(message, at)
        if message.get("tool_calls") is not None:
            waiting = _called(message, at)
    if waiting:
        raise Rejected("An assistant message with 'tool_calls' must be followed by a result of each.")


def _check_result(message: Json, waiting: set[str], at: str) -> None:
    if message.get("tool_call_id") not in waiting:
        text = "messages with role 'tool' must be a response to a preceding message with 'tool_calls'."
        raise Rejected(text, param=f"{at}.tool_call_id")
    waiting.remove(message["tool_call_id"])


def _check_content(message: Json, at: str) -> None:
    content = message.get("content")
    if content is None and message["role"] == "assistant" and (message.keys() & {"tool_calls", "refusal"}):
        return
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if not isinstance(parts, list) or not all(map(_is_part, parts)):
        raise Rejected(f"Invalid value for '{at}.content': expected a string.", param=f"{at}.content")


def _is_part(part: Any) -> bool:
    return isinstance(part, dict) and (part.get("type") != "text" or isinstance(part.get("text"), str))


def _called(message: Json, at: str) -> set[str]:
    calls = message["tool_calls"]
    if message["role"] != "assistant" or not isinstance(calls, list) or not calls:
        raise Rejected(f"Invalid '{at}.tool_calls'.", param=f"{at}.tool_calls")
    for call in calls:
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict) or not isinstance(call.get("id"), str):
            raise Rejected(f"Invalid '{at}.tool_calls'.", param=f"{at}.tool_calls")
        if not isinstance(function.get("name"), str) or not isinstance(function.get("arguments"), str):
            raise Rejected(f"Invalid '{at}.tool_calls': a name and a text.", param=f"{at}.tool_calls")
    return {call["id"] for call in calls}


def _check_tools(body: Json) -> list[str]:
    """The names of the tools."""
    tools = body.get("tools")
    if tools is None:
        return []
    if not isinstance(tools, list) or not tools:
        raise Rejected("Invalid 'tools': expected a list with at least one tool.", param="tools")
    return [_checked_tool(tool, f"tools[{place}]") for place, tool in enumerate(tools)]


def _checked_tool(tool: Any, at: str) -> str:
    function = tool.get("function") if isinstance(tool, dict) and tool.get("type") == "function" else None
    if not isinstance(function, dict):
        raise Rejected(f"Missing required parameter: '{at}.function'.", param=f"{at}.function")
    name = function.get("name")
    if not isinstance(name, str) or not NAME.match(name):
        raise Rejected(f"Invalid '{at}.function.name'.", param=f"{at}.function.name")
    parameters = function.get("parameters", {"type": "object", "properties": {}})
    if not isinstance(parameters, dict) or parameters.get("type") != "object":
        text = f"Invalid schema for function '{name}': schema must be of type \"object\"."
        raise Rejected(text, param=f"{at}.function.parameters", code="invalid_function_parameters")
    if function.get("strict"):
        _check_strict(parameters, f"function '{name}'", f"{at}.function.parameters")
    return name


def _check_choice(choice: Any, names: list[str]) -> None:
    if choice is None:
        return
    if not names:
        raise Rejected("'tool_choice' is only allowed when 'tools' are specified.", param="tool_choice")
    if isinstance(choice, str):
        if choice not in ("none", "auto", "required"):
            raise Rejected(f"Invalid value for 'tool_choice': '{choice}'.", param="tool_choice")
    elif not chosen(choice) or not set(chosen(choice)) <= set(names):
        raise Rejected("Tool choice names a tool that is not in 'tools'.", param="tool_choice")


def chosen(choice: Any) -> list[str]:
    """The names in a `tool_choice` that is an object; empty for any other."""
    match choice:
        case {"type": "function", "function": {"name": str(name)}}:
            return [name]
        case {"type": "allowed_tools", "allowed_tools": {"tools": list(tools)}}:
            return [str(tool.get("function", {}).get("name")) for tool in tools if isinstance(tool, dict)]
    return []


def _check_format(wanted: Any, messages: list[Json]) -> None:
    match wanted:
        case None | {"type": "text"}:
            return
        case {"type": "json_object"}:
            if "json" not in str([message.get("content") for message in messages]).casefold():
                text = "'messages' must contain the word 'json' in some form, to use 'json_object'."
                raise Rejected(text, param="messages")
        case {"type": "json_schema", "json_schema": {"name": str(name), "schema": dict(schema)} as given}:
            if not NAME.match(name):
                raise Rejected("Invalid 'json_schema.name'.", param="response_format.json_schema.name")
            if given.get("strict"):
                _check_strict(schema, f"response_format '{name}'", "response_format")
        case _:
            raise Rejected("Invalid 'response_format'.", param="response_format")


def _check_strict(schema: Any, of: str, param: str) -> None:
    """The strict mode's rules: every object closed, every property required."""
    if isinstance(schema, list):
        for each in schema:
            _check_strict(each, of, param)
    if not isinstance(schema, dict):
        return
    properties = schema.get("properties", {})
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        text = f"Invalid schema for {of}: 'additionalProperties' is required to be supplied and to be false."
        raise Rejected(text, param=param)
    if schema.get("type") == "object" and set(schema.get("required", ())) != set(properties):
        text = f"Invalid schema for {of}: 'required' must include every key in properties."
        raise Rejected(text, param=param)
    inside = (
        *properties.values(),
        *schema.get("$defs", {}).values(),
        schema.get("items"),
        schema.get("anyOf"),
    )
    for each in inside:
        _check_strict(each, of, param)
