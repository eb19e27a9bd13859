"""A log of engagement events as it comes in life, and what is true of it. Pure, seeded.

300 bytes a line with metadata that nobody counts; campaigns by Zipf (1.05); in time order, but 5 % up to ten
minutes late; 1 % come twice (half of them soon, half up to five minutes later); 0.1 % are broken in ten ways.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from itertools import accumulate
from random import Random
from typing import NamedTuple, TypeVar

from famedash.infra.log.partitions import PARTITIONS, partition_of
from famedash.metrics.model import COUNTER_OF, COUNTERS, DEFAULT_WORKSPACE, ENGAGEMENTS

SPAN_MS = 3_600_000
LATE, LATEST_MS = 0.05, 600_000
TWICE = 0.01
BROKEN = 0.001
LINE_BYTES = 300
PLATFORMS = ("instagram", "tiktok", "youtube")
TYPES = [
    kind for kind, each in zip(COUNTER_OF, (700, 200, 40, 25, 20, 12, 3), strict=True) for _ in range(each)
]
ENGAGED = frozenset(map(COUNTERS.index, ENGAGEMENTS))
CREATORS, CREATORS_OF_A_CAMPAIGN = 5_000, 30
TAGS = tuple(f"tag{number:03}" for number in range(300))
TAGGED = 0.25

K = TypeVar("K")

Cell = tuple[str, int, str]
"""campaign, minute since 1970, platform"""


class Event(NamedTuple):
    """A line, and what it must add."""

    line: bytes
    partition: int
    cell: Cell
    creator: str
    counter: int
    value: int
    tags: tuple[str, ...]


@dataclass
class Stream:
    """`lines` by partition, in their order; the rest is the truth that a count must equal."""

    lines: list[list[bytes]] = field(default_factory=lambda: [[] for _ in range(PARTITIONS)])
    cells: dict[Cell, list[int]] = field(default_factory=lambda: defaultdict(_nothing))
    creators: dict[tuple[str, str, str], list[int]] = field(default_factory=lambda: defaultdict(_nothing))
    tags: Counter[str] = field(default_factory=Counter)
    broken: int = 0
    repeated: int = 0

    @property
    def size(self) -> int:
        return sum(map(len, self.lines))

    def entries(self, partition: int, each: int) -> Iterator[bytes]:
        """The partition's lines, `each` to an entry."""
        lines = self.lines[partition]
        return (b"\n".join(lines[first : first + each]) for first in range(0, len(lines), each))

    def hours(self) -> dict[Cell, list[int]]:
        return _summed(
            ((campaign, minute // 60, name), n) for (campaign, minute, name), n in self.cells.items()
        )

    def totals(self) -> dict[tuple[str, str], list[int]]:
        return _summed(((campaign, name), counts) for (campaign, _, name), counts in self.cells.items())

    def add(self, event: Event) -> None:
        self.lines[event.partition].append(event.line)
        self.cells[event.cell][event.counter] += event.value
        self.creators[event.cell[0], event.creator, event.cell[2]][event.counter] += event.value
        if event.tags and event.counter in ENGAGED:
            for tag in event.tags:
                self.tags[tag] += event.value


class Author:
    """Writes events of `campaigns` campaigns of one workspace."""

    def __init__(self, campaigns: int, *, workspace: str = DEFAULT_WORKSPACE, seed: int = 1) -> None:
        self.draw = Random(seed)  # noqa: S311 - a benchmark is repeatable
        self._workspace = "" if workspace == DEFAULT_WORKSPACE else f'"workspace":"{workspace}",'
        self._campaigns = [uuid(self.draw) for _ in range(campaigns)]
        self._partitions = [partition_of(workspace, each) for each in self._campaigns]
        self._weights = list(accumulate(1 / rank**1.05 for rank in range(1, campaigns + 1)))
        self._people = [uuid(self.draw) for _ in range(CREATORS)]
        self._padding = "".join(uuid(self.draw) for _ in range(10))

    def choose(self, number: int) -> list[int]:
        """Which campaigns the next events are of."""
        return self.draw.choices(range(len(self._campaigns)), cum_weights=self._weights, k=number)

    def write(self, index: int, at_ms: int) -> Event:
        draw, campaign = self.draw, self._campaigns[index]
        creator = self._people[(index * 7 + int(draw.random() ** 2 * CREATORS_OF_A_CAMPAIGN)) % CREATORS]
        platform = PLATFORMS[int(draw.random() * len(PLATFORMS))]
        kind = TYPES[int(draw.random() * len(TYPES))]
        value = 1 if draw.random() < 0.9 else draw.randrange(2, 50)
        tags = (TAGS[int(draw.random() ** 3 * len(TAGS))], "summer") if draw.random() < TAGGED else ()
        text = (
            f'{{"eventId":"{uuid(draw)}","campaignId":"{campaign}","influencerId":"{creator}",'
            f'"platform":"{platform}","type":"{kind}","timestamp":"{time(at_ms)}",{self._workspace}'
        )
        text += f'"value":{value},' if value != 1 else ""
        text += f'"hashtags":["{tags[0]}","{tags[1]}"],' if tags else ""
        missing = LINE_BYTES - len(text) - len('"metadata":{"s":""}}')
        line = f'{text}"metadata":{{"s":"{self._padding[:missing]}"}}}}'.encode()
        counter = COUNTERS.index(COUNTER_OF[kind])
        cell = (campaign, at_ms // 60_000, platform)
        return Event(line, self._partitions[index], cell, creator, counter, value, tags)


def make(number: int, *, campaigns: int, now: datetime, seed: int = 1) -> Stream:
    """About `number` lines of one hour that ends at `now`."""
    author, stream = Author(campaigns, seed=seed), Stream()
    draw = author.draw
    began_ms = int(now.timestamp() * 1000) - SPAN_MS
    repeats: defaultdict[int, list[Event]] = defaultdict(list)
    for at, index in enumerate(author.choose(number)):
        for event in repeats.pop(at, ()):
            stream.lines[event.partition].append(event.line)
        late_ms = int(draw.random() * LATEST_MS) if draw.random() < LATE else 0
        event = author.write(index, began_ms + SPAN_MS * at // number - late_ms)
        if draw.random() < BROKEN:
            stream.lines[event.partition].append(spoil(event.line, stream.broken))
            stream.broken += 1
            continue
        stream.add(event)
        if draw.random() < TWICE:
            far = 100 if draw.random() < 0.5 else max(1, number // 12)
            repeats[at + 1 + int(draw.random() * far)].append(event)
            stream.repeated += 1
    for event in (event for at in sorted(repeats) for event in repeats[at]):
        stream.lines[event.partition].append(event.line)
    return stream


def spoil(line: bytes, number: int) -> bytes:
    """The line, broken in one of ten ways."""
    ways = (
        line[:150],
        b"not json",
        b"[]",
        b"null",
        b" ",
        b'{"eventId":"1"}',
        line.replace(b'"type":"', b'"type":"un'),
        line.replace(b'"timestamp":"2', b'"timestamp":"x'),
        line.replace(b'"platform":"', b'"platform":"\xff'),
        line.replace(b'"influencerId":"', b'"influencerId":7,"was":"'),
    )
    return ways[number % len(ways)]


def uuid(draw: Random) -> str:
    text = f"{draw.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def time(at_ms: int) -> str:
    return f"{_second(at_ms // 1000)}.{at_ms % 1000:03}Z"


@cache
def _second(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S}"


def _nothing() -> list[int]:
    return [0] * len(COUNTERS)


def _summed(pairs: Iterable[tuple[K, Sequence[int]]]) -> dict[K, list[int]]:
    sums: dict[K, list[int]] = {}
    for key, counts in pairs:
        into = sums.setdefault(key, [0] * len(counts))
        for place, count in enumerate(counts):
            into[place] += count
    return sums
