"""The first line of a file: which column is where, or a sentence on why the file cannot be read. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from famedash.performers.csv_rows import Open, fields_of
from famedash.performers.model import COUNTS, IDS, REQUIRED, TEXTS, Columns, UnreadableFile

_NOT_LETTERS = re.compile(r"[\s_-]+")
_BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")

LONGEST_HEADER = 65_536


@dataclass(frozen=True, slots=True)
class Header:
    """`begins` is where the first row starts, in bytes."""

    columns: Columns
    begins: int


def read(start: bytes) -> Header:
    """Read the header from the first bytes of a file (`LONGEST_HEADER`, or the whole file if shorter).

    Raises `UnreadableFile` with a sentence that says what to do.
    """
    if not start:
        raise UnreadableFile("The file is empty.")
    _refuse_other_encodings(start)
    line, newline, _ = start.partition(b"\n")
    if not newline and len(start) >= LONGEST_HEADER:
        raise UnreadableFile(
            f"The first line is longer than {LONGEST_HEADER:,} bytes: it must name the columns."
        )
    begins = len(line) + len(newline)
    return Header(_columns(line.removeprefix(_BOM).removesuffix(b"\r")), begins)


def _refuse_other_encodings(start: bytes) -> None:
    if start.startswith(_UTF_16) or b"\0" in start[:4]:
        raise UnreadableFile("The file is UTF-16: save it as UTF-8 (in a spreadsheet: 'CSV UTF-8').")
    if b"\0" in start:
        raise UnreadableFile("The file has NUL bytes in it: it is damaged, or no CSV.")
    if b"\r" in start.partition(b"\n")[0].rstrip(b"\r"):
        raise UnreadableFile("Its lines end in CR alone, as on old Macs: save it with LF or CR LF.")


def _columns(line: bytes) -> Columns:
    names = _names(line)
    places: dict[str, int] = {}
    for place, name in enumerate(names):
        known = _KNOWN.get(_plain(name))
        if known is None:
            continue
        if known in places:
            raise UnreadableFile(
                f"The column {known} stands twice in the header ({places[known] + 1}. and {place + 1}.)."
            )
        places[known] = place
    missing = [name for name in REQUIRED if name not in places]
    if missing:
        _refuse_other_separators(line)
        raise UnreadableFile(_what_is_missing(names, missing))
    return Columns(
        len(names),
        (places[IDS[0]], places[IDS[1]]),
        (places[COUNTS[0]], places[COUNTS[1]], places[COUNTS[2]], places[COUNTS[3]]),
        *(places.get(name) for name in TEXTS),
    )


def _names(line: bytes) -> list[str]:
    if not line.strip():
        raise UnreadableFile(f"The first line is empty: it must name the columns {', '.join(REQUIRED)}.")
    try:
        found = fields_of(line.decode())
    except UnicodeDecodeError:
        raise UnreadableFile("The header is not UTF-8: save the file as UTF-8.") from None
    if isinstance(found, list):
        return found
    _refuse_other_separators(line)
    fault = "has a quote that does not close" if isinstance(found, Open) else "has a stray quote"
    raise UnreadableFile(f"The header {fault}: it must be one line of column names.")


def _refuse_other_separators(line: bytes) -> None:
    for separator, called in ((b";", "semicolons"), (b"\t", "tabs"), (b"|", "bars")):
        if line.count(separator) >= len(REQUIRED) - 1:
            raise UnreadableFile(f"The columns are separated by {called}: save the file with commas.")


def _what_is_missing(names: Sequence[str], missing: Sequence[str]) -> str:
    unknown = {_plain(other): other.strip() for other in names if _plain(other) not in _KNOWN}
    hints = []
    for name in missing:
        near = get_close_matches(_plain(name), unknown, n=1)
        written = unknown[near[0]] if near else None
        hints.append(f"{name} (is it {written!r}?)" if written else name)
    return f"The header lacks {', '.join(hints)}; it has: {', '.join(name.strip() for name in names[:20])}."


def _plain(name: str) -> str:
    return _NOT_LETTERS.sub("", name).lower()


_KNOWN = {_plain(name): name for name in (*REQUIRED, *TEXTS)}
