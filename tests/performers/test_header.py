"""Files that cannot be read say so in a sentence; every honest way to write the header is read."""

# ruff: noqa: S311 - chance is seeded here

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from famedash.performers import header
from famedash.performers.header import LONGEST_HEADER, Columns
from famedash.performers.model import COUNTS, IDS, REQUIRED, UnreadableFile
from tests.performers.reading import read

NAMES = b"campaignId,influencerId,views,likes,comments,shares"
ROW = b"c1,i1,10,1,2,3"
FILE = NAMES + b"\n" + ROW + b"\n"
PLAIN = Columns(6, (0, 1), (2, 3, 4, 5))

UNREADABLE = {
    "empty": (b"", "empty"),
    "only a BOM": (b"\xef\xbb\xbf", "first line is empty"),
    "a blank first line": (b"\n" + FILE, "first line is empty"),
    "a blank first line with CR LF": (b"\r\n" + FILE, "first line is empty"),
    "a first line of spaces": (b"  \t \n" + FILE, "first line is empty"),
    "only newlines": (b"\n\n\n", "first line is empty"),
    "UTF-16 LE with BOM": (FILE.decode().encode("utf-16"), "UTF-16"),
    "UTF-16 BE with BOM": (b"\xfe\xff" + FILE.decode().encode("utf-16-be"), "UTF-16"),
    "UTF-16 LE": (FILE.decode().encode("utf-16-le"), "UTF-16"),
    "UTF-16 BE": (FILE.decode().encode("utf-16-be"), "UTF-16"),
    "a NUL in the header": (FILE.replace(b"views", b"vi\0ews"), "NUL"),
    "a NUL in a row": (FILE + b"c1,\0,1,1,1,1\n", "NUL"),
    "CR only": (FILE.replace(b"\n", b"\r"), "CR alone"),
    "CR only, long": (FILE.replace(b"\n", b"\r") + (ROW + b"\r") * 10_000, "CR alone"),
    "CR only, with a newline in a caption": (FILE.replace(b"\n", b"\r") + b'c1,i1,1,1,1,"1\n"\r', "CR alone"),
    "semicolons": (FILE.replace(b",", b";"), "semicolons"),
    "tabs": (FILE.replace(b",", b"\t"), "tabs"),
    "bars": (FILE.replace(b",", b"|"), "bars"),
    "semicolons, all quoted": (b'"' + NAMES.replace(b",", b'";"') + b'"\n', "semicolons"),
    "tabs, all quoted": (b'"' + NAMES.replace(b",", b'"\t"') + b'"\n', "tabs"),
    "bars, all quoted": (b'"' + NAMES.replace(b",", b'"|"') + b'"\n', "bars"),
    "a stray quote": (FILE.replace(b"views", b'vi"ews'), "stray quote"),
    "text behind a quote": (FILE.replace(b"views", b'"views"x'), "stray quote"),
    "an open quote": (FILE.replace(b"views", b'"views'), "does not close"),
    "a name over two lines": (FILE.replace(b"shares", b'"sha\nres"'), "does not close"),
    "Latin-1": (FILE.replace(b"shares", b"shares,\xe9t\xe9"), "not UTF-8"),
    "too long": (NAMES + b"," * LONGEST_HEADER, "longer than 65,536 bytes"),
    "no names at all": (b"1,2,3,4,5,6\n", "lacks campaignId, influencerId, views"),
    "rows without a header": (ROW + b"\n", "it has: c1, i1, 10, 1, 2, 3"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_an_unreadable_file_is_refused_with_a_sentence(case: str) -> None:
    content, sentence = UNREADABLE[case]

    with pytest.raises(UnreadableFile) as refusal:
        header.read(content[:LONGEST_HEADER])

    assert sentence in refusal.value.detail
    assert refusal.value.detail.endswith(".")


@pytest.mark.parametrize("behind", [b"", b"\n", b",views\n"])
def test_a_nul_far_behind_the_header_is_refused_when_it_is_reached(behind: bytes) -> None:
    content = FILE + (ROW + b"\n") * 10_000 + b"c1,\0" + behind

    for strictly in (False, True):
        with pytest.raises(UnreadableFile, match="NUL"):
            read(content, strictly=strictly)


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_column_is_named(name: str) -> None:
    names = NAMES.decode().split(",")
    names.remove(name)

    with pytest.raises(UnreadableFile) as refusal:
        header.read(",".join(names).encode())

    assert f"lacks {name}; it has: {', '.join(names)}." in refusal.value.detail


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("campaing", "campaignId"),
        ("Campaign", "campaignId"),
        ("influencer", "influencerId"),
        ("view", "views"),
        ("Like", "likes"),
        ("comment s count", "comments"),
        ("share", "shares"),
    ],
)
def test_a_missing_column_comes_with_a_hint(written: str, meant: str) -> None:
    with pytest.raises(UnreadableFile) as refusal:
        header.read(NAMES.replace(meant.encode(), written.encode()))

    assert f"lacks {meant} (is it {written!r}?)" in refusal.value.detail


@pytest.mark.parametrize("twin", ["views", "VIEWS", " Views ", '"views"', "v_i_e_w_s"])
def test_a_column_that_stands_twice_is_refused(twin: str) -> None:
    with pytest.raises(UnreadableFile, match=r"views stands twice in the header \(3\. and 7\.\)"):
        header.read(NAMES + b"," + twin.encode())


@pytest.mark.parametrize("optional", ["platform", "caption"])
def test_an_optional_column_that_stands_twice_is_refused(optional: str) -> None:
    with pytest.raises(UnreadableFile, match=f"{optional} stands twice"):
        header.read(NAMES + f",{optional},{optional.upper()}".encode())


def test_other_columns_may_stand_twice() -> None:
    assert header.read(NAMES + b",note,note,,").columns == Columns(10, (0, 1), (2, 3, 4, 5))


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize(
    "names",
    [
        NAMES,
        NAMES.upper(),
        NAMES.lower(),
        b"campaign_id,influencer_id,views,likes,comments,shares",
        b"Campaign ID, Influencer ID, Views, Likes, Comments, Shares ",
        b"CAMPAIGN-ID,Influencer-Id,VIEWS,LIKES,COMMENTS,SHARES",
        b'"campaignId","influencerId","views","likes","comments","shares"',
        b'campaignId,"influencerId",views,"likes",comments,"shares"',
    ],
)
def test_case_underscores_quotes_bom_and_line_end_do_not_matter(names: bytes, bom: bytes, end: bytes) -> None:
    start = bom + names + end

    assert header.read(start) == header.Header(PLAIN, len(start))
    assert header.read(start + ROW * len(end)) == header.Header(PLAIN, len(start))


def test_a_header_ended_by_cr_at_the_end_of_the_file_is_read() -> None:
    assert header.read(NAMES + b"\r") == header.Header(PLAIN, len(NAMES) + 1)


@given(order=st.permutations([*REQUIRED, "platform", "caption", "url"]))
def test_any_order_of_columns_is_read(order: list[str]) -> None:
    found = header.read(",".join(order).encode()).columns

    assert found.size == 9
    assert found.ids == tuple(order.index(name) for name in IDS)
    assert found.counts == tuple(order.index(name) for name in COUNTS)
    assert found.texts == (order.index("platform"), order.index("caption"))


def test_a_row_means_the_same_under_any_order_of_columns() -> None:
    values = dict(zip(REQUIRED, ["c1", "i1", "10", "1", "2", "3"], strict=True))
    orders = list(itertools.permutations(REQUIRED))

    for order in random.Random(7).sample(orders, 20):
        said = read(f"{','.join(order)}\n{','.join(values[name] for name in order)}\n".encode())

        assert said.sums == {("c1", "i1"): (1, 10, 1, 2, 3)}


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
@pytest.mark.parametrize("strictly", [False, True])
def test_a_header_alone_is_a_file_without_rows(end: bytes, strictly: bool) -> None:
    said = read(NAMES + end, strictly=strictly)

    assert (said.tally.lines, said.tally.header, said.sums) == (1, 1, {})
    assert said.tally.is_whole


def test_a_header_of_just_the_longest_size_is_read() -> None:
    long = NAMES + b"," + b"x" * (LONGEST_HEADER - len(NAMES) - 2)

    assert header.read(long + b"\n").columns.size == 7
    with pytest.raises(UnreadableFile, match="longer than"):
        header.read(long + b"x")
