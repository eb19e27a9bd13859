"""Every way in which a line can be wrong: its number, reason and column, wherever it stands.."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from famedash.performers import header, scan
from famedash.performers.csv_rows import parse
from famedash.performers.model import (
    LARGEST_COUNT,
    LONGEST_CAPTION,
    LONGEST_ID,
    LONGEST_PLATFORM,
    LONGEST_RAW,
    LONGEST_RECORD,
    Reason,
    Reject,
    Rejected,
    Row,
)
from tests.performers.reading import FIRST_ROW, HEADER, SEED, Said, on_disk, read, reference

COLUMNS = header.read(HEADER).columns

MALFORMED = [
    (b"c,\xff,9,1,2,3,p,t", "invalid_utf8", None),
    (b"c,i,9,1,2,3,p,\xc3", "invalid_utf8", None),
    (b"c,i,9,1,2,3,p,\xed\xa0\x80", "invalid_utf8", None),
    (b"c,i,9,1,2,3,p,\xc0\xaf", "invalid_utf8", None),
    (b'c,i,9,1,2,3,p,t"t', "stray_quote", None),
    (b'c,i,9,1,2,3,p,t""', "stray_quote", None),
    (b'c,"i"x,9,1,2,3,p,t', "stray_quote", None),
    (b'c, "i",9,1,2,3,p,t', "stray_quote", None),
    (b'c,"i" ,9,1,2,3,p,t', "stray_quote", None),
    (b'c,"i"",9,1,2,3,p,"t', "stray_quote", None),
    (b'c,"i,9,1,2,3,p,t"', "field_count", None),
    (b'c,i,9,1,2,3,p,"t', "unbalanced_quote", None),
    (b'"c,i,9,1,2,3,p,t', "unbalanced_quote", None),
    (b'c,"i,9,1,2,3,p,t', "unbalanced_quote", None),
    (b'c,i,"9,1,2,3,p,t', "unbalanced_quote", None),
    (b'c,i,9,1,2,3,p,"""', "unbalanced_quote", None),
    (b'"', "unbalanced_quote", None),
    (b"c,i,9,1,2,3,p", "field_count", None),
    (b"c,i,9,1,2,3,p,t,", "field_count", None),
    (b"c;i;9;1;2;3;p;t", "field_count", None),
    (b"c,i,12,345,1,2,3,p,t", "field_count", None),
    (b"x", "field_count", None),
    (b"\xef\xbb\xbf", "field_count", None),
    (b",i,9,1,2,3,p,t", "blank_id", "campaignId"),
    (b"c,,9,1,2,3,p,t", "blank_id", "influencerId"),
    (b"c,   ,9,1,2,3,p,t", "blank_id", "influencerId"),
    (b'"",i,9,1,2,3,p,t', "blank_id", "campaignId"),
    (b'c,"  ",9,1,2,3,p,t', "blank_id", "influencerId"),
    (b",,,,,,,", "blank_id", "campaignId"),
    (b"c," + b"i" * 201 + b",9,1,2,3,p,t", "id_too_long", "influencerId"),
    (b"c," + "é".encode() * 201 + b",9,1,2,3,p,t", "id_too_long", "influencerId"),
    (b"c\t,i,9,1,2,3,p,t", "id_control_character", "campaignId"),
    (b"c,\x01i,9,1,2,3,p,t", "id_control_character", "influencerId"),
    (b"c,i\x7f,9,1,2,3,p,t", "id_control_character", "influencerId"),
    (b"c,i\xc2\x85,9,1,2,3,p,t", "id_control_character", "influencerId"),
    (b"c,i\r,9,1,2,3,p,t", "id_control_character", "influencerId"),
    (b"7.5e+18,i,9,1,2,3,p,t", "id_exponent_form", "campaignId"),
    (b"c,7E+18,9,1,2,3,p,t", "id_exponent_form", "influencerId"),
    (b'c," 7.51234E+18 ",9,1,2,3,p,t', "id_exponent_form", "influencerId"),
    (b"c,i,,1,2,3,p,t", "blank_count", "views"),
    (b"c,i,9,,2,3,p,t", "blank_count", "likes"),
    (b"c,i,9,1,  ,3,p,t", "blank_count", "comments"),
    (b'c,i,9,1,2,"",p,t', "blank_count", "shares"),
    (b"c,i,NaN,1,2,3,p,t", "not_a_number", "views"),
    (b"c,i,9,inf,2,3,p,t", "not_a_number", "likes"),
    (b"c,i,9,1,1e5,3,p,t", "not_a_number", "comments"),
    (b"c,i,9,1,2,+5,p,t", "not_a_number", "shares"),
    (b"c,i,1_000,1,2,3,p,t", "not_a_number", "views"),
    (b"c,i,9,0x1F,2,3,p,t", "not_a_number", "likes"),
    (b"c,i,9,\t1,2,3,p,t", "not_a_number", "likes"),
    (b"c,i,9,1\xc2\xa0,2,3,p,t", "not_a_number", "likes"),
    (b"c,i,9,1,2,1 000,p,t", "not_a_number", "shares"),
    (b"c,i,9,1,2,/,p,t", "not_a_number", "shares"),
    (b"c,i,9,1,2,:,p,t", "not_a_number", "shares"),
    (b"c,i,1234567:,1,2,3,p,t", "not_a_number", "views"),
    (b"c,i,/23456789012,1,2,3,p,t", "not_a_number", "views"),
    ("c,i,9,1,2,３,p,t".encode(), "not_a_number", "shares"),
    ("c,i,9,1,٢,3,p,t".encode(), "not_a_number", "comments"),
    ("c,i,9,²,2,3,p,t".encode(), "not_a_number", "likes"),
    (b"campaignId,influencerId,views,likes,comments,shares,platform,caption", "not_a_number", "views"),
    (b'c,i,"12,345",1,2,3,p,t', "human_number", "views"),
    (b"c,i,541.2K,1,2,3,p,t", "human_number", "views"),
    (b"c,i,9,1.3m,2,3,p,t", "human_number", "likes"),
    (b"c,i,9,1.5,2,3,p,t", "not_whole", "likes"),
    (b"c,i,9.0,1,2,3,p,t", "not_whole", "views"),
    (b"c,i,9,1,.5,3,p,t", "not_whole", "comments"),
    (b"c,i,9,1,2,3.,p,t", "not_whole", "shares"),
    (b"c,i,-5,1,2,3,p,t", "negative", "views"),
    (b"c,i,9,1,2,-0,p,t", "negative", "shares"),
    ("c,i,9,1,−2,3,p,t".encode(), "negative", "comments"),
    (b"c,i,1000000000001,1,2,3,p,t", "too_large", "views"),
    (b"c,i,9,10000000000000000,2,3,p,t", "too_large", "likes"),
    (b"c,i,9,1,18446744073709551617,3,p,t", "too_large", "comments"),
    (b"c,i,9,1,2," + b"9" * 5_000 + b",p,t", "too_large", "shares"),
    (b"c,i,0,1,2,3,p,t", "zero_views", "views"),
    (b"c,i,000,0,0,0,p,t", "zero_views", "views"),
    (b'c,i,"0",0,0,0,p,t', "zero_views", "views"),
]

GOOD = [
    *(b"c1,good-%d,%d,1,2,3,instagram,so good" % (each, each) for each in range(1, 8)),
    b'"c1","good-8","8","1","2","3","instagram","so, good"',
    b'c1, good-9 ,9,1,2,3,instagram,"two\nlines"',
    *(b"c1,good-%d,%d,1,2,3,,  " % (each, each) for each in range(10, 13)),
]
GOOD_SUMS = {("c1", f"good-{views}"): (1, views, 1, 2, 3) for views in range(1, 13)}


def at(place: int, line: bytes, *, end: bytes = b"\n") -> tuple[bytes, int]:
    """A file of good rows with a line between them, and the number of that line."""
    rows = [*GOOD[:place], line, *GOOD[place:]]
    number = FIRST_ROW + sum(1 + row.count(b"\n") for row in GOOD[:place])
    return HEADER + b"".join(row + end for row in rows), number


def sizes_around(place: int) -> tuple[int, int]:
    """Of parts, so that the first border is wanted just before, and just behind, the line at `place`."""
    begins = sum(len(row) + 1 for row in GOOD[:place])
    return max(1, begins - 1), begins + 1


def ids(case: object) -> str:
    return repr(case)[:40] if isinstance(case, bytes) else str(case)


@pytest.mark.parametrize(("line", "reason", "column"), MALFORMED, ids=ids)
def test_a_malformed_line_is_rejected_by_number_reason_and_column_wherever_it_stands(
    line: bytes, reason: str, column: str | None
) -> None:
    """PROMISE: a bad line costs nothing but itself, first, last, and on either side of every border of parts.

    Breaks if a part is cut inside a record, counts lines from its own start, or lets a quote swallow a row.
    """
    for place in range(len(GOOD) + 1):
        content, number = at(place, line)
        just_before, just_behind = sizes_around(place)
        expected = [Rejected(number, Reject(Reason(reason), column), line[:LONGEST_RAW])]
        for said in (
            read(content, size=just_before),
            read(content, size=just_behind),
            read(content, size=(just_before, just_behind)[place % 2], strictly=True),
        ):
            assert said.rejected == expected
            assert said.sums == GOOD_SUMS
            assert said.tally.is_whole


@pytest.mark.parametrize("place", range(1, len(GOOD)))
def test_those_places_touch_a_border_from_both_sides(place: int) -> None:
    content, _ = at(place, b"c,i,0,1,2,3,p,t")
    begins = content.index(b"c,i,0")
    before, behind = sizes_around(place)

    with on_disk(content) as path:
        plan = scan.Plan(COLUMNS, False, SEED)
        starts, ends = (
            [start for start, _ in scan.parts(path, len(HEADER), plan, size=size)]
            for size in (before, behind)
        )

    has_quotes = b'"' in content[:begins]
    assert begins in starts or has_quotes, "no part starts at the line, and no quote is in the way"
    assert begins + 16 in ends or place + 1 == 9, "no part ends with the line, though a row is behind it"


def test_every_reason_is_in_the_table() -> None:
    assert {reason for _, reason, _ in MALFORMED} | {Reason.TOO_LONG} == set(Reason)


@pytest.mark.parametrize("size", [200, 300, 400, scan.PART])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("strictly", [False, True])
def test_every_malformed_line_at_once_leaves_the_good_rows_beside_it(
    strictly: bool, end: bytes, size: int
) -> None:
    lines = [line for each, _, _ in MALFORMED for line in (each, GOOD[0])]
    numbers = [FIRST_ROW + 2 * place for place in range(len(MALFORMED))]

    said = read(HEADER + b"".join(each + end for each in lines), strictly=strictly, size=size)

    assert [each.line for each in said.rejected] == numbers
    assert [(each.reject.reason, each.reject.column) for each in said.rejected] == [
        (reason, column) for _, reason, column in MALFORMED
    ]
    assert said.sums == {("c1", "good-1"): tuple(len(MALFORMED) * each for each in (1, 1, 1, 2, 3))}


def both(body: bytes, *, human: bool = False, head: bytes = HEADER) -> Said:
    """Read fast, strictly and in small parts, which must agree."""
    expected = reference(head + body, human=human)
    for strictly in (False, True):
        for size in (200, scan.PART):
            said = read(head + body, strictly=strictly, size=size, human=human)
            assert said.difference(expected) is None
    return said


RIGHT = {
    "leading zeros in ids": (b"007,0012,9,1,2,3,p,t", ("007", "0012"), (9, 1, 2, 3)),
    "leading zeros in counts": (b"c,i,0009,00000000000000000001,02,0,p,t", ("c", "i"), (9, 1, 2, 0)),
    "spaces around": (b" c ,  i, 9 ,1 , 2,3  ,p,t", ("c", "i"), (9, 1, 2, 3)),
    "spaces within an id": (b"c 1,i  2,9,1,2,3,p,t", ("c 1", "i  2"), (9, 1, 2, 3)),
    "quoted, with spaces inside": (b'" c ","i"," 9 ","1","2","3","p","t"', ("c", "i"), (9, 1, 2, 3)),
    "a comma in a quoted id": (b'"c,1",i,9,1,2,3,p,t', ("c,1", "i"), (9, 1, 2, 3)),
    "doubled quotes in an id": (b'"c""1""",i,9,1,2,3,p,t', ('c"1"', "i"), (9, 1, 2, 3)),
    "ids of other alphabets": ("ц,海👍,9,1,2,3,p,t".encode(), ("ц", "海👍"), (9, 1, 2, 3)),
    "an id of 200 characters": (b"c," + "é".encode() * 200 + b",9,1,2,3,p,t", ("c", "é" * 200), (9, 1, 2, 3)),
    "an id of 64 bytes": (b"c," + b"i" * 64 + b",9,1,2,3,p,t", ("c", "i" * 64), (9, 1, 2, 3)),
    "an id of 65 bytes": (b"c," + b"i" * 65 + b",9,1,2,3,p,t", ("c", "i" * 65), (9, 1, 2, 3)),
    "an id with a plus": (b"c+1,e+,9,1,2,3,p,t", ("c+1", "e+"), (9, 1, 2, 3)),
    "an id like a hash": (b"1e5,12e+18,9,1,2,3,p,t", ("1e5", "12e+18"), (9, 1, 2, 3)),
    "an id like a formula": (b"=1+1,@i,9,1,2,3,p,t", ("=1+1", "@i"), (9, 1, 2, 3)),
    "an id that is NA": (b"NA,null,9,1,2,3,p,t", ("NA", "null"), (9, 1, 2, 3)),
    "the largest counts": (b"c,i" + b",1000000000000" * 4 + b",p,t", ("c", "i"), (10**12,) * 4),
    "nine digits": (b"c,i,123456789,12345678,1234567,0,p,t", ("c", "i"), (123456789, 12345678, 1234567, 0)),
    "no engagement": (b"c,i,1,0,0,0,p,t", ("c", "i"), (1, 0, 0, 0)),
    "tabs and controls in a caption": (b"c,i,9,1,2,3,p,\tso\x01 good\x7f", ("c", "i"), (9, 1, 2, 3)),
    "CR in a caption": (b"c,i,9,1,2,3,p,so\rgood", ("c", "i"), (9, 1, 2, 3)),
    "e+ in a caption": (b"c,i,9,1,2,3,p,7.5e+18", ("c", "i"), (9, 1, 2, 3)),
}


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
@pytest.mark.parametrize("case", RIGHT)
def test_an_awkward_row_that_is_right_is_accepted(case: str, end: bytes) -> None:
    line, pair, counts = RIGHT[case]

    said = both(GOOD[0] + b"\n" + line + end)

    assert said.rejected == []
    assert said.sums == {("c1", "good-1"): (1, 1, 1, 2, 3), pair: (1, *counts)}


def test_pairs_whose_ids_together_are_the_same_letters_are_two_pairs() -> None:
    said = both(
        b"ab,c,1,0,0,0,,\na,bc,2,0,0,0,,\n" + b"a" * 8 + b",b,3,0,0,0,,\na," + b"a" * 7 + b"b,4,0,0,0,,\n"
    )

    assert len(said.sums) == 4


def test_engagement_above_views_is_accepted_and_flagged() -> None:
    said = both(b"c,i,9,9,1,0,p,t\nc,i,9,9,0,0,p,t\nc, j,1,1,1,0,p,t\n")

    assert (said.tally.accepted, said.tally.flagged) == (3, 2)


@pytest.mark.parametrize("blank", [b"", b"\r", b" ", b"\t ", b"  \r"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_blank_line_is_counted_as_nothing_else(place: int, blank: bytes) -> None:
    lines = [b"c,i,9,1,2,3,p,t", b"c,i,9,1,2,3,p,t"]
    lines[place:place] = [blank] * 3

    said = both(b"\n".join(lines) + b"\n")

    assert (said.tally.lines, said.tally.accepted, said.tally.blank, said.tally.rejects) == (6, 2, 3, 0)


def test_a_thousand_blank_lines_at_the_end_are_blank() -> None:
    said = both(b"c,i,9,1,2,3,p,t\n" + b"\n" * 1_000)

    assert (said.tally.accepted, said.tally.blank) == (1, 1_000)


def test_a_quoted_newline_makes_continuation_lines() -> None:
    said = both(b'c,i,9,1,2,3,p,"one\ntwo\r\n\nfour"\nc,j,0,1,2,3,p,t\n')

    assert said.sums == {("c", "i"): (1, 9, 1, 2, 3)}
    assert said.texts == {("c", "i"): {("p", "one\ntwo\r\n\nfour")}}
    assert said.tally.continuation == 3
    assert [each.line for each in said.rejected] == [6]


def test_a_row_in_a_quoted_field_is_a_row_and_never_a_part_of_a_caption() -> None:
    said = both(b'c,i,9,1,2,3,p,"one\nc,j,9,1,2,3,p,t\ntwo"\n')

    assert said.sums == {("c", "j"): (1, 9, 1, 2, 3)}
    assert [(each.line, each.reject.reason) for each in said.rejected] == [
        (2, Reason.UNBALANCED_QUOTE),
        (4, Reason.STRAY_QUOTE),
    ]


@pytest.mark.parametrize("place", range(10))
def test_an_unbalanced_quote_is_contained(place: int) -> None:
    """PROMISE: one quote too many never costs another row, however many quotes come behind it.

    Breaks if lines are joined over one that is a row by itself.
    """
    rows = [b'c,i%d,9,1,2,3,p,"t, ""t"" "\n' % each for each in range(10)]
    rows.insert(place, b'c,bad,9,1,2,3,p,"oops\n')

    said = both(b"".join(rows))

    assert set(said.sums) == {("c", f"i{each}") for each in range(10)}
    assert said.rejected == [
        Rejected(FIRST_ROW + place, Reject(Reason.UNBALANCED_QUOTE), rows[place].removesuffix(b"\n"))
    ]


def test_an_unbalanced_quote_before_a_row_of_many_lines_is_contained() -> None:
    said = both(b'c,bad,9,1,2,3,p,"oops\nc,i,9,1,2,3,p,"one\ntwo"\n')

    assert said.sums == {("c", "i"): (1, 9, 1, 2, 3)}
    assert [(each.line, each.reject.reason) for each in said.rejected] == [(2, Reason.UNBALANCED_QUOTE)]


@pytest.mark.parametrize("lines", [999, 1_000, 1_001])
def test_a_record_of_too_many_lines_is_no_record(lines: int) -> None:
    said = both(b'c,i,9,1,2,3,p,"' + b"\n" * (lines - 1) + b'"\n')

    assert said.tally.accepted == (lines <= 1_000)
    assert said.tally.lines == 1 + lines


def test_a_row_of_the_longest_size_is_read_and_one_byte_more_is_too_long() -> None:
    row = b"c,i,9,1,2,3,p," + b"t" * (LONGEST_RECORD - 14)
    assert len(row) == LONGEST_RECORD

    for end in (b"\n", b"\r\n"):
        said = both(row + end + b"t" + row + end + b"c,j,1,0,0,0,,")

        assert set(said.sums) == {("c", "i"), ("c", "j")}
        assert [(each.line, each.reject.reason, len(each.raw)) for each in said.rejected] == [
            (3, Reason.TOO_LONG, LONGEST_RAW)
        ]


@pytest.mark.parametrize("quote", [b"", b'"'])
def test_a_field_of_50_mb_is_one_rejected_line(quote: bytes) -> None:
    huge = b"c,huge,9,1,2,3,p," + quote + b"t" * 50_000_000 + quote
    content = b"".join([HEADER, GOOD[0], b"\n", huge, b"\n", GOOD[1], b"\n"])

    said = read(content)

    assert set(said.sums) == {("c1", "good-1"), ("c1", "good-2")}
    assert said.rejected == [Rejected(3, Reject(Reason.TOO_LONG), huge[:LONGEST_RAW])]
    assert said.tally.lines == 4


def test_platform_and_caption_are_stripped_and_cut_in_the_same_way_by_both() -> None:
    long = "é" * (LONGEST_CAPTION + 9)
    said = both(f"c,i,9,1,2,3,\u00a0{long} ,\t{long}\nc, j,9,1,2,3,{long},{long}\nc,k,9,1,2,3, ,\n".encode())

    cut = ("é" * LONGEST_PLATFORM, "é" * LONGEST_CAPTION)
    assert said.texts == {("c", "i"): {cut}, ("c", "j"): {cut}, ("c", "k"): {(None, None)}}


HUMAN = {
    b"541.2K": 541_200,
    b"1.3M": 1_300_000,
    b"2b": 2 * 10**9,
    b'"12,345"': 12_345,
    b'"1,000,000"': 10**6,
    b" 7k ": 7_000,
    b"12": 12,
    b"1000B": 10**12,
    b"0.001K": 1,
    b"0K": 0,
    b"0.0001K": Reason.NOT_WHOLE,
    b"1.2345K": Reason.NOT_WHOLE,
    b"1001B": Reason.TOO_LARGE,
    b'"1,000,000,000,001"': Reason.TOO_LARGE,
    b'"' + b"1" + b",000" * 50 + b'"': Reason.TOO_LARGE,
    b"1.5": Reason.NOT_WHOLE,
    b'"12,34"': Reason.NOT_A_NUMBER,
    b'"1,2345"': Reason.NOT_A_NUMBER,
    b"-1K": Reason.NOT_A_NUMBER,
    b"1KK": Reason.NOT_A_NUMBER,
    b"K": Reason.NOT_A_NUMBER,
    b"1.K": Reason.NOT_A_NUMBER,
    b"+1K": Reason.NOT_A_NUMBER,
    b"1e3": Reason.NOT_A_NUMBER,
    "１K".encode(): Reason.NOT_A_NUMBER,
    b"1 K": Reason.NOT_A_NUMBER,
    b"": Reason.BLANK_COUNT,
}


@pytest.mark.parametrize("written", HUMAN, ids=ids)
def test_numbers_for_people_are_read_where_that_was_asked_for(written: bytes) -> None:
    expected = HUMAN[written]

    said = both(b"c,i,9,%b,2,3,p,t\n" % written, human=True)

    if isinstance(expected, Reason):
        assert [each.reject for each in said.rejected] == [Reject(expected, "likes")]
    else:
        assert said.sums == {("c", "i"): (1, 9, expected, 2, 3)}


def test_zero_written_for_people_is_zero_views_too() -> None:
    assert [each.reject for each in both(b"c,i,0.0M,1,2,3,p,t\n", human=True).rejected] == [
        Reject(Reason.ZERO_VIEWS, "views")
    ]


@given(text=st.text(st.characters(codec="utf-8"), max_size=12))
def test_python_would_take_more_for_a_number_than_we_do(text: str) -> None:
    escaped = text.replace('"', '""')

    found = parse(f'c,i,9,"{escaped}",2,3,p,t'.encode(), COLUMNS)

    digits = text.strip(" ")
    is_number = digits.isascii() and digits.isdigit() and int(digits) <= LARGEST_COUNT
    assert isinstance(found, Row) == is_number
    assert not is_number or found == Row("c", "i", (9, int(digits), 2, 3), "p", "t")


UNSEEN = " \u00a0\u200b\ufeff"


@pytest.mark.parametrize("unseen", UNSEEN)
def test_spaces_that_nobody_sees_do_not_make_another_id(unseen: str) -> None:
    """Breaks if files that were put together, each with its BOM, make two campaigns of one."""
    found = parse(f"{unseen}c,{unseen}i{unseen},9,1,2,3,p,t".encode(), COLUMNS)

    assert found == Row("c", "i", (9, 1, 2, 3), "p", "t")
    assert parse(f"{unseen},i,9,1,2,3,p,t".encode(), COLUMNS) == Reject(Reason.BLANK_ID, "campaignId")


def test_a_line_end_that_was_translated_twice_is_a_line_end() -> None:
    said = read(HEADER + b'c,i,9,1,2,3,p,"t"\r\r\nc,i,9,1,2,3,p,t\r\r\n')

    assert (said.tally.accepted, said.rejected) == (2, [])


@given(campaign=st.text(max_size=LONGEST_ID), caption=st.text())
def test_what_a_csv_writer_quotes_is_read_back(campaign: str, caption: str) -> None:
    try:
        line = '"{}",i,9,1,2,3,,"{}"'.format(
            *(each.replace('"', '""') for each in (campaign, caption))
        ).encode()
    except UnicodeEncodeError:
        return
    found = parse(line, COLUMNS)

    if isinstance(found, Row):
        assert (found.campaign_id, found.caption) == (campaign.strip(UNSEEN), caption.strip() or None)
    else:
        assert found.column == "campaignId"


def test_the_good_rows_of_these_tests_are_all_distinct() -> None:
    assert Counter(reference(HEADER + b"\n".join(GOOD)).sums) == Counter(GOOD_SUMS)
