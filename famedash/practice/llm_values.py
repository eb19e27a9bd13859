"""A value that satisfies a JSON schema, as a sensible model would write it. Pure.

It reads what the schemas of pydantic use: `$ref`, `allOf`, `anyOf`, `oneOf`, `enum`, `const`, lengths,
bounds, formats, arrays and objects. Of patterns only those that one of `WORDINGS` happens to fit.
"""

import re
from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]

PLAUSIBLE: dict[str, Any] = {
    "caption": "Three minutes in the morning, and the day starts soft. Which step do you never skip?",
    "hook_ideas": [
        "I stopped doing this at 7 a.m. and it shows",
        "The shelf tour nobody asked for",
        "One week, one change, no filter",
    ],
    "hashtags": ["#morningroutine", "#smallhabits", "#honestreview"],
    "cta": "Tap the link in bio to try it",
    "platform": "instagram",
    "topic": "beauty",
    "tone": "warm",
}
"""By a property's name, however it is written: what a brief would hold there."""

DEEP = 6
WORDINGS = ("{name}", "#{word}", "{word}", "{Name}.", "1", "2026-01-31", "aB3-xyz", "en", "EUR", "1.50")

FORMATS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "email": "ada@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000001",
}


def value(schema: Schema, texts: Mapping[str, Any] | None = None) -> Any:
    """`texts`: by a property's name, at any depth, what to put there, fitting or not."""
    return _Writer(schema, texts or {}).value(schema, "value")


def plain(name: str) -> str:
    """A name however it is written: `hookIdeas`, `hook_ideas` and `HOOK-IDEAS` agree."""
    return re.sub(r"[\W_]", "", name).casefold()


_PLAUSIBLE = {plain(name): text for name, text in PLAUSIBLE.items()}


class _Writer:
    def __init__(self, root: Schema, texts: Mapping[str, Any]) -> None:
        self._root = root
        self._texts = {plain(name): text for name, text in texts.items()}
        self._depth = 0

    def value(self, schema: Schema, name: str, number: int = 0) -> Any:
        """`number`: of the item, where this is one of an array."""
        self._depth += 1
        try:
            return self._value(schema, name, number)
        finally:
            self._depth -= 1

    def _value(self, schema: Schema, name: str, number: int) -> Any:
        schema = self.resolved(schema)
        if plain(name) in self._texts and not number:
            return self._texts[plain(name)]
        if "const" in schema:
            return schema["const"]
        plausible = None if number else _PLAUSIBLE.get(plain(name))
        if plausible is not None and _fits(plausible, schema, self):
            return plausible
        if "enum" in schema:
            return schema["enum"][0]
        return self._of_type(_type(schema), schema, name, number)

    def _of_type(self, kind: str, schema: Schema, name: str, number: int) -> Any:
        match kind:
            case "object":
                properties = self._properties(schema)
                return {key: self.value(each, key) for key, each in properties.items()}
            case "array":
                return self._array(schema, name)
            case "integer" | "number":
                return _number(schema, whole=kind == "integer")
            case "boolean":
                return True
            case "null":
                return None
        return _string(schema, name, number)

    def _properties(self, schema: Schema) -> Schema:
        """All of them; deep inside, where a schema may contain itself, only those that must be."""
        properties, must = schema.get("properties", {}), schema.get("required", ())
        return {key: each for key, each in properties.items() if not self._deep or key in must}

    @property
    def _deep(self) -> bool:
        return self._depth > DEEP

    def _array(self, schema: Schema, name: str) -> list[Any]:
        first = [self.value(each, name, 1) for each in schema.get("prefixItems", ())]
        items = schema.get("items", {})
        if items is False or (first and "items" not in schema):
            return first
        wanted = min(max(schema.get("minItems", 1), len(first)), schema.get("maxItems", 1 << 30))
        return first + [self.value(items, name, 1 + n) for n in range(len(first), wanted)]

    def resolved(self, schema: Schema | bool) -> Schema:
        """Without `$ref`, `allOf` and alternatives."""
        if isinstance(schema, bool):
            return {}
        if "$ref" in schema:
            rest = {key: each for key, each in schema.items() if key != "$ref"}
            return self.resolved(self._pointed_at(schema["$ref"]) | rest)
        for key in ("anyOf", "oneOf"):
            if alternatives := schema.get(key):
                rest = {k: each for k, each in schema.items() if k != key}
                return rest | self._chosen([self.resolved(each) for each in alternatives])
        if "allOf" in schema:
            return self._merged(schema)
        return schema

    def _chosen(self, alternatives: list[Schema]) -> Schema:
        """The first that is not null; deep inside, rather null."""
        fitting = [each for each in alternatives if (each.get("type") == "null") == self._deep]
        return (fitting or alternatives)[0]

    def _merged(self, schema: Schema) -> Schema:
        merged: Schema = {key: each for key, each in schema.items() if key != "allOf"}
        for part in map(self.resolved, schema["allOf"]):
            properties = merged.get("properties", {}) | part.get("properties", {})
            merged = part | merged | ({"properties": properties} if properties else {})
        return merged

    def _pointed_at(self, reference: str) -> Schema:
        found: Any = self._root
        for step in reference.removeprefix("#").strip("/").split("/"):
            found = found[step.replace("~1", "/").replace("~0", "~")] if step else found
        return dict(found)


def _fits(candidate: Any, schema: Schema, writer: _Writer) -> bool:
    """Could a plausible text, or list of texts, stand here?"""
    if "enum" in schema:
        return candidate in schema["enum"]
    kind = _type(schema)
    if isinstance(candidate, str):
        return kind == "string" and _string_fits(candidate, schema)
    few, many = schema.get("minItems", 0), schema.get("maxItems", 1 << 30)
    items = writer.resolved(schema.get("items", {}))
    return (
        kind == "array"
        and "prefixItems" not in schema
        and few <= len(candidate) <= many
        and all(_fits(each, items, writer) for each in candidate)
    )


def _string_fits(text: str, schema: Schema) -> bool:
    fits_length = schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", 1 << 30)
    return fits_length and "format" not in schema and bool(re.search(schema.get("pattern", ""), text))


def _type(schema: Schema) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        return str(next((each for each in kind if each != "null"), "null"))
    if kind:
        return str(kind)
    if "properties" in schema:
        return "object"
    return "array" if "items" in schema or "prefixItems" in schema else "string"


def _string(schema: Schema, name: str, number: int) -> str:
    if (form := schema.get("format")) in FORMATS:
        return FORMATS[form]
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|[\W_]+", " ", name).strip().lower() or "text"
    counted = f" {number}" if number else ""
    wordings = [
        each.format(
            name=words + counted,
            Name=words.capitalize() + counted,
            word=words.replace(" ", "") + counted.strip(),
        )
        for each in WORDINGS
    ]
    least, most = schema.get("minLength", 0), schema.get("maxLength", 1 << 30)
    fitting = [text for text in wordings if _string_fits(text, schema)]
    return fitting[0] if fitting else wordings[0].ljust(least, "x")[:most]


def _number(schema: Schema, *, whole: bool) -> float:
    """Small, and rather above zero."""
    step: float = schema.get("multipleOf", 1 if whole else 0.5)
    least: Any = schema.get("minimum", schema.get("exclusiveMinimum", step))
    most: Any = schema.get("maximum", schema.get("exclusiveMaximum", step))
    up, down = -(-least // step) * step, most // step * step
    candidates = (step, up, up + step, down, down - step, (least + most) / 2)
    number = next((each for each in candidates if _is_within(each, schema)), up)
    return int(number) if whole else float(number)


def _is_within(number: float, schema: Schema) -> bool:
    least, most = schema.get("minimum", number), schema.get("maximum", number)
    above, below = schema.get("exclusiveMinimum", number - 1), schema.get("exclusiveMaximum", number + 1)
    return bool(least <= number <= most and above < number < below)
