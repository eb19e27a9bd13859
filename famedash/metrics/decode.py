"""From a line of the log, or of a request, to an engagement event. Pure.

A line that is no event has one of the reasons of `REASONS`; `docs/metrics.md` explains each to people.
"""

import unicodedata
from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from famedash.infra.errors import Unreadable
from famedash.metrics.model import DEFAULT_WORKSPACE

LONGEST_LINE = 64 * 1024
MOST_HASHTAGS = 30
FIRST, BEYOND = datetime(2000, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC)

REASONS = {
    "empty": "there is nothing on the line",
    "too_large": "the line has more than 64 KiB",
    "not_json": "not JSON, or cut off, or more than one value on the line",
    "bad_utf8": "not UTF-8",
    "too_deep": "nested without end",
    "not_an_object": "JSON, but not an object",
    "missing_field": "a required field is missing",
    "unknown_type": "the type is none of those that are counted",
    "bad_timestamp": "not an RFC 3339 time with its offset, between the years 2000 and 2999",
    "value_out_of_range": "the value is no integer within ±1,000,000,000",
    "invalid_field": "a field has the wrong type, no characters or too many",
    "control_character": "an id, the platform or a hashtag holds a control character",
    "future": "more than 60 s later than its arrival",
    "too_late": "before the time for which repeats can be told apart",
    "refused": "the database refused it: a counter would overflow",
}

Id = Annotated[str, Meta(min_length=1, max_length=200)]


class Event(msgspec.Struct, gc=False, rename="camel", omit_defaults=True):
    """One engagement event (on the wire its fields are camelCase)."""

    event_id: Id
    campaign_id: Id
    influencer_id: Id
    platform: Annotated[str, Meta(min_length=1, max_length=50)]
    type: Literal["view", "like", "comment", "share", "save", "click", "conversion"]
    timestamp: Annotated[datetime, Meta(tz=True)]
    value: Annotated[int, Meta(ge=-(10**9), le=10**9)] = 1
    workspace: Id = DEFAULT_WORKSPACE
    hashtags: (
        Annotated[list[Annotated[str, Meta(min_length=1, max_length=100)]], Meta(max_length=MOST_HASHTAGS)]
        | None
    ) = None


decode = msgspec.json.Decoder(Event).decode
"""Raises one of `BROKEN`; what a type cannot say (`check`) is not checked yet."""

BROKEN = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def read(line: bytes) -> Event:
    """The event on this line, checked whole. Raises `Unreadable` with a reason of `REASONS`."""
    if len(line) > LONGEST_LINE:
        raise Unreadable("too_large")
    try:
        event = decode(line)
    except BROKEN as broken:
        raise Unreadable(reason_of(broken, line)) from broken
    check(event)
    return event


def check(event: Event) -> None:
    """What the types of `Event` leave open. Raises `Unreadable`."""
    texts = (event.event_id, event.campaign_id, event.influencer_id, event.workspace, event.platform)
    if has_control(*texts, *(event.hashtags or ())) or not event.platform.strip():
        raise Unreadable("control_character" if event.platform.strip() else "invalid_field")
    if not is_in_range(event.timestamp):
        raise Unreadable("bad_timestamp")


def is_in_range(timestamp: datetime) -> bool:
    """Does it lie in the years 2000 to 2999 of UTC, whatever its offset?"""
    return FIRST <= timestamp < BEYOND


def has_control(*texts: str) -> bool:
    """Does one hold a control character (Unicode's Cc: U+0000 to 1F, 7F to 9F)?"""
    for text in texts:
        if not text.isprintable() and any(unicodedata.category(each) == "Cc" for each in text):
            return True
    return False


def reason_of(broken: Exception, line: bytes) -> str:
    """Why `decode` raised, as one of `REASONS`. msgspec says the place only in its text."""
    match broken:
        case RecursionError():
            return "too_deep"
        case UnicodeDecodeError():
            return "bad_utf8"
        case msgspec.ValidationError():
            return _misfit(str(broken))
    if not line.strip():
        return "empty"
    return "not_json" if _is_text(line) else "bad_utf8"


def _is_text(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _misfit(text: str) -> str:
    if "missing required field" in text:
        return "missing_field"
    if "`$." not in text:
        return "not_an_object"
    if "`$.type`" in text:
        return "unknown_type"
    if "`$.timestamp`" in text:
        return "bad_timestamp"
    return "value_out_of_range" if "`$.value`" in text else "invalid_field"


def platform_of(event: Event) -> str:
    """Its platform as it is stored: lower case, no blanks around it."""
    return event.platform.strip().lower()


def stored_hashtags(tags: list[str]) -> list[str]:
    """Hashtags as they are stored: lower case, no '#', each once."""
    return list(dict.fromkeys(kept for tag in tags if (kept := tag.strip().lstrip("#").lower())))
