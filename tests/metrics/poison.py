"""Poison of every kind: what looks like a line of the log and is no event."""

import json
from typing import Any

EVENT = {
    "eventId": "event-1",
    "campaignId": "summer",
    "influencerId": "mia",
    "platform": "tiktok",
    "type": "view",
    "timestamp": "2026-06-01T12:00:00Z",
}


def line(**changes: Any) -> bytes:
    return json.dumps(EVENT | changes).encode()


def without(name: str) -> bytes:
    return json.dumps({field: value for field, value in EVENT.items() if field != name}).encode()


def raw(value: bytes, field: bytes = b"value") -> bytes:
    """An event with a field written out."""
    return json.dumps(EVENT).encode()[:-1] + b', "' + field + b'": ' + value + b"}"


POISON: list[tuple[str, bytes, str]] = [
    ("nothing", b"", "empty"),
    ("blanks", b" \t\r", "empty"),
    ("truncated", line()[:-9], "not_json"),
    ("text", b"hello", "not_json"),
    ("two values", line() + line(), "not_json"),
    ("a byte order mark", b"\xef\xbb\xbf" + line(), "not_json"),
    ("NaN", raw(b"NaN"), "not_json"),
    ("a lone surrogate", line().replace(b"event-1", rb"\ud800"), "not_json"),
    ("a raw NUL", line().replace(b"event-1", b"a\0b"), "not_json"),
    ("bytes", b"\xff\xfe\x00\x01", "bad_utf8"),
    ("latin-1", line().replace(b"mia", b"zo\xeb"), "bad_utf8"),
    ("an encoded surrogate", line().replace(b"mia", b"\xed\xa0\x80"), "bad_utf8"),
    ("an overlong NUL", line().replace(b"mia", b"\xc0\x80"), "bad_utf8"),
    ("a bomb of arrays", raw(b"[" * 20_000 + b"]" * 20_000, b"note"), "too_deep"),
    ("a bomb of objects", raw(b'{"a":' * 9_000 + b"1" + b"}" * 9_000, b"note"), "too_deep"),
    ("an open bomb", raw(b"[" * 60_000, b"note"), "too_deep"),
    ("a bomb alone", b"[" * 60_000, "not_an_object"),
    ("an array", b"[" + line() + b"]", "not_an_object"),
    ("a number", b"1", "not_an_object"),
    ("a string", b'"event"', "not_an_object"),
    ("null", b"null", "not_an_object"),
    ("an empty object", b"{}", "missing_field"),
    *((f"no {name}", without(name), "missing_field") for name in EVENT),
    ("another type", line(type="impression"), "unknown_type"),
    ("a type in capitals", line(type="View"), "unknown_type"),
    ("a type that is none", line(type=None), "unknown_type"),
    ("a time without offset", line(timestamp="2026-06-01T12:00:00"), "bad_timestamp"),
    ("a time that is a number", line(timestamp=1_780_000_000), "bad_timestamp"),
    ("a day that is none", line(timestamp="2026-02-30T12:00:00Z"), "bad_timestamp"),
    ("a leap second", line(timestamp="2026-06-30T23:59:60Z"), "bad_timestamp"),
    ("before 2000", line(timestamp="1999-12-31T23:59:59Z"), "bad_timestamp"),
    ("after 2999", line(timestamp="3000-01-01T00:00:00Z"), "bad_timestamp"),
    ("the last instant", line(timestamp="9999-12-31T23:59:59-23:59"), "bad_timestamp"),
    ("the first instant", line(timestamp="0001-01-01T00:00:00+23:59"), "bad_timestamp"),
    ("above the limit", line(value=10**9 + 1), "value_out_of_range"),
    ("below the limit", line(value=-(10**9) - 1), "value_out_of_range"),
    ("beyond 64 bits", line(value=2**64), "value_out_of_range"),
    ("thousands of digits", raw(b"9" * 5_000), "value_out_of_range"),
    ("a fraction", line(value=1.5), "value_out_of_range"),
    ("a float", line(value=1.0), "value_out_of_range"),
    ("an exponent", raw(b"1e999999999"), "value_out_of_range"),
    ("a text for a number", line(value="1"), "value_out_of_range"),
    ("true for a number", line(value=True), "value_out_of_range"),
    ("no number", line(value=None), "value_out_of_range"),
    ("a number for an id", line(eventId=1), "invalid_field"),
    ("an object for an id", line(campaignId={}), "invalid_field"),
    ("an empty id", line(influencerId=""), "invalid_field"),
    *((f"{name} too long", line(**{name: "x" * 201}), "invalid_field") for name in ("eventId", "campaignId")),
    ("influencerId too long", line(influencerId="\U0001f3d6" * 201), "invalid_field"),
    ("a platform too long", line(platform="x" * 51), "invalid_field"),
    ("a platform of blanks", line(platform=" \u00a0"), "invalid_field"),
    ("no workspace", line(workspace=None), "invalid_field"),
    ("hashtags in one text", line(hashtags="#a #b"), "invalid_field"),
    ("too many hashtags", line(hashtags=["a"] * 31), "invalid_field"),
    ("an empty hashtag", line(hashtags=[""]), "invalid_field"),
    ("a hashtag too long", line(hashtags=["x" * 101]), "invalid_field"),
    *(
        (f"U+0000 in {name}", line(**{name: "a\0b"}), "control_character")
        for name in ("eventId", "campaignId", "influencerId", "platform", "workspace")
    ),
    ("U+0000 in a hashtag", line(hashtags=["fine", "a\0"]), "control_character"),
    ("a newline in an id", line(eventId="a\nb"), "control_character"),
    ("U+007F", line(campaignId="a\x7f"), "control_character"),
    (
        "U+0085",
        json.dumps(EVENT | {"influencerId": "a\x85"}, ensure_ascii=False).encode(),
        "control_character",
    ),
    ("a byte too many", line(note="x" * (64 * 1024 + 1 - len(line(note="")))), "too_large"),
    ("huge", line(eventId="x" * 1_000_000), "too_large"),
    ("huge and no JSON", b"\xff" * 200_000, "too_large"),
]
"""(what it is, the line, its reason)"""
