"""Good rows of a performance file in bulk, in the measured proportions. Pure numpy.

Measured on 10,102 public posts, as in `engagement`: log-normal views and rates, one post in a thousand with
farmed shares. Measured on a challenge's file: a third of the rows repeat a (campaign, creator) pair, and they
do where there are as many pairs to draw from as rows. Assumed: campaigns, ids, and how many rates are equal
to the last digit (3 %). NumPy's `RandomState` and Python's `Random.random` promise never to change.
"""

from collections.abc import Iterator
from itertools import repeat
from math import log
from random import Random
from typing import Any, TypeAlias

import numpy as np

from famedash.practice.engagement import FIRST_NAMES, HASHTAGS, LAST_NAMES, PLATFORMS, RATES, names
from famedash.practice.performance_layout import COUNTS, FILLER, REQUIRED, Layout

Columns: TypeAlias = list[list[Any]]
"""Values of a block: campaign, the two parts of a creator's id, platform, caption, and the four counts."""

BLOCK = 50_000
CAMPAIGNS = 20
LN_VIEWS, VIEWS_SD = 14.62, 0.97
TIED, FARMED = 0.03, 0.001

PREFIXES = (
    *(f"7{third}{fourth}183506" for third in "01234" for fourth in "2468"),
    *("000000000", "00", "7"),
    *(f"{first}.{last}" for first in FIRST_NAMES[:4] for last in LAST_NAMES[:3]),
)
"""Of a creator's id, before ten digits: platforms' numbers, some with zeros in front, and names."""


def blocks(seed: int, *, pairs: int, rows: int | None = None) -> Iterator[Columns]:
    """So many rows, or rows without end; both begin with the same ones."""
    random = np.random.RandomState(Random(f"rows/{seed}").getrandbits(32))  # noqa: S311 - nothing secret
    campaigns = np.array(names(CAMPAIGNS), object)
    shares = np.cumsum(1 / np.arange(1, CAMPAIGNS + 1))
    platforms = np.array([name for name, _ in PLATFORMS], object)
    captions = np.array(_captions(), object)
    prefixes = np.array(PREFIXES, object)
    for size in repeat(BLOCK) if rows is None else _sizes(rows):
        luck = random.random_sample((3, BLOCK))[:, :size]
        pair = (luck[0] * pairs).astype(np.int64)
        creator = (pair // 2 * 2_654_435_761) % (1 << 32)  # Knuth's multiplicative hash: 1 to 1
        where = (pair * 2_246_822_519) % (1 << 32) / (1 << 32) * shares[-1]
        on = np.searchsorted([below for _, below in PLATFORMS], creator % 1000 / 1000, side="right")
        texts = [
            campaigns[np.searchsorted(shares, where, side="right")],
            prefixes[creator // 1000 % len(prefixes)],
            creator,
            platforms[on],
            captions[(luck[1] * len(captions)).astype(np.int64)],
        ]
        yield [column.tolist() for column in (*texts, *_counts_of(random, luck[2], size))]


def written(columns: Columns, layout: Layout) -> Iterator[str]:
    """The rows with their line ends."""
    return map(_template(layout).__mod__, _cells(columns, layout))


def _sizes(rows: int) -> Iterator[int]:
    for begin in range(0, rows, BLOCK):
        yield min(BLOCK, rows - begin)


def _template(layout: Layout) -> str:
    """A row for `%`; a creator is two values."""
    mark = '"' if layout.quoted else ""
    forms = {"influencerId": f"{mark}%s%010d{mark}", "caption": "%s"} | dict.fromkeys(
        COUNTS, f"{mark}%d{mark}"
    )
    known = {*REQUIRED, "platform", "caption"}
    cells = (
        forms.get(name, f"{mark}%s{mark}") if name in known else layout.cell(FILLER) for name in layout.names
    )
    return ",".join(cells) + layout.newline.decode()


def _cells(columns: Columns, layout: Layout) -> Iterator[tuple[Any, ...]]:
    campaign, prefix, creator, platform, caption, *counts = columns
    written = {each: layout.cell(each) for each in set(caption)}
    places = {
        "campaignId": [campaign],
        "influencerId": [prefix, creator],
        "platform": [platform],
        "caption": [[written[each] for each in caption]] if "caption" in layout.names else [],
        **{name: [column] for name, column in zip(COUNTS, counts, strict=True)},
    }
    return zip(*(column for name in layout.names for column in places.get(name, ())), strict=True)


def _counts_of(random: np.random.RandomState, luck: Any, size: int) -> Any:
    """Views, likes, comments, shares; the first rows of a block are the same in a block cut short."""
    bells = random.standard_normal((4, BLOCK))[:, :size]
    counts = np.empty((4, size))
    counts[0] = np.exp(LN_VIEWS + VIEWS_SD * bells[0])
    for place, kind in enumerate(("like", "comment", "share"), 1):
        median, sd = RATES[kind]
        counts[place] = counts[0] * np.exp(log(median) + sd * bells[place])
    tied = np.flatnonzero(luck < TIED)
    views = 10.0 ** (3 + (luck[tied] * 1e6).astype(np.int64) % 4)
    counts[:, tied] = views * np.array([[1], [0.05], [0.003], [0.007]])
    farmed = (luck >= TIED) & (luck < TIED + FARMED)
    counts[3, farmed] = counts[1, farmed] * (17 + 18 * (luck[farmed] - TIED) / FARMED)
    return np.maximum(np.rint(counts), [[1], [0], [0], [0]]).astype(np.int64)


def _captions() -> list[str]:
    """Hashtags, some between commas; more than half of the posts are exported without."""
    draw = Random("captions").random  # noqa: S311 - nothing secret
    found = []
    for number in range(256):
        tags = [f"#{HASHTAGS[int(draw() * len(HASHTAGS))]}" for _ in range(1 + number % 3)]
        found.append((", " if number % 8 == 0 else " ").join(tags) if number % 16 else "café ☕ " + tags[0])
    return [*found, *[""] * 320]
