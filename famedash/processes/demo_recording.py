"""A file of engagement events, and what becomes of a line of it when it is replayed.

Malformed is what the reader of the log would set aside: judged by its rules, passed on as it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b, sha256
from pathlib import Path

import msgspec

from famedash.infra.auth.settings import Misconfigured
from famedash.infra.errors import Unreadable
from famedash.metrics.decode import Event, read

LONGEST_ID_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Recording:
    """A file of events as it was found. `last`: the latest time of an event; None where it holds none."""

    path: Path
    lines: int
    digest: bytes
    last: datetime | None


@dataclass(frozen=True, slots=True)
class Changes:
    """What a replay makes of an event. No `key`: its id stays."""

    workspace: str
    shift: timedelta = timedelta(0)
    key: bytes = b""


def survey(path: Path) -> Recording:
    """Read the file once, to know when it ends. Raises `Misconfigured` where it cannot be read."""
    digest, lines, last = sha256(), 0, None
    try:
        for raw in lines_of(path):
            digest.update(raw)
            lines += 1
            event = event_of(raw)
            if event and (last is None or event.timestamp > last):
                last = event.timestamp
    except FileNotFoundError:
        raise Misconfigured(
            f"There is no {path}: name a file of events, or play a live stream with --rate 100."
        ) from None
    except OSError as reason:
        raise Misconfigured(f"{path} cannot be read: {reason.strerror}.") from None
    return Recording(path, lines, digest.digest(), last)


def changes_of(recording: Recording, *, workspace: str, now: datetime) -> Changes:
    """So that the last event is `now` (to the millisecond) and the ids are those of this run of this file."""
    late = now - (recording.last or now)
    run = int(now.timestamp() * 1_000_000).to_bytes(8, "big")
    return Changes(workspace, late - late % timedelta(milliseconds=1), recording.digest + run)


def changed(line: bytes, event: Event, changes: Changes) -> bytes:
    """The line of `event` with its time, id and workspace changed, and every other byte of a value kept."""
    fields = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
    if changes.key:
        fields["eventId"] = _raw(_id(event.event_id, changes.key))
        fields["timestamp"] = _raw(_shifted(event.timestamp, changes.shift, fields["timestamp"]))
    elif event.workspace == changes.workspace:
        return line
    if event.workspace != changes.workspace:
        fields["workspace"] = _raw(changes.workspace)
    return msgspec.json.encode(fields)


def lines_of(path: Path) -> Iterator[bytes]:
    """Its lines, each with its newline."""
    with path.open("rb") as file:
        yield from file


def event_of(line: bytes) -> Event | None:
    """By the rules of whoever counts it; None for a line that will be set aside."""
    try:
        return read(line.rstrip(b"\r\n"))
    except Unreadable:
        return None


def _id(original: str, key: bytes) -> str:
    """Equal for equal ids of one run; of a length that an id may have, and still to be recognised."""
    return f"{original[:LONGEST_ID_SHOWN]}-{blake2b(original.encode(), key=key, digest_size=8).hexdigest()}"


def _shifted(time: datetime, shift: timedelta, written: msgspec.Raw) -> str:
    """In the zone it was written in, and to the microsecond where it was that exact."""
    moved = time + shift
    text = moved.isoformat(timespec="microseconds" if moved.microsecond % 1000 else "milliseconds")
    return text.replace("+00:00", "Z") if bytes(written)[-2:-1] in b"zZ" else text


def _raw(text: str) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(text))
