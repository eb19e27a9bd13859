"""Lists in pages: `limit`, an opaque `cursor`, and `{"items", "nextCursor"}`."""

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import Query

from famedash.infra import json
from famedash.infra.errors import FieldError, Invalid
from famedash.infra.http.texts import refuse_unsound

T = TypeVar("T")

Limit = Annotated[int, Query(ge=1, le=1000, description="How many items to answer, 1 to 1000.")]
"""A route's `limit: Limit = 50`; outside of 1..1000 it is 422."""

Cursor = Annotated[
    str | None, Query(max_length=2000, description="`nextCursor` of the page before; empty: the first page.")
]
"""A route's `cursor: Cursor = None`, to be read with `decode_cursor`."""


def page(items: Sequence[Any], next_cursor: str | None) -> dict[str, Any]:
    """What every list answers; `next_cursor` is None on the last page."""
    return {"items": items, "nextCursor": next_cursor}


def encode_cursor(position: Any) -> str:
    """Where the next page starts (a tuple of plain values), as opaque text."""
    return base64.urlsafe_b64encode(json.encode(position)).rstrip(b"=").decode()


def decode_cursor(cursor: str | None, shape: type[T]) -> T | None:
    """The position in a cursor, of a `shape` such as `tuple[datetime, str]`; None for the first page.

    Raises `Invalid` that names `cursor`. The caller checks what he does with the values: it may be forged.
    """
    if not cursor:
        return None
    try:
        position = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        refuse_unsound(msgspec.json.decode(position))
        return msgspec.json.decode(position, type=shape)
    except (binascii.Error, ValueError, RecursionError, Invalid):
        message = "Not a cursor of this list: use nextCursor of the page before, or leave it out."
        raise Invalid(f"cursor: {message}", fields=[FieldError("cursor", message)]) from None
