"""From what pydantic found to what a person can do: a path such as `budget.amount` and a remedy."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from famedash.infra.errors import FieldError, Invalid, Malformed, Refusal

MOST_ERRORS = 20

_places = frozenset({"body", "query", "path", "header", "cookie"})
_time = "Must be a time such as 2026-07-01T12:00:00Z."
_whole = "Must be a whole number."
_number = "Must be a number."
_object = "Must be a JSON object."
_remedies: Mapping[str, str] = {
    "missing": "Required: add it.",
    "extra_forbidden": "Unknown field: remove it.",
    "string_type": "Must be text.",
    "string_too_short": "Must have at least {min_length} character(s).",
    "string_too_long": "Must have at most {max_length} characters.",
    "string_pattern_mismatch": "Must match {pattern}.",
    "string_unicode": "Must be valid Unicode text.",
    "too_short": "Must have at least {min_length} item(s).",
    "too_long": "Must have at most {max_length} items.",
    "int_type": _whole,
    "int_parsing": _whole,
    "int_from_float": _whole,
    "int_parsing_size": "Must be a smaller whole number.",
    "float_type": _number,
    "float_parsing": _number,
    "decimal_type": _number,
    "decimal_parsing": _number,
    "finite_number": "Must be a finite number.",
    "decimal_max_digits": "Must have at most {max_digits} digits.",
    "decimal_max_places": "Must have at most {decimal_places} decimal places.",
    "decimal_whole_digits": "Must have at most {whole_digits} digits before the point.",
    "greater_than": "Must be greater than {gt}.",
    "greater_than_equal": "Must be {ge} or more.",
    "less_than": "Must be less than {lt}.",
    "less_than_equal": "Must be {le} or less.",
    "bool_type": "Must be true or false.",
    "bool_parsing": "Must be true or false.",
    "enum": "Must be one of {expected}.",
    "literal_error": "Must be one of {expected}.",
    "list_type": "Must be a list.",
    "dict_type": _object,
    "model_type": _object,
    "model_attributes_type": _object,
    "datetime_type": _time,
    "datetime_parsing": _time,
    "datetime_from_date_parsing": _time,
    "datetime_object_invalid": _time,
    "timezone_aware": "Must name its time zone, such as 2026-07-01T12:00:00Z.",
}


def refusal_of(errors: Sequence[Mapping[str, Any]]) -> Refusal:
    """The refusal for pydantic's error list: `Malformed` for broken JSON, else `Invalid` with its fields."""
    if any(error["type"] == "json_invalid" for error in errors):
        return Malformed("The body is not valid JSON.")
    fields = [FieldError(_field(error["loc"]), _message(error)) for error in errors[:MOST_ERRORS]]
    return Invalid(_detail(fields, len(errors)), fields=fields)


def path_of(location: Iterable[str | int]) -> str:
    """`("platforms", 0)` as `platforms[0]`; nowhere in particular is `body`."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif "[" not in part:  # pydantic's own marks, such as function-after[check(), str]
            path += f".{part}" if path else part
    return path or "body"


def _field(location: Sequence[str | int]) -> str:
    """The path without the place it was found in, where FastAPI puts one first."""
    return path_of(location[1:] if location[:1] and location[0] in _places else location)


def _message(error: Mapping[str, Any]) -> str:
    if isinstance(error.get("input"), bytes):
        return "Send JSON, with Content-Type: application/json."
    if error["type"] == "value_error":
        return str(error["msg"]).removeprefix("Value error, ")
    remedy = _remedies.get(error["type"])
    return remedy.format_map(error.get("ctx") or {}) if remedy else f"{error['msg']}."


def _detail(fields: Sequence[FieldError], number: int) -> str:
    first = f"{fields[0].field}: {fields[0].message}"
    return first if number == 1 else f"{first} ({number - 1} more in errors.)"
