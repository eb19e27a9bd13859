"""From the body of `POST /events` to lines for the log, partition by partition, and what was refused. Pure.

An event is read by the rules of `decode`, and two more: the workspace is the token's, so a body names none,
and an event lies at most 60 s ahead. What passes is encoded anew, with its workspace: unknown fields are
dropped, so a line stays far below `LONGEST_LINE` whatever was sent; a time stays the instant it was.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import UNSET, Raw

from famedash.infra.errors import FieldError, Invalid, Malformed, TooLarge, Unreadable
from famedash.infra.log.partitions import partition_of
from famedash.metrics.decode import BROKEN, REASONS, Event, check, has_control, is_in_range, reason_of
from famedash.metrics.model import COUNTER_OF, FUTURE_SECONDS

MOST_EVENTS = 10_000
MOST_SHOWN = 20
"""So many refused events are described, and all are counted."""

LARGEST_ENTRY = 1_048_576
LINES = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl"})
SENTENCES = REASONS | {
    "unknown_type": f"must be one of {', '.join(COUNTER_OF)}",
    "workspace_in_body": "the workspace is the token's: leave this field out",
    "future": "more than 60 s ahead of our clock",
}


class Posted(Event, gc=False, omit_defaults=True):
    """An event as it is posted: it must not say whose it is, so that is looked at before it is set."""

    workspace: Any = UNSET


class _Wrapped(msgspec.Struct):
    events: Raw = Raw()
    workspace: Any = UNSET


_decode = msgspec.json.Decoder(Posted).decode
_decode_all = msgspec.json.Decoder(list[Posted]).decode
_decode_raw = msgspec.json.Decoder(list[Raw]).decode
_decode_wrapped = msgspec.json.Decoder(_Wrapped).decode
_encode_lines = msgspec.json.Encoder().encode_lines

_missing = re.compile(r"missing required field `(\w+)`")
_place = re.compile(r"at `\$\.([^`]+)`")


@dataclass(frozen=True, slots=True)
class Rejected:
    """`index` counts the body's events from 0; `place` is the field (`hashtags[1]`), empty for the whole."""

    index: int
    reason: str
    place: str

    @property
    def detail(self) -> str:
        sentence = SENTENCES[self.reason]
        return f"{self.place}: {sentence}" if self.place else sentence


@dataclass(slots=True)
class Taken:
    """What became of a body. `entries` are (partition, NDJSON), none larger than `LARGEST_ENTRY`."""

    accepted: int = 0
    entries: list[tuple[int, bytes]] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    shown: list[Rejected] = field(default_factory=list)

    def reject(self, index: int, reason: str, place: str) -> None:
        self.reasons[reason] += 1
        if len(self.shown) < MOST_SHOWN:
            self.shown.append(Rejected(index, reason, place))


def read(body: bytes, content_type: str, *, workspace: str, now: datetime) -> Taken:
    """One event, an array, `{"events": [...]}`, or lines of events.

    Raises `Malformed` (broken JSON), `TooLarge` (more than 10,000 events), `Invalid` (no event, or none that
    can be taken).
    """
    body = body.strip()
    if not body:
        raise _invalid("body", "Send at least one event.")
    taken = Taken()
    lanes: defaultdict[int, list[Posted]] = defaultdict(list)
    lane_of: dict[str, Callable[[Posted], None]] = {}
    latest = now + timedelta(seconds=FUTURE_SECONDS)
    wary = may_hold_control(body)
    for index, event in _events(body, content_type, taken):
        if event.workspace is not UNSET:
            taken.reject(index, "workspace_in_body", "workspace")
            continue
        event.workspace = workspace
        if (wary and not _printable(event)) or event.platform.isspace() or not is_in_range(event.timestamp):
            try:
                check(event)
            except Unreadable as unreadable:
                taken.reject(index, str(unreadable), _unchecked(event, str(unreadable)))
                continue
        if event.timestamp > latest:
            taken.reject(index, "future", "timestamp")
            continue
        enter = lane_of.get(event.campaign_id)
        if enter is None:
            enter = lanes[partition_of(workspace, event.campaign_id)].append
            lane_of[event.campaign_id] = enter
        enter(event)
    _settle(taken, lanes)
    return taken


def may_hold_control(body: bytes) -> bool:
    """Could a text in this JSON hold a control character? Asking each event costs more than decoding it.

    Below U+0020 it takes an escape; U+007F is itself; U+0080 to 9F begin with C2 in UTF-8.
    """
    return b"\\" in body or b"\x7f" in body or b"\xc2" in body


def _printable(event: Posted) -> bool:
    """Then it holds no control character: one question for all its texts, which is nearly always enough."""
    texts = event.event_id + event.campaign_id + event.influencer_id + event.platform
    return texts.isprintable() and (not event.hashtags or "".join(event.hashtags).isprintable())


def _settle(taken: Taken, lanes: Mapping[int, Sequence[Posted]]) -> None:
    for partition, events in lanes.items():
        taken.accepted += len(events)
        taken.entries += [(partition, entry) for entry in split(_encode_lines(events))]
    if not taken.accepted:
        errors = [FieldError(_path(each), f"{SENTENCES[each.reason]}.") for each in taken.shown]
        number = taken.reasons.total()
        raise Invalid(
            f"None of the events can be taken: {errors[0].field}: {errors[0].message}"
            + (f" ({number - 1:,} more.)" if number > 1 else ""),
            fields=errors,
        )


def split(lines: bytes, largest: int = LARGEST_ENTRY) -> Iterator[bytes]:
    """NDJSON in pieces of whole lines (none longer than `largest` bytes), without a newline at the end."""
    begin, end = 0, len(lines) - lines.endswith(b"\n")
    while end - begin > largest:
        cut = lines.rindex(b"\n", begin, begin + largest + 1)
        yield lines[begin:cut]
        begin = cut + 1
    yield lines[begin:end]


def _events(body: bytes, content_type: str, taken: Taken) -> Iterator[tuple[int, Posted]]:
    """The events that decode, each with its index; the others are rejected."""
    if content_type.partition(";")[0].strip().lower() in LINES:
        return _each(_lines(body), taken)
    if body.startswith(b"["):
        return _array(body, taken)
    if body.startswith(b"{"):
        return _object(body, taken)
    try:
        msgspec.json.decode(body)
    except BROKEN:
        raise _malformed() from None
    raise _invalid("body", 'Must be an event, an array of events or {"events": [...]}.')


def _object(body: bytes, taken: Taken) -> Iterator[tuple[int, Posted]]:
    try:
        wrapped = _decode_wrapped(body)
    except BROKEN:
        first, newline, _ = body.partition(b"\n")
        if not (newline and first.rstrip().endswith(b"}")):
            raise _malformed() from None
        return _each(_lines(body), taken)
    events = bytes(wrapped.events)
    if not events:
        return _each([body], taken)
    if wrapped.workspace is not UNSET:
        raise _invalid("workspace", f"{SENTENCES['workspace_in_body'].capitalize()}.")
    if not events.startswith(b"["):
        raise _invalid("events", "Must be an array of events.")
    return _array(events, taken)


def _array(body: bytes, taken: Taken) -> Iterator[tuple[int, Posted]]:
    """All at once where all are events (two thirds of the time); else one after the other."""
    try:
        events = _decode_all(body)
    except BROKEN:
        return _each(_elements(body), taken)
    _bound(len(events))
    return iter(enumerate(events))


def _elements(body: bytes) -> list[Raw]:
    _bound(body.count(b",") // 100 or 1)  # before millions of zeros become objects: an event has few commas
    try:
        return _decode_raw(body)
    except BROKEN:
        raise _malformed() from None


def _lines(body: bytes) -> list[bytes]:
    """Those that are not blank."""
    _bound(body.count(b"\n") // 10 or 1)
    return [line for line in body.split(b"\n") if line and not line.isspace()]


def _each(pieces: Sequence[bytes | Raw], taken: Taken) -> Iterator[tuple[int, Posted]]:
    _bound(len(pieces))
    for index, piece in enumerate(pieces):
        try:
            event = _decode(piece)
        except BROKEN as broken:
            reason = reason_of(broken, bytes(piece))
            found = (_missing.search if reason == "missing_field" else _place.search)(str(broken))
            taken.reject(index, reason, found[1] if found else "")
        else:
            yield index, event


def _bound(number: int) -> None:
    if not number:
        raise _invalid("events", "Send at least one event.")
    if number > MOST_EVENTS:
        raise TooLarge(f"At most {MOST_EVENTS:,} events at a time: send them in several requests.")


def _unchecked(event: Posted, reason: str) -> str:
    """Which field `check` complained of."""
    if reason == "bad_timestamp":
        return "timestamp"
    names = {"eventId": event.event_id, "campaignId": event.campaign_id, "influencerId": event.influencer_id}
    return next(
        (name for name, text in {**names, "platform": event.platform}.items() if has_control(text)),
        "hashtags" if reason == "control_character" else "platform",
    )


def _path(rejected: Rejected) -> str:
    return f"events[{rejected.index}]" + (f".{rejected.place}" if rejected.place else "")


def _malformed() -> Malformed:
    return Malformed("The body is not valid JSON, nor one event a line.")


def _invalid(place: str, message: str) -> Invalid:
    return Invalid(f"{place}: {message}", fields=[FieldError(place, message)])
