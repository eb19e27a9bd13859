"""The JSON of knowledge, in and out, and what a document may be sent as."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from famedash.briefs.knowledge.model import (
    MOST_CHARACTERS,
    MOST_TITLE_CHARACTERS,
    Document,
    Kind,
    Offered,
    key_of,
)
from famedash.briefs.model import Passage, Platform
from famedash.infra.errors import FieldError, Invalid
from famedash.infra.http.bodies import Body
from famedash.infra.http.validation import refusal_of

MOST_BRAND_CHARACTERS = 200
PLAIN = ("text/markdown", "text/plain")

_control = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_EXAMPLE: dict[str, Any] = {
    "title": "Acme: how we speak",
    "text": "# Voice\n\nWarm and plain. We never say *cheap*.\n\n# Claims\n\nNever promise a cure.",
    "brand": "Acme",
    "platform": "instagram",
}


def _one_line(text: str) -> str:
    if _control.search(text) or not text.strip():
        raise ValueError("Must be one line of text, without control characters and not blank.")
    return text.strip()


def _nameable(brand: str) -> str:
    if not key_of(brand):
        raise ValueError("Must have at least one character that can be seen.")
    return brand


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("Must hold some text.")
    return text


def _folded(value: Any) -> Any:
    return value.strip().casefold() if isinstance(value, str) else value


Title = Annotated[str, Field(min_length=1, max_length=MOST_TITLE_CHARACTERS), AfterValidator(_one_line)]
Brand = Annotated[
    str,
    Field(min_length=1, max_length=MOST_BRAND_CHARACTERS),
    AfterValidator(_one_line),
    AfterValidator(_nameable),
]
AnyPlatform = Annotated[Platform, BeforeValidator(_folded)]


class NewDocument(Body):
    """What `POST /knowledge` takes."""

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE})

    title: Title
    text: Annotated[str, Field(max_length=MOST_CHARACTERS), AfterValidator(_not_blank)] = Field(
        description="Markdown, or plain text."
    )
    brand: Brand | None = Field(None, description="Left out: for every brand of the workspace.")
    platform: AnyPlatform | None = Field(None, description="Left out: for every platform.")
    kind: Kind = Kind.GUIDELINE

    def offered(self) -> Offered:
        return Offered(self.title, self.text, self.brand, self.platform, self.kind)


_shape = NewDocument.model_json_schema(ref_template="#/components/schemas/{model}")
_shape.pop("$defs")  # the shapes of answers have the same ones

DOCUMENT_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "JSON; or the text itself, and then the title, brand and platform in the address.",
        "content": {
            "application/json": {"schema": _shape},
            **{media: {"schema": {"type": "string", "example": _EXAMPLE["text"]}} for media in PLAIN},
        },
    }
}
"""The body of `POST /knowledge` for the OpenAPI document: which of the two it is, its type says."""


def read(content: bytes, content_type: str, about: Mapping[str, str]) -> NewDocument:
    """A document from a body; `about` are the parameters of the address. Raises `Invalid` and `Malformed`."""
    media = content_type.partition(";")[0].strip().lower()
    try:
        if media in PLAIN:
            return NewDocument.model_validate({**about, "text": _decoded(content)})
        if media in ("", "application/json"):
            return NewDocument.model_validate_json(content)
    except ValidationError as error:
        raise refusal_of(error.errors(include_url=False)) from None
    message = f"Must be application/json, {' or '.join(PLAIN)}."
    raise Invalid(f"Content-Type: {message}", fields=[FieldError("Content-Type", message)])


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        message = "Must be text in UTF-8."
        raise Invalid(f"body: {message}", fields=[FieldError("body", message)]) from None


class _Shown(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, validate_by_alias=True, extra="forbid")


class DocumentShown(_Shown):
    id: str
    title: str
    brand: str | None
    platform: Platform | None
    kind: Kind
    chunks: int
    characters: int
    created_at: datetime


class DocumentRead(DocumentShown):
    text: str


class DocumentsShown(_Shown):
    items: list[DocumentShown]
    next_cursor: str | None


class PassageShown(_Shown):
    document_id: str
    title: str
    heading: str
    text: str
    score: float = Field(description="The cosine similarity to the query: 1 is the same.")


class PassagesShown(_Shown):
    items: list[PassageShown]
    next_cursor: None


def document_shown(document: Document) -> dict[str, Any]:
    """With its text where it was read with it."""
    shown = {
        "id": document.id,
        "title": document.title,
        "brand": document.brand,
        "platform": document.platform,
        "kind": document.kind,
        "chunks": document.chunks,
        "characters": document.characters,
        "createdAt": document.created_at,
    }
    return shown if document.text is None else {**shown, "text": document.text}


def passage_shown(passage: Passage) -> dict[str, Any]:
    return {
        "documentId": passage.document_id,
        "title": passage.title,
        "heading": passage.heading,
        "text": passage.text,
        "score": round(passage.score, 4),
    }
