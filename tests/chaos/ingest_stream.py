"""A seeded stream with everything that happens in one, and what must come of it, cell by cell. Pure.

The truth is kept as the lines are made, without a look at the product's code: a line adds to known cells
once, or is a letter with a known reason.
"""
# ruff: noqa: S311 - chance is seeded here

import json
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zlib import crc32

KINDS = ("view", "like", "comment", "share", "save", "click", "conversion")
COLUMNS = ("views", "likes", "comments", "shares", "saves", "clicks", "conversions")
TABLES = ("minutes", "hours", "totals", "creator_hours", "creator_totals", "hashtag_hours")
HORIZON_DAYS = 6
BROKEN = (
    (b"", "empty"),
    (b'{"eventId": "cut', "not_json"),
    (b"[1, 2]", "not_an_object"),
    (b'{"eventId": "x\xff"}', "bad_utf8"),
    (b'{"eventId": "x", "campaignId": "c0"}', "missing_field"),
    (b'{"x": ' + b"[" * 5_000, "too_deep"),
)
INDIA = timezone(timedelta(hours=5, minutes=30))

Key = tuple[Any, ...]


def home_of(workspace: str, campaign: str) -> int:
    return crc32(f"{workspace}/{campaign}".encode()) % 16


@dataclass(frozen=True)
class Line:
    """`home` is None for what cannot be read; `reason` is None for what counts."""

    text: bytes
    home: int | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Put:
    """One entry as it is to be appended."""

    partition: int
    lines: list[Line]

    @property
    def data(self) -> bytes:
        return b"\n".join(line.text for line in self.lines)


@dataclass
class Truth:
    """Sums by table and key, without those that are zero; letters by (partition, entry, arrival, line)."""

    sums: dict[str, Counter[Key]] = field(default_factory=lambda: {name: Counter() for name in TABLES})
    letters: dict[Key, tuple[str, bytes]] = field(default_factory=dict)
    events: Counter[datetime] = field(default_factory=Counter)

    def count(self, event: dict[str, Any], at: datetime, *, in_minutes: bool) -> None:
        counter, value = COLUMNS[KINDS.index(event["type"])], event.get("value", 1)
        platform = event["platform"].strip().lower()
        campaign = (event.get("workspace", "default"), event["campaignId"])
        minute = at.replace(second=0, microsecond=0)
        hour = minute.replace(minute=0)
        self.events[minute] += 1
        creator = event["influencerId"]
        if in_minutes:
            self.sums["minutes"][*campaign, minute, platform, counter] += value
        self.sums["hours"][*campaign, hour, platform, counter] += value
        self.sums["totals"][*campaign, platform, counter] += value
        self.sums["creator_hours"][*campaign, hour, creator, platform, counter] += value
        self.sums["creator_totals"][*campaign, creator, platform, counter] += value
        if counter in ("likes", "comments", "shares"):
            for tag in {tag.lstrip("#").lower() for tag in event.get("hashtags", ())} - {""}:
                self.sums["hashtag_hours"][campaign[0], platform, hour, tag] += value

    def note(self, put: Put, entry: str) -> None:
        """The broker took `put` under this id."""
        for index, line in enumerate(put.lines):
            if line.reason:
                at = put.partition, entry, int(entry.partition("-")[0]), index
                self.letters[at] = line.reason, line.text


class Stream:
    """Makes entries, and keeps what they must add up to. `now` must be before the first is appended."""

    def __init__(self, seed: int, now: datetime, campaigns: int = 6) -> None:
        self.chance = random.Random(seed)
        self.now = now
        self.truth = Truth()
        self.horizon = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=HORIZON_DAYS)
        self.campaigns = campaigns
        self._counted: list[tuple[dict[str, Any], datetime]] = []

    def portion(self, lines: int) -> list[Put]:
        """So many lines in disorder, in entries of one line or several; at least one of each kind."""
        made = [self.broken(), *self._out_of_time()]
        while len(made) < lines:
            made.append(self.repeat() if self._counted and self.chance.random() < 0.25 else self.event())
        made += [self.broken() for _ in range(lines // 20)]
        self.chance.shuffle(made)
        return [*self._stray(), *self.entries(made)]

    def event(self, **more: Any) -> Line:
        """One that counts: of just now, of yesterday, or too old for minute rows."""
        age = self.chance.choices(
            (self.chance.uniform(0, 300), self.chance.uniform(300, 170_000), self.chance.uniform(3e5, 4.6e5)),
            (6, 3, 1),
        )[0]
        return self.fresh(seconds=age, **more)

    def fresh(self, *, reason: str | None = None, more: dict[str, Any] | None = None, **ago: float) -> Line:
        chance = self.chance
        at = (self.now - timedelta(**ago)).astimezone(UTC)
        event: dict[str, Any] = {
            "eventId": f"event-{chance.getrandbits(64)}",
            "campaignId": f"c{chance.randrange(self.campaigns)}",
            "influencerId": chance.choice(("mia", "zoë", "kim \u4e2d")),
            "platform": chance.choice(("tiktok", "instagram", " TikTok ")),
            "type": chance.choices(KINDS, (9, 4, 2, 2, 1, 1, 1))[0],
        }
        if chance.random() < 0.3:
            event["value"] = chance.choice((0, 2, 70, -1, -3, 10**9))
        if chance.random() < 0.3:
            event["workspace"] = "acme"
        if chance.random() < 0.4:
            event["hashtags"] = chance.sample(("#Summer", "summer", "DIY", "#"), chance.randrange(1, 4))
        event |= more or {}
        if reason is None:
            self.truth.count(event, at, in_minutes=self.now - at < timedelta(hours=70))
            self._counted.append((event, at))
        return self._line(event, at, reason)

    def _out_of_time(self) -> list[Line]:
        return [self.fresh(days=9, reason="too_late"), self.fresh(minutes=-30, reason="future")]

    def repeat(self) -> Line:
        """An event again, its time perhaps written otherwise."""
        return self._line(*self.chance.choice(self._counted[-200:]))

    def every_event_again(self, reason: str | None = None) -> list[Line]:
        return [self._line(event, at, reason) for event, at in self._counted]

    def broken(self) -> Line:
        text, reason = self.chance.choice(BROKEN)
        return Line(text, None, reason)

    def _line(self, event: dict[str, Any], at: datetime, reason: str | None = None) -> Line:
        written = (
            at.astimezone(INDIA).isoformat()
            if self.chance.random() < 0.3
            else f"{at.replace(tzinfo=None).isoformat()}Z"
        )
        home = home_of(event.get("workspace", "default"), event["campaignId"])
        return Line(json.dumps(event | {"timestamp": written}).encode(), home, reason)

    def _stray(self) -> list[Put]:
        """Lines of other partitions: one that counts, twice, and by its own way too; two that do not."""
        one = self.event()
        assert one.home is not None
        wrong = (one.home + self.chance.randrange(1, 16)) % 16
        return [Put(wrong, [one]), Put(wrong, [*self._out_of_time(), one]), Put(one.home, [one])]

    def entries(self, lines: list[Line]) -> list[Put]:
        """Each line to its home, one an entry or several."""
        by_home: dict[int, list[Line]] = {}
        for line in lines:
            home = line.home if line.home is not None else self.chance.randrange(16)
            by_home.setdefault(home, []).append(line)
        puts = []
        for home, of_home in by_home.items():
            while of_home:
                taken = self.chance.choice((1, 1, 1, 2, 3, 8))
                piece = of_home[:taken]
                del of_home[:taken]
                piece.sort(key=lambda line: bool(line.text))  # an empty last line is no line
                puts.append(Put(home, piece if piece[-1].text else piece[:1]))
        self.chance.shuffle(puts)
        return puts
