"""One record of text -> a row, or the reason why not. Strict, and the specification of what a row is. Pure.

RFC 4180 with commas: a field is quoted as a whole or not at all, a quote inside is doubled. Spaces around an
id or a number do not count. Numbers are the digits 0 to 9, nothing else: Python's own `int` takes `+5`,
`1_000` and full-width digits too.
"""

import re
import unicodedata
from decimal import Decimal

from famedash.performers.model import (
    COUNTS,
    IDS,
    LARGEST_COUNT,
    LONGEST_CAPTION,
    LONGEST_ID,
    LONGEST_PLATFORM,
    LONGEST_RECORD,
    Columns,
    Reason,
    Reject,
    Row,
)

_AROUND = " \u00a0\u200b\ufeff"
"""Spaces around an id, also those that nobody sees: files that were put together have a BOM inside."""

_QUOTED = re.compile(r'"((?:[^"]++|"")*+)"')
_DIGITS = re.compile(r"[0-9]+")
_NEGATIVE = re.compile(r"[-\u2212][0-9.,]+")
_FRACTION = re.compile(r"[0-9]+\.[0-9]*|\.[0-9]+")
_GROUPED = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+")
_SCALED = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,12})?)([KMB])", re.IGNORECASE)
_SCALE = {"K": 10**3, "M": 10**6, "B": 10**9}
_EXPONENT_FORM = re.compile(r"[0-9](?:\.[0-9]+)?[eE]\+[0-9]+")


class Open:
    """A quote is still open at the end: the record may go on in the next line."""


OPEN = Open()


def parse(line: bytes, columns: Columns, *, human: bool = False) -> Row | Reject | Open:
    """What one record says; `line` is without its line end, and may hold several lines within quotes.

    With `human`, counts such as `541.2K`, `1.3M` and `12,345` are read too.
    """
    if len(line) > LONGEST_RECORD:
        return Reject(Reason.TOO_LONG)
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return Reject(Reason.INVALID_UTF8)
    fields = fields_of(text)
    if not isinstance(fields, list):
        return fields
    if len(fields) != columns.size:
        return Reject(Reason.FIELD_COUNT)
    return _row(fields, columns, human=human)


def fields_of(text: str) -> list[str] | Reject | Open:
    """The fields, unquoted. `Reject` for a stray quote, `OPEN` where a quoted field does not end."""
    if '"' not in text:
        return text.split(",")
    fields, at = [], 0
    while True:
        if text.startswith('"', at):
            quoted = _QUOTED.match(text, at)
            if quoted is None:
                return OPEN
            fields.append(quoted[1].replace('""', '"'))
            end = quoted.end()
        else:
            end = text.find(",", at)
            end = len(text) if end < 0 else end
            field = text[at:end]
            if '"' in field:
                return Reject(Reason.STRAY_QUOTE)
            fields.append(field)
        if end == len(text):
            return fields
        if text[end] != ",":
            return Reject(Reason.STRAY_QUOTE)
        at = end + 1


def _row(fields: list[str], columns: Columns, *, human: bool) -> Row | Reject:
    ids = []
    for name, place in zip(IDS, columns.ids, strict=True):
        found = fields[place].strip(_AROUND)
        if reason := _fault_of_id(found):
            return Reject(reason, name)
        ids.append(found)
    counts = []
    for name, place in zip(COUNTS, columns.counts, strict=True):
        count = _count(fields[place].strip(" "), human=human)
        if isinstance(count, Reason):
            return Reject(count, name)
        counts.append(count)
    if counts[0] == 0:
        return Reject(Reason.ZERO_VIEWS, COUNTS[0])
    platform, caption = (fields[place].strip() if place is not None else "" for place in columns.texts)
    return Row(
        ids[0],
        ids[1],
        (counts[0], counts[1], counts[2], counts[3]),
        platform[:LONGEST_PLATFORM] or None,
        caption[:LONGEST_CAPTION] or None,
    )


def _fault_of_id(found: str) -> Reason | None:
    if not found:
        return Reason.BLANK_ID
    if len(found) > LONGEST_ID:
        return Reason.ID_TOO_LONG
    if not found.isprintable() and any(unicodedata.category(each) == "Cc" for each in found):
        return Reason.ID_CONTROL_CHARACTER
    if _EXPONENT_FORM.fullmatch(found):
        return Reason.ID_EXPONENT_FORM
    return None


def _count(text: str, *, human: bool) -> int | Reason:
    if not _DIGITS.fullmatch(text):
        if human and (number := _human(text)) is not None:
            return number if number <= LARGEST_COUNT else Reason.TOO_LARGE
        return _fault_of_count(text, human=human)
    significant = text.lstrip("0")
    if len(significant) > len(str(LARGEST_COUNT)):
        return Reason.TOO_LARGE
    number = int(significant or "0")
    return number if number <= LARGEST_COUNT else Reason.TOO_LARGE


def _human(text: str) -> int | None:
    """`541.2K` -> 541,200; `12,345` -> 12,345; None where it is neither, or not a whole number."""
    if _GROUPED.fullmatch(text):
        return int(text.replace(",", "")) if len(text) <= 25 else LARGEST_COUNT + 1
    scaled = _SCALED.fullmatch(text)
    if scaled is None:
        return None
    number = Decimal(scaled[1]) * _SCALE[scaled[2].upper()]
    return int(number) if number == number.to_integral_value() else None


def _fault_of_count(text: str, *, human: bool) -> Reason:
    if not text:
        return Reason.BLANK_COUNT
    if _GROUPED.fullmatch(text) or _SCALED.fullmatch(text):
        return Reason.NOT_WHOLE if human else Reason.HUMAN_NUMBER
    if _NEGATIVE.fullmatch(text):
        return Reason.NEGATIVE
    if _FRACTION.fullmatch(text):
        return Reason.NOT_WHOLE
    return Reason.NOT_A_NUMBER
