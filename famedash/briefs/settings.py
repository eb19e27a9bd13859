"""How the model server is reached, and how patient we are with it."""

from dataclasses import dataclass
from enum import StrEnum


class Calling(StrEnum):
    """How a server calls functions: by itself, or as answers to a JSON schema (for servers without tools)."""

    NATIVE = "native"
    EMULATED = "emulated"


class Shape(StrEnum):
    """What makes a server answer JSON: a schema that it must follow, a promise of any JSON, or only words."""

    JSON_SCHEMA = "json_schema"
    GRAMMAR = "grammar"
    """A schema with patterns, for small models on servers that decode by it (llama.cpp, vLLM)."""
    JSON_OBJECT = "json_object"
    PROMPTED = "prompted"


@dataclass(frozen=True)
class ModelServer:
    """An OpenAI-compatible server. One attempt takes at most `timeout_seconds`, a brief `budget_seconds`.

    Prices are US dollars for a million tokens; None where nobody told us.
    """

    base_url: str
    api_key: str
    model: str
    calling: Calling = Calling.NATIVE
    shape: Shape = Shape.JSON_SCHEMA
    timeout_seconds: float = 20.0
    budget_seconds: float = 60.0
    attempts: int = 3
    most_at_once: int = 8
    input_usd: float | None = None
    output_usd: float | None = None
