"""A whole performance file as plain Python: by parts (fast or strictly), and by a reference without numpy."""

import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from io import BytesIO

from famedash.performers import header, records, scan
from famedash.performers.groups import Accumulator, Groups
from famedash.performers.model import (
    LONGEST_CAPTION,
    LONGEST_PLATFORM,
    Rejected,
    Row,
    Tally,
    engagement_rate,
)

Pair = tuple[str, str]
Texts = tuple[str | None, str | None]
Sums = tuple[int, ...]

SEED = 0x5EED_0F_7E575
HEADER = b"campaignId,influencerId,views,likes,comments,shares,platform,caption\n"
FIRST_ROW = 2
"""The number of the line behind the header."""


@dataclass
class Said:
    """What a file says. `sums`: rows, views, likes, comments, shares. `texts`: platform and caption as kept;
    by the reference, all that may be kept: those of the rows with the pair's highest rate.
    """

    tally: Tally = field(default_factory=lambda: Tally(lines=1, header=1))
    rejected: list[Rejected] = field(default_factory=list)
    sums: dict[Pair, Sums] = field(default_factory=dict)
    texts: dict[Pair, set[Texts]] = field(default_factory=dict)

    def difference(self, other: "Said") -> str | None:
        """Where two readings part; the texts of `self` must be among those of `other`."""
        for name in ("tally", "rejected", "sums"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine != theirs:
                return f"{name}: {_first_difference(mine, theirs)}"
        if strange := [pair for pair in self.texts if not self.texts[pair] <= other.texts[pair]]:
            return f"texts: {strange[0]}: {self.texts[strange[0]]} is not in {other.texts[strange[0]]}"
        return None if self.tally.is_whole else f"tally: {self.tally} is not whole"


def read(
    content: bytes, *, strictly: bool = False, size: int = scan.PART, human: bool = False, seed: int = SEED
) -> Said:
    """Read by parts of about `size` bytes, as a load does."""
    with on_disk(content) as path:
        start = header.read(content[: header.LONGEST_HEADER])
        plan = scan.Plan(start.columns, human, seed)
        said, aside = Said(), BytesIO()
        groups = Accumulator(aside)
        for begin, end in scan.parts(path, start.begins, plan, size=size):
            part = scan.scan(path, begin, end, plan, strictly=strictly)
            said.rejected += [
                replace(each, line=each.line + FIRST_ROW + said.tally.lines - 1) for each in part.rejected
            ]
            said.tally.add(part.tally)
            groups.add(part.groups, part.aside)
        for some in groups.sum_up():
            _absorb(said, some, content, aside.getvalue(), plan)
    return said


def reference(content: bytes, *, human: bool = False) -> Said:
    """The specification alone, over all lines at once."""
    start = header.read(content[: header.LONGEST_HEADER])
    lines = content[start.begins :].split(b"\n")
    if not lines[-1]:
        del lines[-1]
    said, tally = Said(), Tally()
    sums: dict[Pair, list[int]] = defaultdict(lambda: [0] * 5)
    best: dict[Pair, float] = {}
    for found in records.read(lines, start.columns, first=FIRST_ROW, human=human):
        if isinstance(found, Rejected):
            said.rejected.append(found)
            tally.rejected[found.reject.reason] += 1
        elif isinstance(found, Row):
            tally.accepted += 1
            tally.continuation += found.lines - 1
            tally.flagged += found.is_flagged
            _add(found, sums, best, said.texts)
        else:
            tally.blank += 1
    tally.lines = len(lines)
    said.tally.add(tally)
    said.sums = {pair: tuple(each) for pair, each in sums.items()}
    return said


@contextmanager
def on_disk(content: bytes) -> Iterator[str]:
    with tempfile.NamedTemporaryFile(prefix="performance-", suffix=".csv") as file:
        file.write(content)
        file.flush()
        yield file.name


def _add(
    row: Row, sums: dict[Pair, list[int]], best: dict[Pair, float], texts: dict[Pair, set[Texts]]
) -> None:
    pair = row.campaign_id, row.influencer_id
    for place, number in enumerate((1, *row.counts)):
        sums[pair][place] += number
    rate = engagement_rate(*row.counts)
    if rate > best.get(pair, -1.0):
        best[pair], texts[pair] = rate, set()
    if rate == best[pair]:
        texts[pair].add((row.platform, row.caption))


def _absorb(said: Said, groups: Groups, content: bytes, aside: bytearray, plan: scan.Plan) -> None:
    optional = [place is not None for place in plan.columns.texts]
    for at, size, sums in zip(
        groups.at.T.tolist(), groups.size.T.tolist(), groups.sums.T.tolist(), strict=True
    ):
        texts = [_text(*where, content, aside) for where in zip(at, size, strict=True)]
        pair = texts[0], texts[1]
        assert pair not in said.sums, f"{pair} stands twice"
        said.sums[pair] = tuple(sums)
        kept = iter(texts[2:])
        platform, caption = (next(kept).strip() if there else "" for there in optional)
        said.texts[pair] = {(platform[:LONGEST_PLATFORM] or None, caption[:LONGEST_CAPTION] or None)}


def _text(at: int, size: int, content: bytes, aside: bytearray) -> str:
    """Below 0 is aside, from -1 backwards: that is, -1 is its first byte."""
    where = content if at >= 0 else aside
    start = at if at >= 0 else -1 - at
    return bytes(where[start : start + size]).decode()


def _first_difference(mine: object, theirs: object) -> str:
    if isinstance(mine, dict) and isinstance(theirs, dict):
        pair = next(each for each in {**mine, **theirs} if mine.get(each) != theirs.get(each))
        return f"{pair!r}: {mine.get(pair)} and {theirs.get(pair)}"
    if isinstance(mine, list) and isinstance(theirs, list):
        both = zip(mine, theirs, strict=False)
        place = next((n for n, (one, two) in enumerate(both) if one != two), min(len(mine), len(theirs)))
        return f"{mine[place : place + 1]} and {theirs[place : place + 1]}"
    return f"{mine} and {theirs}"
