"""Fast or strictly, in one part or in hundreds: a file says one thing, and every line is accounted for."""

# ruff: noqa: S311 - chance is seeded here

import csv
import io
import random
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from famedash.performers import header, reading, records, scan, sure_rows
from famedash.performers.model import COUNTS, LONGEST_RECORD, CalledOff, Progress, Reason, UnreadableFile
from famedash.performers.rejects import Rejects
from tests.performers import fuzz
from tests.performers.files import FRAGMENTS, a_file, a_header, a_style, rows
from tests.performers.reading import HEADER, SEED, Said, on_disk, read, reference

ROWS = [
    b"c,i,9,1,2,3,p,t\n",
    b"c,j,10,10,0,1,,\r\n",
    b'"c","i","9","1","2","3","p","t, t"\n',
    b'c,"i",7,1,2,3,"p","two\nlines"\n',
    b"c,long-" + b"i" * 60 + b",8,1,2,3,p,t\n",
    b"c, i ,11,1,2,3,p,t\n",
]
NASTY = st.lists(
    st.one_of(st.sampled_from(ROWS), st.sampled_from(FRAGMENTS), st.binary(max_size=4)), max_size=40
).map(lambda pieces: b"".join(pieces).replace(b"\0", b""))
FIELDS = st.lists(
    st.one_of(st.just([]), st.lists(st.sampled_from(FRAGMENTS), max_size=2)), min_size=8, max_size=8
)
GRAMMAR = st.lists(
    st.one_of(
        st.sampled_from(ROWS),
        st.builds(
            lambda good, noise, end: (
                b",".join(b"".join(n) or g for g, n in zip(good, noise, strict=True)) + end
            ),
            st.just([b"c", b"i", b"9", b"1", b"2", b"3", b"p", b"t"]),
            FIELDS,
            st.sampled_from([b"\n", b"\r\n", b"", b"\n\n"]),
        ),
    ),
    max_size=12,
).map(b"".join)


def agreed(content: bytes, *, size: int, human: bool = False) -> Said:
    """What the specification says of a file, once both ways by parts have said the same."""
    expected = reference(content, human=human)
    for strictly in (False, True):
        said = read(content, size=size, strictly=strictly, human=human)
        assert said.difference(expected) is None
    assert expected.tally.is_whole
    assert expected.tally.lines == content.count(b"\n") + (not content.endswith(b"\n"))
    return expected


@settings(max_examples=120, deadline=None)
@given(body=st.one_of(NASTY, GRAMMAR), size=st.integers(1, 400), human=st.booleans())
@example(body=b"c" * 30 + b",i,1,1,1,1,,\n" + b"c,i,1,1,1,1,,\n" * 9, size=60, human=False)
@example(body=b"c" * 150 + b",i,1,1,1,1,,\n c,i,1,1,1,1,,\n", size=400, human=False)
def test_any_bytes_are_read_in_one_way_and_every_line_is_accounted_for(
    body: bytes, size: int, human: bool
) -> None:
    """PROMISE: lines = header + accepted + continuation + rejected + blank, and the fast path agrees.

    Breaks if the fast path takes a line that the strict parser would not, or reads it differently, or if the
    place of a border can be told from the result.
    """
    agreed(HEADER + body, size=size, human=human)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1 << 32), size=st.integers(100, 3_000))
def test_any_style_of_csv_is_read_in_one_way(seed: int, size: int) -> None:
    agreed(a_file(random.Random(seed), 60, edits_per_row=0.2), size=size)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1 << 32), size=st.integers(100, 3_000))
def test_a_well_formed_file_means_what_the_csv_module_reads(seed: int, size: int) -> None:
    """An oracle that is not ours: columns in any order, BOM, CR LF, quotes, no final newline."""
    rng = random.Random(seed)
    style = a_style(rng)
    start, body = a_header(rng, style), b"".join(rows(rng, style, 40))
    content = start + (body if style.ends_with_newline else body.removesuffix(style.end.encode()))

    said = agreed(content, size=size)

    expected: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * 5)
    for fields in csv.reader(io.StringIO(body.decode(), newline="")):
        row = dict(zip(style.names, fields, strict=True))
        sums = expected[row["campaignId"], row["influencerId"]]
        for place, number in enumerate((1, *(int(row[name]) for name in COUNTS))):
            sums[place] += number
    assert said.sums == {pair: tuple(sums) for pair, sums in expected.items()}
    assert said.tally.accepted == 40


@settings(max_examples=40, deadline=None)
@given(body=NASTY, size=st.integers(1, 200))
def test_parts_lie_side_by_side_and_begin_at_lines(body: bytes, size: int) -> None:
    content = HEADER + body
    with on_disk(content) as path:
        cuts = list(scan.parts(path, len(HEADER), plan(content), size=size))

    assert [start for start, _ in cuts] + [len(content)] == [len(HEADER), *(end for _, end in cuts)][
        : len(cuts) + 1
    ]
    assert all(start < end and content[start - 1 : start] == b"\n" for start, end in cuts)


def plan(content: bytes) -> scan.Plan:
    return scan.Plan(header.read(content).columns, False, SEED)


def test_a_generated_file_has_enough_of_everything() -> None:
    """Otherwise the tests above would prove little."""
    files = [a_file(random.Random(seed), 100, edits_per_row=0.2) for seed in range(60)]
    said = [reference(content) for content in files]
    reasons = {each.reject.reason for one in said for each in one.rejected}
    fast = 0
    for content in files:
        start = header.read(content)
        buffer = (
            bytearray(sure_rows.PAD) + content[start.begins :].rstrip(b"\n") + b"\n" + bytes(sure_rows.PAD)
        )
        fast += len(sure_rows.read(buffer, start.columns).lines)

    accepted = sum(each.tally.accepted for each in said)
    assert fast > 0.5 * accepted
    assert fast < 0.98 * accepted
    assert sum(each.tally.continuation for each in said) > 100
    assert sum(each.tally.blank for each in said) > 10
    assert sum(each.tally.flagged for each in said) > 100
    assert reasons >= {
        *(
            Reason.INVALID_UTF8,
            Reason.STRAY_QUOTE,
            Reason.UNBALANCED_QUOTE,
            Reason.FIELD_COUNT,
            Reason.BLANK_ID,
        ),
        *(Reason.ID_CONTROL_CHARACTER, Reason.ID_EXPONENT_FORM, Reason.BLANK_COUNT, Reason.NOT_A_NUMBER),
        *(Reason.NEGATIVE, Reason.TOO_LARGE, Reason.NOT_WHOLE, Reason.HUMAN_NUMBER, Reason.ZERO_VIEWS),
    }


def test_the_texts_kept_are_those_of_a_row_with_the_highest_rate() -> None:
    lines = [
        "c,i,100,1,0,0,tiktok,low",
        "c,i,100,50,0,0,youtube,high",
        'c,i,100,49,0,0,instagram,"nearly, ""quoted"""',
        "c,j,100,1,0,0,,",
        'c, j ,100,2,0,0,x,"strict\nand best"',
        "c,j,100,1,0,0,y,worse",
    ]
    for _ in range(20):
        random.Random(len(lines[0])).shuffle(lines)
        said = read(HEADER + "\n".join(lines).encode(), size=60)

        assert said.texts == {("c", "i"): {("youtube", "high")}, ("c", "j"): {("x", "strict\nand best")}}
        lines = lines[1:] + lines[:1]


@pytest.mark.parametrize("names", [b"platform", b"caption"])
def test_one_optional_column_alone_is_kept(names: bytes) -> None:
    head = b"campaignId,influencerId,views,likes,comments,shares," + names + b"\n"
    said = agreed(head + b"c,i,9,1,2,3,x\nc,i,9,2,2,3,y\nc, i,9,3,2,3,z\nc,j,9,1,1,1,\n", size=30)

    kept = ("z", None) if names == b"platform" else (None, "z")
    assert said.texts == {("c", "i"): {kept}, ("c", "j"): {(None, None)}}


@pytest.mark.parametrize("strictly", [False, True])
def test_lines_are_counted_from_the_start_of_a_part(strictly: bool) -> None:
    content = HEADER + b"c,i,9,1,2,3,p,t\nx\nc,i,9,1,2,3,p,t\ny"
    start = content.index(b"x")
    with on_disk(content) as path:
        part = scan.scan(path, start, len(content), plan(content), strictly=strictly)

    assert [each.line for each in part.rejected] == [0, 2]
    assert (part.tally.lines, part.tally.header, part.tally.accepted) == (3, 0, 1)


def test_parts_may_be_read_in_any_order_and_at_the_same_time() -> None:
    content = a_file(random.Random(5), 2_000, edits_per_row=0.1)
    start = header.read(content)
    the_plan = scan.Plan(start.columns, False, SEED)
    with on_disk(content) as path, ThreadPoolExecutor(2) as threads:
        cuts = list(scan.parts(path, start.begins, the_plan, size=2_000))
        backwards = [scan.scan(path, *cut, the_plan) for cut in reversed(cuts)][::-1]
        together = list(threads.map(lambda cut: scan.scan(path, *cut, the_plan), cuts))

    assert len(cuts) > 20
    for one, other in zip(backwards, together, strict=True):
        assert (one.tally, one.rejected, one.aside) == (other.tally, other.rejected, other.aside)
        assert all((one.groups.sums == other.groups.sums).flat)
        assert all((one.groups.at == other.groups.at).flat)


def test_a_large_part_is_read_strictly_and_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "_VECTORS_UP_TO", 500)

    agreed(a_file(random.Random(6), 300, edits_per_row=0.1), size=2_000)


@settings(max_examples=80, deadline=None)
@given(body=st.one_of(NASTY, GRAMMAR), size=st.integers(1, 300), in_sight=st.integers(0, 60))
@example(body=b'c,i,9,1,2,3,p,"one\ntwo"\n' * 20, size=30, in_sight=0)
def test_where_no_row_is_in_sight_no_row_is_cut_all_the_same(body: bytes, size: int, in_sight: int) -> None:
    """PROMISE: a file in which each caption has a newline is read in parts, and none of its rows is lost.

    Breaks if a part may end at any line where it is too large. (Only the reason of a rejected line at the
    very end of a part may be another there.)
    """
    content = HEADER + body
    expected = reference(content)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(scan, "IN_SIGHT", in_sight)
        for strictly in (False, True):
            said = read(content, size=size, strictly=strictly)

            assert said.sums == expected.sums
            assert [each.line for each in said.rejected] == [each.line for each in expected.rejected]
            assert (said.tally.blank, said.tally.continuation) == (
                expected.tally.blank,
                expected.tally.continuation,
            )
            assert said.tally.is_whole


@pytest.mark.parametrize("line", [b'"\n', b'c,i,9,1,2,3,p,"one\ntwo"\n', b'c,i,9,1,2,3,p,"x\n', b'""\n'])
def test_parts_stay_small_whatever_the_lines_are(line: bytes) -> None:
    """PROMISE: memory does not depend on what a file holds. (5 million lines of one quote once took 1.3 GB.)

    Breaks if a part goes on to the next row, wherever that may be.
    """
    size = 20_000
    content = HEADER + line * (250_000 // len(line))
    with on_disk(content) as path:
        cuts = list(scan.parts(path, len(HEADER), plan(content), size=size))

    assert max(end - start for start, end in cuts) <= size + scan.IN_SIGHT + len(line)
    assert len(cuts) >= 3


@pytest.mark.parametrize("behind", [b"", b"\n", b"\nx\n" + ROWS[0]])
@pytest.mark.parametrize("before", [b"", ROWS[3], ROWS[3] * 3, b'"\n'])
def test_a_line_that_is_too_long_is_never_cut(before: bytes, behind: bytes) -> None:
    content = HEADER + before + b'"x,' * (LONGEST_RECORD // 2) + behind

    for size in (1, 100):
        said = read(content, size=size)

        assert said.difference(reference(content)) is None
        assert said.tally.rejected[Reason.TOO_LONG] == 1


@pytest.mark.parametrize("strictly", [False, True])
def test_a_file_that_became_shorter_is_refused(strictly: bool) -> None:
    content = HEADER + ROWS[0] * 10
    with on_disk(content) as path:
        Path(path).write_bytes(content[:-20])

        with pytest.raises(UnreadableFile, match="became shorter"):
            scan.scan(path, len(HEADER), len(content), plan(content), strictly=strictly)


def test_a_short_fuzz_finds_no_difference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The long one is `python -m tests.performers.fuzz`; its result is in docs/etl.md."""
    code = fuzz.run(rows=20_000, seed=20, seconds=3, save_to=tmp_path / "difference.csv")

    assert code == 0, capsys.readouterr().out
    assert "differences 0" in capsys.readouterr().out


def test_the_fuzz_finds_a_fault_and_saves_the_smallest_file_that_shows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sure_rows, "_SPACE", 0x1F)

    code = fuzz.run(rows=50_000, seed=1, seconds=20, save_to=tmp_path / "difference.csv")

    saved = (tmp_path / "difference.csv").read_bytes()
    _, _, row = saved.partition(b"\n")
    assert code == 1
    assert len(row) < 40
    assert b" " in row


def test_a_part_of_bad_lines_is_left_soon_after_it_is_called_off(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """PROMISE: a load that is asked to end does not first read what it has begun. Breaks if only the parts'
    ends are looked at: a part of bad lines takes many seconds.
    """
    parsed = 0
    parse = records.parse

    def counted(*args: Any, **named: Any) -> Any:
        nonlocal parsed
        parsed += 1
        return parse(*args, **named)

    monkeypatch.setattr(records, "parse", counted)
    content = HEADER + b"x\n" * 200_000
    progress = Progress(is_called_off=True)
    with on_disk(content) as path, pytest.raises(CalledOff):
        reading.read(path, header.read(HEADER), progress, Rejects(None), folder=tmp_path, human=False)

    assert parsed < 10_000
