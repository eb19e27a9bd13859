"""Request bodies: camelCase, no unknown fields, no text that cannot be stored."""

import json
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from famedash.infra.errors import Malformed
from famedash.infra.http.texts import refuse_unsound
from famedash.infra.http.validation import refusal_of

B = TypeVar("B", bound=BaseModel)


class Body(BaseModel):
    """What every request body inherits: refuses unknown fields, and U+0000 in text at any depth, by name."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=False, validate_by_alias=True, extra="forbid"
    )

    @model_validator(mode="before")
    @classmethod
    def _sound(cls, value: Any) -> Any:
        refuse_unsound(value)
        return value


def parse(model: type[B], raw: bytes) -> B:
    """A body from its bytes, for a route that needs the bytes as well.

    Raises `Malformed` (not JSON) or `Invalid` with the fields.
    """
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        raise Malformed("The body is not valid JSON.") from None
    try:
        return model.model_validate(value)
    except ValidationError as found:
        raise refusal_of(found.errors(include_url=False)) from None
