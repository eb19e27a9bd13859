"""Streams for property-based tests: events on every edge, repeats spelled otherwise, poison, strays.

A sketch knows times only relative to "now", so that it can be played at any time; `written` makes it lines.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zlib import crc32

from hypothesis import strategies as st

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
HORIZON_DAYS = 7
MOST_DAYS_OLD = 6

ZONES = (timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-8)), UTC)
POISON = (
    (b" ", "empty"),
    (b'{"eventId": "cut', "not_json"),
    (b"[1, 2]", "not_an_object"),
    (b'{"eventId": "\xff"}', "bad_utf8"),
    (b'{"eventId": "e"}', "missing_field"),
    (b'{"x": ' + b"[" * 2000, "too_deep"),
)


@dataclass(frozen=True)
class Line:
    """`reason` is None for an event that counts (`event`)."""

    text: bytes
    event: dict[str, Any] | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Put:
    """One entry for the log, as it is to be appended."""

    partition: int
    lines: Sequence[Line]

    @property
    def data(self) -> bytes:
        return b"\n".join(line.text for line in self.lines)


@dataclass(frozen=True)
class Sketch:
    """One line: an event (`fields`), or the one `again` lines before, or poison.

    `joined`: it stands in the entry of the line before. `astray`: so far from home its entry is put.
    """

    fields: dict[str, Any] = field(default_factory=dict)
    edge: str = "minute"
    offset_ms: int = 0
    spelling: int = 0
    again: int = 0
    poison: int | None = None
    joined: bool = False
    astray: int = 0


def edges(now: datetime) -> dict[str, datetime]:
    """Instants around which something changes: a bucket, a window, what is kept."""
    minute = now.replace(second=0, microsecond=0)
    hour = minute.replace(minute=0)
    return {
        "minute": minute,
        "hour": hour,
        "hour ago": minute - HOUR,
        "hour before": hour - HOUR,
        "day ago": minute - DAY,
        "hour a day before": hour - DAY,
        "midnight": hour.replace(hour=0),
        "two days ago": minute - 2 * DAY,
        "three days ago": minute - 3 * DAY + MINUTE,
        "beyond minutes": hour - timedelta(hours=80),
        "six days ago": minute - MOST_DAYS_OLD * DAY + MINUTE,
        "future": minute + timedelta(minutes=9),
        "too late": minute - 30 * DAY,
    }


REASON_OF = {"future": "future", "too late": "too_late"}
OFFSETS_MS = (0, -1, 1, 999, 59_999, 30_000, -60_000)

event_fields = st.fixed_dictionaries(
    {
        "eventId": st.sampled_from(("a", "b", "c", "ä")),
        "campaignId": st.sampled_from(("summer", "winter", 'o"dd\\')),
        "influencerId": st.sampled_from(("mia", "zoë {x}")),
        "platform": st.sampled_from(("tiktok", " TikTok ", "youtube")),
        "type": st.sampled_from(("view", "view", "like", "comment", "share", "save", "click", "conversion")),
    },
    optional={
        "value": st.sampled_from((0, 1, 5, -3, 10**9, -(10**9))),
        "workspace": st.sampled_from(("default", "acme")),
        "hashtags": st.lists(st.sampled_from(("#Sun", "sun", "#", "sea")), max_size=3),
    },
)
placed: dict[str, Any] = {
    "spelling": st.integers(0, 5),
    "joined": st.booleans(),
    "astray": st.sampled_from((0, 0, 0, 0, 1, 7)),
}
fresh = st.builds(
    Sketch,
    fields=event_fields,
    edge=st.sampled_from(
        tuple(edges(datetime(2026, 1, 1, tzinfo=UTC))),
    ),
    offset_ms=st.sampled_from(OFFSETS_MS),
    **placed,
)
again = st.builds(Sketch, again=st.integers(1, 12), **placed)
poison = st.builds(Sketch, poison=st.integers(0, len(POISON) - 1), **placed)


def sketches(least: int, most: int) -> st.SearchStrategy[list[Sketch]]:
    return st.lists(st.one_of(fresh, fresh, fresh, again, again, poison), min_size=least, max_size=most)


def written(sketches: Sequence[Sketch], now: datetime) -> list[Put]:
    """The entries of a stream that is played at `now`.

    Whatever has campaign, id and instant of an event before is that event again: which of two came first is
    not for a stream with strays to say.
    """
    said: list[Sketch] = []
    first: dict[Any, dict[str, Any]] = {}
    puts: list[tuple[int, list[Line]]] = []
    for sketch in sketches:
        told = said[-min(sketch.again, len(said))] if sketch.again and said else sketch
        if sketch.poison is not None or not told.fields:
            text, reason = POISON[sketch.poison or 0]
            line = Line(text, reason=reason)
        else:
            said.append(told)
            at = edges(now)[told.edge] + timedelta(milliseconds=told.offset_ms)
            fields = first.setdefault((*campaign_of(told.fields), told.fields["eventId"], at), told.fields)
            event = fields | {"timestamp": spelled(at, sketch.spelling)}
            text = json.dumps(event, ensure_ascii=sketch.spelling % 2 == 0).encode()
            line = Line(text, event, REASON_OF.get(told.edge))
        if sketch.joined and puts:
            puts[-1][1].append(line)
        else:
            puts.append(((home_of(line) + sketch.astray) % 16, [line]))
    return [Put(partition, of_entry) for partition, of_entry in puts]


def counted(puts: Sequence[Put]) -> list[dict[str, Any]]:
    return [line.event for put in puts for line in put.lines if line.event and not line.reason]


def campaign_of(fields: dict[str, Any]) -> tuple[str, str]:
    return fields.get("workspace", "default"), fields["campaignId"]


def home_of(line: Line) -> int:
    return crc32("/".join(campaign_of(line.event)).encode()) % 16 if line.event else 0


def spelled(at: datetime, spelling: int) -> str:
    """The same instant, by `Z` or an offset, with few or many digits."""
    if spelling < 2:
        return at.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
    if spelling < 3:
        return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "000Z"
    return at.astimezone(ZONES[spelling - 3]).isoformat()
