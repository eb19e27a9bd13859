"""What can be the matter with one line of a performance file, and what must become of it. Pure.

The oracle of the tests: it imports no parser, and every case states its outcome in literals. A case takes
a good row and writes it badly (`MALFORMED`), or oddly but rightly (`AWKWARD`).
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeAlias

from famedash.practice.performance_layout import (
    COUNTS,
    IDS,
    REQUIRED,
    Accepted,
    Draft,
    Kind,
    Layout,
    Pen,
    Raw,
    Rejected,
)

LONGEST_RECORD = 1 << 20
LONGEST_ID, LONGEST_PLATFORM, LONGEST_CAPTION = 200, 200, 4_000
MOST = 10**12

Case: TypeAlias = Callable[[Pen, Accepted], list[Draft]]
Cases: TypeAlias = Iterator[tuple[str, Case]]


def cases(layout: Layout) -> dict[str, Case]:
    """By name, all that a file with these columns can have."""
    fitting = {**MALFORMED, **AWKWARD}
    return fitting | AWKWARD_TEXTS if {"platform", "caption"} <= set(layout.names) else fitting


def leaves_open(drafts: Sequence[Draft]) -> bool:
    """Does a quote stay open, so that only a good row behind it settles what it is?"""
    return any(draft.expected == UNBALANCED for draft in drafts)


FIELD_COUNT = Rejected("field_count")
STRAY = Rejected("stray_quote")
UNBALANCED = Rejected("unbalanced_quote")

BAD_COUNTS = {
    "not_a_number": (
        *("NaN", "inf", "-inf", "1e5", "1E+5", "+5", "1_000", "\uff11\uff12\uff13", "\u0663\u0664", "\u00b2"),
        *("0x1F", "N/A", "null", "-", "12 345", "5\t", "\u00a05", "1,23", "1.234.567", "#REF!", "5K5", "--5"),
    ),
    "human_number": ("541.2K", "1.3M", "2b", "12,345", "1,234,567"),
    "not_whole": ("12.5", "3.0", ".5", "7."),
    "negative": ("-5", "-0", "\u22125", "-1,000", "-2.5"),
    "too_large": (str(MOST + 1), str(1 << 63), str(1 << 64), "9" * 400),
    "blank_count": ("", "   ", Raw('""')),
}
BAD_IDS = {
    "blank_id": ("", "   ", Raw('""')),
    "id_too_long": ("x" * (LONGEST_ID + 1), "ø" * (LONGEST_ID + 1)),
    "id_control_character": ("glow\x07", "a\tb", "ava\t", "del\x7f", "c1\x85", "\x1b[31mred", "cr\rcr"),
    "id_exponent_form": ("7.5e+18", "7.5E+18", "1e+5", " 7e+18 "),
}
NO_UTF8 = ("\udcff", "caf\udce9", "\udce2\udc82", "\udcc0\udcaf", "\udced\udca0\udc80")
STRAY_QUOTES = ('ava "the" moves', '5"', '"ava"moves', '"ava "the" moves"', ' "ava"', '"ava" ')

GOOD_IDS = (
    *(
        "ava, moves",
        'the "real" ava',
        '"',
        "åsa.möller",
        "日本の旅",
        "🎉",
        "cafe\u0301",
        "caf\u00e9",
        "007",
        "0",
    ),
    *("x" * 64, "x" * 65, "x" * LONGEST_ID, "é" * LONGEST_ID, "1e5", "7.5e18", "e+1", "7.5e+", "NaN", "null"),
    *("ava moves", "-5", "+5", "=1+1", "@ava", "a'b", "a;b", "no\u00a0break", "zero\u200bwidth"),
)
CAPTIONS = (
    *(
        "=1+1",
        "+1 for this",
        "-50 % today",
        "@ava.moves look",
        "=HYPERLINK(A1)",
        "@SUM(1,2)",
        'say "wow"',
        '"',
    ),
    *(
        "one, two",
        "café ☕ 日本語 🎉",
        "old\rmac",
        "bell\x07",
        "line\u2028separator",
        "next\x85line",
        "page\x0cbreak",
    ),
    *("two\nlines", "two\r\nlines", "a\n\nb", 'a "quoted\nword", b', "one\ntwo\nthree", ",\n,"),
)


def _bad_count(text: str, reason: str, pen: Pen, row: Accepted) -> list[Draft]:
    column = pen.one_of(COUNTS)
    return [Draft(pen.record(row, {column: text}), Rejected(reason, column))]


def _zero_views(text: str, pen: Pen, row: Accepted) -> list[Draft]:
    return [Draft(pen.record(row, {"views": text}), Rejected("zero_views", "views"))]


def _bad_id(text: str, reason: str, pen: Pen, row: Accepted) -> list[Draft]:
    column = pen.one_of(IDS)
    return [Draft(pen.record(row, {column: text}), Rejected(reason, column))]


def _bad_cell(text: str, expected: Rejected, columns: Sequence[str], pen: Pen, row: Accepted) -> list[Draft]:
    return [Draft(pen.record(row, {pen.one_of(columns): Raw(text)}), expected)]


def _newline_in_id(pen: Pen, row: Accepted) -> list[Draft]:
    """Closed properly, but no id; then its second line has a quote where none may be."""
    column = pen.one_of(IDS)
    first, second = pen.record(row._replace(caption=None), {column: "summer\nglow"}).split("\n")
    return [Draft(first, Rejected("id_control_character", column)), Draft(second, STRAY)]


def _one_missing(pen: Pen, row: Accepted) -> list[Draft]:
    return [Draft(",".join(pen.cells(row)[:-1]), FIELD_COUNT)]


def _only_one(pen: Pen, row: Accepted) -> list[Draft]:
    return [Draft(row.campaign, FIELD_COUNT)]


def _added(more: str, pen: Pen, row: Accepted) -> list[Draft]:
    return [Draft(pen.record(row) + more, FIELD_COUNT)]


def _two_in_one(pen: Pen, row: Accepted) -> list[Draft]:
    return [Draft(f"{pen.record(row)},{pen.record(row)}", FIELD_COUNT)]


def _text(text: str, pen: Pen, row: Accepted) -> list[Draft]:
    return [Draft(text, FIELD_COUNT)]


def _semicolons(pen: Pen, row: Accepted) -> list[Draft]:
    return [Draft(";".join([row.campaign, row.influencer, *map(str, row.counts)]), FIELD_COUNT)]


def _only_commas(pen: Pen, row: Accepted) -> list[Draft]:
    return [Draft("," * (len(pen.layout.columns) - 1), Rejected("blank_id", "campaignId"))]


def _header_again(pen: Pen, row: Accepted) -> list[Draft]:
    return [Draft(",".join(map(pen.layout.cell, pen.layout.columns)), Rejected("not_a_number", "views"))]


def _open_at_last(behind: Sequence[Draft], pen: Pen, row: Accepted) -> list[Draft]:
    *cells, last = pen.cells(row)
    return [Draft(",".join([*cells, '"' + last.strip('"')]), UNBALANCED), *behind]


def _open_at_first(pen: Pen, row: Accepted) -> list[Draft]:
    """Up to the end of the line, and of the file if nobody stops it."""
    bare = {name: Raw(text) for name, text in zip(pen.layout.names, pen.cells(row), strict=True)}
    bare |= {name: Raw(bare[name].strip('"')) for name in bare} | {"caption": Raw("")}
    return [Draft('"' + pen.record(row, bare), UNBALANCED)]


def _open_twice(pen: Pen, row: Accepted) -> list[Draft]:
    """The second quote must not close the first one's field."""
    return 2 * _open_at_last((), pen, row._replace(caption="glow"))


def _short_of_two_lines(pen: Pen, row: Accepted) -> list[Draft]:
    return [Draft(f'{row.campaign},"summer', FIELD_COUNT), Draft('glow"', STRAY)]


def _huge(pen: Pen, row: Accepted) -> list[Draft]:
    """One field of `huge_bytes`: too long, or a caption that is cut, or no id."""
    column = "caption" if "caption" in pen.layout.names else "influencerId"
    text = "glow" * (pen.huge_bytes // 4)
    record = pen.record(row, {column: text})
    if len(record.encode()) > LONGEST_RECORD:
        return [Draft(record, Rejected("too_long"))]
    if column == "caption":
        return [Draft(record, row._replace(caption=text[:LONGEST_CAPTION]))]
    return [Draft(record, Rejected("id_too_long", column))]


def _blank(text: str, pen: Pen, row: Accepted) -> list[Draft]:
    return [Draft(text, Kind.BLANK)]


def _good_id(text: str, pen: Pen, row: Accepted) -> list[Draft]:
    row = row._replace(campaign=text) if pen.draw() < 0.5 else row._replace(influencer=text)
    return [Draft(pen.record(row), row)]


def _good_counts(counts: tuple[int, int, int, int], pen: Pen, row: Accepted) -> list[Draft]:
    row = row._replace(counts=counts)
    return [Draft(pen.record(row), row)]


def _written_as(form: str, columns: Sequence[str], pen: Pen, row: Accepted) -> list[Draft]:
    """The same value, written differently."""
    column = pen.one_of(columns)
    value = dict(zip(REQUIRED, (*row[:2], *row.counts), strict=True))[column]
    text = form.format(value)
    return [Draft(pen.record(row, {column: Raw(text) if '"' in text else text}), row)]


def _other_newline(pen: Pen, row: Accepted) -> list[Draft]:
    return [Draft(pen.record(row), row, b"\n" if pen.layout.newline == b"\r\n" else b"\r\n")]


def _good_caption(text: str, pen: Pen, row: Accepted) -> list[Draft]:
    row = row._replace(caption=text)
    return [Draft(pen.record(row), row)]


def _written_caption(text: str, value: str | None, pen: Pen, row: Accepted) -> list[Draft]:
    return [Draft(pen.record(row, {"caption": text}), row._replace(caption=value))]


def _written_platform(text: str, value: str | None, pen: Pen, row: Accepted) -> list[Draft]:
    return [Draft(pen.record(row, {"platform": text}), row._replace(platform=value))]


def _each(what: str, case: Callable[..., list[Draft]], texts: Sequence[str], *more: object) -> Cases:
    """The case with each of the texts, named by it."""
    for text in texts:
        name = ascii(text) if len(text) <= 24 else f"{text[:2]!a} x {len(text)}"
        yield f"{what} {name}", partial(case, text, *more)


MALFORMED: dict[str, Case] = {
    **{
        name: case
        for reason, texts in BAD_COUNTS.items()
        for name, case in _each("count", _bad_count, texts, reason)
    },
    **{name: case for reason, texts in BAD_IDS.items() for name, case in _each("id", _bad_id, texts, reason)},
    **dict(_each("views", _zero_views, ("0", "000", " 0 ", Raw('"0"')))),
    **dict(
        _each("no UTF-8", _bad_cell, NO_UTF8, Rejected("invalid_utf8"), ("influencerId", "likes", "shares"))
    ),
    **dict(_each("stray quote", _bad_cell, STRAY_QUOTES, STRAY, IDS)),
    "12,345 without quotes": partial(_bad_cell, "12,345", FIELD_COUNT, COUNTS),
    "newline in an id": _newline_in_id,
    "one column missing": _one_missing,
    "only one column": _only_one,
    "one column more": partial(_added, ",more"),
    "a comma more": partial(_added, ","),
    "two rows in one line": _two_in_one,
    "semicolons": _semicolons,
    "only commas": _only_commas,
    "the header again": _header_again,
    **dict(_each("text", _text, ("-- end of the report --", "Total: 3 rows, 1 page", "\x1a", "#"))),
    "open quote at last": partial(_open_at_last, ()),
    "open quote at first": _open_at_first,
    "open quote, then text": partial(_open_at_last, (Draft("and so on", FIELD_COUNT),)),
    "open quote, then a blank line": partial(_open_at_last, (Draft("", Kind.BLANK),)),
    "open quotes in two lines": _open_twice,
    "two fields in two lines": _short_of_two_lines,
    "huge field": _huge,
    **dict(_each("blank", _blank, ("", "  ", "\t"))),
}
"""Blank lines and a huge field among them."""

AWKWARD: dict[str, Case] = {
    **dict(_each("good id", _good_id, GOOD_IDS)),
    "engagement above views": partial(_good_counts, (100, 60, 30, 20)),
    "farmed shares": partial(_good_counts, (1_000_000, 53_500, 570, 1_337_500)),
    "one view": partial(_good_counts, (1, 0, 0, 0)),
    "the largest counts": partial(_good_counts, (MOST, MOST, MOST, MOST)),
    "eight and nine digits": partial(_good_counts, (123_456_789, 12_345_678, 99_999_999, 100_000_000)),
    "zeros in front": partial(_written_as, "000{}", COUNTS),
    "many zeros in front": partial(_written_as, "{:0>30}", COUNTS),
    "spaces around a count": partial(_written_as, "  {} ", COUNTS),
    "spaces around an id": partial(_written_as, " {}  ", IDS),
    "quotes around a value": partial(_written_as, '"{}"', REQUIRED),
    "quotes and spaces around a value": partial(_written_as, '" {} "', REQUIRED),
    "another line end": _other_newline,
}

AWKWARD_TEXTS: dict[str, Case] = {
    **dict(_each("caption", _good_caption, CAPTIONS)),
    "caption in spaces": partial(_written_caption, "  padded  ", "padded"),
    "caption of spaces": partial(_written_caption, " \u00a0 ", None),
    "caption that ends in a newline": partial(_written_caption, "thanks\n", "thanks"),
    "caption that begins with a newline": partial(_written_caption, "\nthanks", "thanks"),
    "no platform": partial(_written_platform, "", None),
    "long platform": partial(_written_platform, "p" * 201, "p" * LONGEST_PLATFORM),
}
