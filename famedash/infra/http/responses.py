"""JSON out: Decimal as a number, UTC times as RFC 3339 with `Z`, UUIDs as text."""

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.responses import Response

_encoder = msgspec.json.Encoder(decimal_format="number", uuid_format="canonical")


def json_bytes(value: Any) -> bytes:
    """`value` as compact UTF-8 JSON; takes dicts, dataclasses, Decimal, aware datetimes, UUIDs and enums."""
    return _encoder.encode(value)


def json_response(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """`value` as an `application/json` answer; a route that returns it skips FastAPI's own serialisation."""
    return Response(
        _encoder.encode(value), status_code=status, headers=headers, media_type="application/json"
    )
