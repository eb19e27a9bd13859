"""The JSON that a model is asked for: its schema, and what of it has come so far. Pure.

Simple on purpose, so that every server can follow it: all fields required, no lengths, no patterns. Limits
are policy's business.
"""

from typing import Any

from pydantic_core import from_json

from famedash.briefs.model import Tone

_texts = {"type": "array", "items": {"type": "string"}}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "caption": {"type": "string"},
        "hookIdeas": _texts,
        "hashtags": _texts,
        "CTA": {"type": "string"},
        "tone": {"type": "string", "enum": [tone.value for tone in Tone]},
        "do": _texts,
        "dont": _texts,
        "deliverables": _texts,
    },
    "required": ["caption", "hookIdeas", "hashtags", "CTA", "tone", "do", "dont", "deliverables"],
    "additionalProperties": False,
}


def _line(least: int, most: int) -> dict[str, Any]:
    """So many words and an end: a length alone lets a small model write emoji or numbers up to it."""
    return {"type": "string", "pattern": f"^[A-Z][a-z]+( [A-Za-z']{{1,14}},?){{{least},{most}}}[.!?]$"}


_nothing = {**_texts, "maxItems": 0}
GRAMMAR: dict[str, Any] = SCHEMA | {
    "properties": {
        "caption": _line(8, 24),
        "hookIdeas": {"type": "array", "items": _line(4, 12), "minItems": 3, "maxItems": 3},
        "hashtags": _nothing,
        "CTA": _line(2, 7),
        "tone": SCHEMA["properties"]["tone"],
        "do": _nothing,
        "dont": _nothing,
        "deliverables": _nothing,
    },
}
"""For servers that decode by a grammar and models too small for more: English, and policy adds the lists."""
REPETITION_PENALTY = 0.5
"""Of such a model, which else writes the same hook three times."""


def partial(text: str) -> dict[str, Any]:
    """The fields that an unfinished answer holds so far; empty while it is none of ours."""
    start = text.find("{")
    try:
        found = from_json(text[start:], allow_partial="trailing-strings") if start >= 0 else {}
    except ValueError:
        return {}
    return (
        {name: found[name] for name in SCHEMA["required"] if name in found} if isinstance(found, dict) else {}
    )
