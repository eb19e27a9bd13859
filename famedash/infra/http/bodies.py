"""Request bodies: camelCase, no unknown fields, no text that cannot be stored."""

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.alias_generators import to_camel

from famedash.infra.http.texts import refuse_unsound


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
