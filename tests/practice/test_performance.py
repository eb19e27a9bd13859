"""The generator of performance files: same seed, same bytes; and the parser meets its oracle."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import accumulate
from math import exp
from pathlib import Path
from statistics import median

import pytest

from famedash.performers import header, records
from famedash.performers.groups import Groups
from famedash.performers.model import Reason, Row, Tally
from famedash.performers.model import Rejected as Found
from famedash.performers.scan import Plan as ScanPlan
from famedash.performers.scan import Scanned, parts, scan
from famedash.practice.performance import WITHOUT_TEXTS, Line, Plan, lines, text
from famedash.practice.performance_cases import cases
from famedash.practice.performance_layout import Accepted, Expected, Kind, Layout, Rejected
from famedash.processes import demo_csv

SAMPLE = Path(__file__).resolve().parents[2] / demo_csv.SAMPLE
OWN_ORDER = (
    "Caption",
    "notes",
    "SHARES",
    "influencer_id",
    "likes",
    "views",
    "Campaign-Id",
    "PlatForm",
    "comments",
)
LAYOUTS = {
    "plain": Layout(),
    "without texts": WITHOUT_TEXTS,
    "crlf": Layout(newline=b"\r\n"),
    "byte order mark": Layout(bom=True),
    "quoted": Layout(quoted=True, newline=b"\r\n", bom=True),
    "own order": Layout(OWN_ORDER),
    "own order, quoted": Layout(OWN_ORDER, quoted=True),
    "an id at last": Layout(
        ("views", "likes", "caption", "comments", "shares", "platform", "campaignid", "influencerid")
    ),
    "no newline at the end": Layout(ends_in_newline=False),
}
TOO_LONG = 2 << 20


def bytes_of(plan: Plan) -> bytes:
    return b"".join(text(plan))


def oracle(found: Sequence[Line]) -> Iterator[tuple[int, Expected]]:
    """Records by the number of their first line: the header's is 1."""
    for number, line in enumerate(found, 1):
        if line.expected not in (Kind.HEADER, Kind.CONTINUATION):
            yield number, line.expected


def strictly(content: bytes) -> Iterator[tuple[int, Expected]]:
    """The same from the strict parser."""
    top = header.read(content[: header.LONGEST_HEADER])
    each = content[top.begins :].removesuffix(b"\n").split(b"\n")
    number = 2
    for found in records.read(each, top.columns, first=2):
        if isinstance(found, Found):
            assert found.line == number
            yield number, Rejected(found.reject.reason.value, found.reject.column)
        elif isinstance(found, Row):
            yield (
                number,
                Accepted(found.campaign_id, found.influencer_id, found.counts, found.platform, found.caption),
            )
        else:
            yield number, Kind.BLANK
        number += found.lines if isinstance(found, Row) else 1


@pytest.mark.parametrize(
    "plan",
    [
        Plan(3_000, 7),
        Plan(3_000, 7, malformed=0),
        Plan(3_000, 7, malformed=0, layout=LAYOUTS["own order, quoted"]),
        Plan(3_000, 7, malformed=0, layout=LAYOUTS["no newline at the end"]),
        Plan(120_000, 7, malformed=0, layout=WITHOUT_TEXTS),
    ],
)
def test_the_same_seed_writes_the_same_bytes_in_blocks_and_line_by_line(plan: Plan) -> None:
    by_line = b"".join(line.text for line in lines(plan))

    assert bytes_of(plan) == by_line == bytes_of(plan)
    assert bytes_of(Plan(plan.rows, 8, plan.malformed, plan.layout)) != by_line


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 10, 99, 1_000])
@pytest.mark.parametrize("malformed", [0, 0.02, 1])
def test_there_are_as_many_rows_as_were_asked_for(rows: int, malformed: float) -> None:
    found = Counter(type(line.expected) for line in lines(Plan(rows, 5, malformed)))

    assert found[Accepted] + found[Rejected] == rows
    assert found[Rejected] == 0 if not malformed else rows < 10 or found[Rejected] > 0


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_every_case_stands_together_with_the_others_at_the_start_the_middle_and_the_end(
    layout: Layout,
) -> None:
    names = cases(layout).keys()
    found = list(lines(Plan(4_000, 3, layout=layout)))
    third = len(found) // 3

    for part in (found[:third], found[third : 2 * third], found[2 * third :]):
        assert {line.case for line in part} - {""} == names
    assert found[1].case
    assert found[-1].case or isinstance(found[-1].expected, Accepted)


def test_every_reason_of_the_parser_is_among_the_cases() -> None:
    reasons = {
        line.expected.reason
        for line in lines(Plan(2_000, 1, huge_bytes=TOO_LONG))
        if isinstance(line.expected, Rejected)
    }

    assert reasons == set(Reason)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_the_strict_parser_finds_in_every_line_what_the_oracle_says(layout: Layout, seed: int) -> None:
    found = list(lines(Plan(2_500, seed, malformed=0.2, layout=layout)))

    assert list(strictly(b"".join(line.text for line in found))) == list(oracle(found))


def test_a_field_of_two_megabytes_is_too_long_and_the_lines_around_it_are_read(tmp_path: Path) -> None:
    found = list(lines(Plan(2_000, 1, huge_bytes=TOO_LONG)))
    path = tmp_path / "huge.csv"
    path.write_bytes(b"".join(line.text for line in found))

    tally, rejected, _ = scanned(path, 1 << 19)

    assert list(strictly(path.read_bytes())) == list(oracle(found))
    assert tally.is_whole
    assert rejected == [each for each in oracle(found) if isinstance(each[1], Rejected)]


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("size", [300, 20_000])
def test_small_parts_that_are_scanned_fast_say_the_same(
    tmp_path: Path, layout: Layout, size: int, seed: int
) -> None:
    """PROMISE: the fast path accepts nothing but rows, and no cut falls into a record.

    Breaks if a line that the oracle rejects is summed, or a part begins inside quotes.
    """
    made = Plan(1_500, seed, malformed=0.1, layout=layout, border_every=size)
    found = list(lines(made))
    path = tmp_path / "made.csv"
    path.write_bytes(b"".join(line.text for line in found))

    tally, rejected, sums = scanned(path, size)

    records_found = list(oracle(found))
    assert tally.is_whole
    assert tally.lines == len(found)
    assert tally.accepted + tally.rejects == made.rows
    assert tally.continuation == sum(line.expected is Kind.CONTINUATION for line in found)
    assert tally.blank == sum(line.expected is Kind.BLANK for line in found)
    assert rejected == [each for each in records_found if isinstance(each[1], Rejected)]
    assert sums == sums_of([each for _, each in records_found if isinstance(each, Accepted)])
    assert tally.flagged == sum(
        sum(each.counts[1:]) > each.counts[0] for _, each in records_found if isinstance(each, Accepted)
    )


def scanned(
    path: Path, size: int
) -> tuple[Tally, list[tuple[int, Expected]], dict[tuple[str, str], list[int]]]:
    """Tally, rejects by line and (rows, views, likes, comments, shares) of each pair, part by part."""
    content = path.read_bytes()
    top = header.read(content[: header.LONGEST_HEADER])
    plan = ScanPlan(top.columns, False, 99)
    tally = Tally(lines=1, header=1)
    rejected: list[tuple[int, Expected]] = []
    sums: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * 5)
    for start, end in parts(str(path), top.begins, plan, size=size):
        part = scan(str(path), start, end, plan)
        for each in part.rejected:
            rejected.append(
                (tally.lines + 1 + each.line, Rejected(each.reject.reason.value, each.reject.column))
            )
        tally.add(part.tally)
        for place in range(len(part.groups)):
            pair = tuple(text_at(part, content, part.groups, row, place) for row in range(2))
            assert len(pair) == 2
            sums[pair] = [a + b for a, b in zip(sums[pair], part.groups.sums[:, place].tolist(), strict=True)]
    return tally, rejected, dict(sums)


def text_at(part: Scanned, content: bytes, groups: Groups, row: int, place: int) -> str:
    at, size = int(groups.at[row, place]), int(groups.size[row, place])
    return (part.aside[-1 - at :][:size] if at < 0 else content[at : at + size]).decode()


def sums_of(rows: Sequence[Accepted]) -> dict[tuple[str, str], list[int]]:
    sums: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * 5)
    for row in rows:
        pair = row.campaign, row.influencer
        sums[pair] = [a + b for a, b in zip(sums[pair], (1, *row.counts), strict=True)]
    return dict(sums)


@pytest.mark.parametrize("every", [400, 4_096])
def test_a_case_stands_on_and_behind_every_border(every: int) -> None:
    """Behind a quote that stays open the border may lie in the good row that it needs."""
    body = list(lines(Plan(6_000, 4, malformed=0.0001, border_every=every)))[:2_000]
    ends = list(accumulate(len(line.text) for line in body))
    crossing = [place for place in range(2, len(body) - 2) if ends[place] // every > ends[place - 1] // every]

    assert len(crossing) > 20
    for place in crossing:
        assert any(line.case for line in body[place - 1 : place + 1])
        assert any(line.case for line in body[place + 1 : place + 3])


def test_a_clean_file_has_the_measured_proportions() -> None:
    rows = [
        line.expected for line in lines(Plan(20_000, 1, malformed=0)) if isinstance(line.expected, Accepted)
    ]
    pairs = Counter((row.campaign, row.influencer) for row in rows)
    rates = Counter(sum(row.counts[1:]) / row.counts[0] for row in rows)
    farmed = [row for row in rows if row.counts[3] > 15 * row.counts[1]]

    assert len(rows) == 20_000
    assert median(row.counts[0] for row in rows) == pytest.approx(exp(14.62), rel=0.1)
    assert median(row.counts[1] / row.counts[0] for row in rows) == pytest.approx(0.0535, rel=0.1)
    assert median(100 * sum(row.counts[1:]) / row.counts[0] for row in rows) == pytest.approx(6.26, rel=0.1)
    assert 0.25 < 1 - len(pairs) / len(rows) < 0.45
    assert rates.most_common(1)[0][1] > 500
    assert 10 < len(farmed) < 80
    assert any(sum(row.counts[1:]) > row.counts[0] for row in rows)
    assert any(row.influencer.startswith("0") for row in rows)
    assert len({row.campaign for row in rows}) == 20
    assert 0.3 < sum(row.caption is not None for row in rows) / len(rows) < 0.6


def test_fewer_pairs_repeat_more_often() -> None:
    rows = [
        line.expected for line in lines(Plan(5_000, 1, 0, pairs=50)) if isinstance(line.expected, Accepted)
    ]

    assert len({(row.campaign, row.influencer) for row in rows}) == 50


def test_the_shipped_sample_is_what_the_command_writes_with_rows_10000_and_seed_26() -> None:
    """`famedash demo csv --rows 10000 --seed 26 --out examples/performance.csv` makes it again."""
    made = demo_csv.plan(demo_csv.SAMPLE_ROWS, demo_csv.SAMPLE_SEED, clean=False, with_texts=True)
    shipped, found = SAMPLE.read_bytes(), list(lines(made))

    assert shipped == bytes_of(made)
    assert len(shipped) < 1_000_000
    assert {line.case for line in found} - {""} == cases(made.layout).keys()
    assert {line.expected.reason for line in found if isinstance(line.expected, Rejected)} == set(Reason) - {
        "too_long"
    }
    assert list(strictly(shipped)) == list(oracle(found))
