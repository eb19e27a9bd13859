"""JSON as all of us write it: Decimal as a number, UTC times as RFC 3339 with `Z`, UUIDs as text."""

from typing import Any

import msgspec

_encoder = msgspec.json.Encoder(decimal_format="number", uuid_format="canonical")


def encode(value: Any) -> bytes:
    """`value` as compact UTF-8 JSON; takes dicts, dataclasses, Decimal, aware datetimes, UUIDs and enums."""
    return _encoder.encode(value)
