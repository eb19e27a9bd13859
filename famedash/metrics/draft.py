"""What a piece of the log adds, not judged yet: rows of counters, letters, strays. Pure."""

from dataclasses import dataclass, field

import msgspec

from famedash.metrics.decode import stored_hashtags
from famedash.metrics.fingerprints import MinuteKey, day_seed
from famedash.metrics.model import COUNTER_OF, COUNTERS, ENGAGEMENTS

INDEX = {kind: COUNTERS.index(counter) for kind, counter in COUNTER_OF.items()}
"""Each type of event, and the place of its counter in a row."""

ENGAGED = frozenset(COUNTERS.index(counter) for counter in ENGAGEMENTS)


class Origin(msgspec.Struct, frozen=True, rename="camel"):
    """Where a line was first read: what its dead letter is known by, wherever it was moved since.

    `forced`: replayed by a person who was warned that it may count twice.
    """

    partition: int
    entry: str
    arrived_ms: int
    line: int
    forced: bool = False


@dataclass(frozen=True, slots=True)
class Letter:
    """A line that cannot be counted, and why (one of `decode.REASONS`)."""

    origin: Origin
    reason: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Stray:
    """A line that belongs to another partition."""

    partition: int
    origin: Origin
    payload: bytes


class Campaign:
    """What all events of a campaign share, and the rows that the present draft has of it.

    In `sure` they are found by the platform as it came; only those of minutes that are surely neither too
    late nor in the future stand there, so an event that finds its row there needs no further look.
    """

    __slots__ = ("campaign_id", "rows", "seed", "sure", "workspace")

    def __init__(self, workspace: str, campaign_id: str, seed: int) -> None:
        self.workspace = workspace
        self.campaign_id = campaign_id
        self.seed = seed
        self.rows: dict[tuple[int, str], Row] = {}
        self.sure: dict[tuple[int, str], Row] = {}


class Row:
    """One campaign's minute on one platform: what its events add.

    `events` are those of the whole minute, by fingerprint.
    """

    __slots__ = ("campaign", "counts", "creators", "events", "minute", "platform", "seed", "tags")

    def __init__(self, campaign: Campaign, minute: int, platform: str, events: "dict[int, Mark]") -> None:
        self.campaign = campaign
        self.minute = minute
        self.platform = platform
        self.events = events
        self.seed = day_seed(campaign.seed, minute // 1440)
        self.counts = [0] * len(COUNTERS)
        self.creators: dict[str, list[int]] = {}
        self.tags: dict[str, int] = {}

    def add_tags(self, tags: list[str], value: int) -> None:
        for tag in stored_hashtags(tags):
            self.tags[tag] = self.tags.get(tag, 0) + value

    @property
    def key(self) -> tuple[str, str, int, str]:
        return self.campaign.workspace, self.campaign.campaign_id, self.minute, self.platform


Mark = tuple[Row, int, int, str, list[str] | None]
"""What an event added, so that it can be taken back: row, counter, value, creator, hashtags."""

CreatorKey = tuple[str, str, int, str]
"""workspace, campaign, hour, platform"""
TagKey = tuple[str, str, int]
"""workspace, platform, hour"""


@dataclass
class Draft:
    """What a piece of the log adds. Repeats within it are left out; those of earlier pieces until `judge`."""

    rows: list[Row] = field(default_factory=list)
    minutes: dict[MinuteKey, dict[int, Mark]] = field(default_factory=dict)
    creators: dict[CreatorKey, dict[str, list[int]]] = field(default_factory=dict)
    tags: dict[int, dict[TagKey, dict[str, int]]] = field(default_factory=dict)
    letters: list[Letter] = field(default_factory=list)
    strays: list[Stray] = field(default_factory=list)
    oldest_minute: int | None = None
    lines: int = 0
    duplicates: int = 0
    first_line: tuple[Origin, bytes] | None = None

    @property
    def events(self) -> int:
        return sum(map(len, self.minutes.values()))

    def judge(self, key: MinuteKey, counted: set[int]) -> None:
        """Take back the minute's events that were counted before."""
        events = self.minutes[key]
        for fingerprint in events.keys() & counted:
            self._take_back(events.pop(fingerprint))
            self.duplicates += 1

    def _take_back(self, mark: Mark) -> None:
        row, counter, value, creator, tags = mark
        row.counts[counter] -= value
        if creator in row.creators:
            row.creators[creator][counter] -= value
        if tags and counter in ENGAGED:
            for tag in stored_hashtags(tags):
                if tag in row.tags:
                    row.tags[tag] -= value
