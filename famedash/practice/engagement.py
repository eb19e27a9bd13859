"""The social platforms in small: a seeded stream of engagement events with the shape of real ones. Pure.

The same arguments give the same events, on every Python and machine: of `random` only what it promises
never to change is used. Posts report what happened since their last report, so counts stand in the
proportions that were measured on 10,102 public TikTok posts (log-normal rates per view). Assumed, not
measured: clicks and conversions, views per report, posts per campaign. It knows nothing of who counts:
`tally` is what any counter of these events must arrive at.
"""

from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from itertools import accumulate, count, cycle
from math import cos, exp, log, pi, sqrt
from random import Random
from typing import TypeVar

import msgspec

T = TypeVar("T")

Draw = Callable[[], float]
"""The next number of a seeded generator, in [0, 1)."""

CAMPAIGNS = (
    "summer-glow",
    "monsoon-drop",
    "desk-reset",
    "coupon-rush",
    "matcha-hour",
    "back-to-campus",
    "marathon-crew",
    "winter-idea",
)
"""Busiest first. Three are those that `up` creates for a newcomer; FameDash never heard of the others."""

RATES = {
    "like": (0.0535, 0.72),
    "comment": (0.00057, 1.03),
    "share": (0.0030, 1.58),
    "save": (0.0025, 0.92),
    "click": (0.0040, 0.80),
    "conversion": (0.0001, 0.80),
}
"""Per view: median, and standard deviation of the logarithm."""

FARMER = "deal.drops.daily"
FARMED_SHARES_PER_LIKE = 25.0
FARMED_PART = 0.25
"""Of the posts' weight in the farmer's campaign. Farmed posts had 17 to 35 shares a like, others 0.06."""

RISING = ("glassskin", "quietdesk")
HASHTAGS = (
    *("skincare", "spf", "morningroutine", "grwm", "desksetup", "studytok", "matcha", "coffeetime"),
    *("running", "marathontraining", "ootd", "thriftfinds", "monsoonlook", "campuslife", "budgetfinds"),
    *("unboxing", "honestreview", "giftideas", "smallbusiness", "selfcare"),
)
FIRST_NAMES = (
    "ava",
    "noor",
    "maya",
    "leo",
    "priya",
    "kenji",
    "zara",
    "omar",
    "ines",
    "arjun",
    "mila",
    "tomas",
)
LAST_NAMES = ("moves", "skin", "eats", "runs", "studies", "styles", "makes", "travels", "reads", "daily")
PLATFORMS = (("tiktok", 0.45), ("instagram", 0.8), ("youtube", 1.0))
"""Cumulative."""

POSTS = 12
"""Of a campaign, or a few more."""

ONE_POST = 0.8
MOST_POSTS = 20
POPULARITY_SD = 0.97
"""Of the logarithm of a post's views."""

VIEWS_A_REPORT, VIEWS_SD = 60.0, 1.0

REPEATED = 0.01
REVISED = 0.02
"""So often a recent event is looked at again; where its count may fall, it falls by one."""

FALLING = ("comment", "save")
"""Between two crawls comments fell on 316 of 2,409 posts, saves on 146, likes on 5."""

LATE, LATEST_MS, PROMPT_MS = 0.05, 600_000, 1_500
INDIAN = 0.12
INDIA = timezone(timedelta(hours=5, minutes=30))
RECENT = 256


class Event(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """As it stands on the wire; `timestamp` is RFC 3339 with milliseconds, in `Z` or `+05:30`."""

    event_id: str
    campaign_id: str
    influencer_id: str
    platform: str
    type: str
    timestamp: str
    value: int = 1
    hashtags: tuple[str, ...] = ()
    workspace: str = "default"

    @property
    def at(self) -> datetime:
        return datetime.fromisoformat(self.timestamp)


@dataclass(frozen=True, slots=True)
class Post:
    """`rates` in the order of `RATES`. `adopts`: the rising hashtag is added once its spread exceeds this."""

    creator: str
    platform: str
    zone: timezone
    rates: tuple[float, ...]
    hashtags: tuple[str, ...]
    rising: str
    adopts: float

    def tags(self, spread: float) -> tuple[str, ...]:
        return (*self.hashtags, self.rising) if spread > self.adopts else self.hashtags


Cast = tuple[Sequence[Post], Sequence[float]]
"""A campaign's posts and their weights, added up."""

Happening = tuple[str, Post, str, int]
"""Campaign, post, type, value."""


def stream(
    seed: int,
    *,
    start: datetime,
    rate: float,
    campaigns: Sequence[str] = CAMPAIGNS,
    posts: int = POSTS,
    rises_over: timedelta = timedelta(hours=24),
    ids: str = "e",
    workspace: str = "default",
) -> Iterator[Event]:
    """Events without end, in order of arrival: number n arrives before `start` + (n + 1) / `rate` seconds.

    Its own time lies up to 1.5 s before that, in 5 % up to 10 minutes; 1 % are repeats, to the byte. The
    first campaign has most events (Zipf). `rises_over`: when the hashtags of `RISING` are at their height.
    `posts` of each campaign at least (1 kB each: take fewer with very many campaigns). Event ids are `ids`,
    a dash and a number.
    """
    draw = _draws(str(seed))
    happenings = _happenings(draw, seed, campaigns, posts)
    recent: deque[tuple[Event, Post]] = deque(maxlen=RECENT)
    start_ms, rises_ms = start.timestamp() * 1000, rises_over.total_seconds() * 1000

    for number in count():
        luck, elapsed_ms = draw(), (number + draw()) * 1000 / rate
        old, post = _one_of(draw, recent) if luck < REPEATED + REVISED and recent else (None, None)
        if old and luck < REPEATED:
            yield old
            continue
        if old and post and old.type in FALLING and old.value > 0:
            campaign, kind, value = old.campaign_id, old.type, -1
        else:
            campaign, post, kind, value = next(happenings)
        event = Event(
            f"{ids}-{number:06}",
            campaign,
            post.creator,
            post.platform,
            kind,
            _written(start_ms + elapsed_ms - _delay_ms(draw), post.zone),
            value,
            post.tags(_spread(elapsed_ms / rises_ms)),
            workspace,
        )
        recent.append((event, post))
        yield event


def lines(events: Iterable[Event], *, malformed_every: int = 0) -> Iterator[bytes]:
    """Each event as a line of JSON, without its newline.

    After so many events a broken line is put between, in each of the ways of `BREAKAGES` in turn; 0: never.
    """
    breakages = cycle(BREAKAGES)
    for number, event in enumerate(events, 1):
        line = encode(event)
        yield line
        if malformed_every and number % malformed_every == 0:
            yield next(breakages)(line)


def tally(events: Iterable[Event]) -> Counter[tuple[str, str, datetime, str, str]]:
    """The ground truth: (workspace, campaign, UTC minute, platform, type) -> sum of values, repeats once."""
    sums: Counter[tuple[str, str, datetime, str, str]] = Counter()
    for event in dict.fromkeys(events):
        minute = event.at.astimezone(UTC).replace(second=0, microsecond=0)
        sums[event.workspace, event.campaign_id, minute, event.platform, event.type] += event.value
    return sums


def names(number: int) -> tuple[str, ...]:
    """So many campaign ids, the readable ones first."""
    return (*CAMPAIGNS[:number], *(f"campaign-{n:06}" for n in range(len(CAMPAIGNS) + 1, number + 1)))


BREAKAGES: tuple[Callable[[bytes], bytes], ...] = (
    lambda line: line[: len(line) * 2 // 3],
    lambda line: line.replace(b'"type":"', b'"type":"un'),
    lambda line: line.replace(b'"campaignId"', b'"campaign"'),
    lambda line: line.replace(b'"timestamp":"20', b'"timestamp":"June 20'),
    lambda line: b'{"value":"541.2K",' + line[1:].replace(b'"value"', b'"reported"'),
    lambda line: b'{"eventId":7.5e+18,' + line[1:].replace(b'"eventId"', b'"row"'),
    lambda line: b"[" + line + b"]",
    lambda _: b"eventId,campaignId,influencerId,platform,type,timestamp",
)
"""What producers do to their data: cut off, unknown type, missing field, a time nobody can read, a number
for people, an id that a spreadsheet destroyed, an array, the header of a CSV file."""

encode = msgspec.json.Encoder().encode
"""An event as a line."""


def _happenings(draw: Draw, seed: int, campaigns: Sequence[str], posts_each: int) -> Iterator[Happening]:
    """Report after report: the views of a post since its last one, and what came of them."""
    ranks = list(accumulate(1 / rank for rank in range(1, len(campaigns) + 1)))
    farmed = campaigns[min(3, len(campaigns) - 1)]
    casts: dict[str, Cast] = {}
    while True:
        campaign = campaigns[_pick(draw, ranks)]
        if campaign not in casts:
            casts[campaign] = _cast(_draws(f"{seed}/{campaign}"), posts_each, farmed=campaign == farmed)
        posts, weights = casts[campaign]
        post = posts[_pick(draw, weights)]
        views = max(1, round(_log_normal(draw, VIEWS_A_REPORT, VIEWS_SD)))
        yield campaign, post, "view", views
        for kind, rate in zip(RATES, post.rates, strict=True):
            if value := int(views * rate + draw()):  # rounded by chance, so that the mean stays
                yield campaign, post, kind, value


def _cast(draw: Draw, least: int, *, farmed: bool) -> Cast:
    posts: list[Post] = []
    while len(posts) < least:
        creator = f"{_one_of(draw, FIRST_NAMES)}.{_one_of(draw, LAST_NAMES)}"
        zone = INDIA if draw() < INDIAN else UTC
        posts += [_post(draw, creator, zone, _rates(draw)) for _ in range(_number_of_posts(draw))]
    weights = [_log_normal(draw, 1, POPULARITY_SD) for _ in posts]
    if farmed:
        posts.append(_post(draw, FARMER, UTC, _farmed(_rates(draw))))
        weights.append(sum(weights) * FARMED_PART / (1 - FARMED_PART))
    return posts, list(accumulate(weights))


def _post(draw: Draw, creator: str, zone: timezone, rates: dict[str, float]) -> Post:
    left = list(HASHTAGS)
    tags = tuple(left.pop(int(draw() * len(left))) for _ in range(2 + int(draw() * 3)))
    luck = draw()
    platform = next(name for name, below in PLATFORMS if luck < below)
    return Post(creator, platform, zone, tuple(rates.values()), tags, _one_of(draw, RISING), draw())


def _rates(draw: Draw) -> dict[str, float]:
    """Nobody but a farmer is shared more often than liked."""
    rates = {kind: _log_normal(draw, *shape) for kind, shape in RATES.items()}
    return rates | {"share": min(rates["share"], rates["like"])}


def _farmed(rates: dict[str, float]) -> dict[str, float]:
    like = RATES["like"][0]
    return rates | {"like": like, "share": like * FARMED_SHARES_PER_LIKE}


def _number_of_posts(draw: Draw) -> int:
    """5,491 of 6,883 creators had one post, nobody more than 20."""
    return 1 if draw() < ONE_POST else min(MOST_POSTS, 2 + int(-2 * log(1 - draw())))


def _spread(progress: float) -> float:
    """Which part of the posts carries a rising hashtag: few for long, then many."""
    return 0.02 + 0.78 * min(1.0, progress) ** 6


def _delay_ms(draw: Draw) -> float:
    return draw() * (LATEST_MS if draw() < LATE else PROMPT_MS)


def _written(at_ms: float, zone: timezone) -> str:
    text = datetime.fromtimestamp(int(at_ms) / 1000, zone).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _draws(seed: str) -> Draw:
    return Random(seed).random  # noqa: S311 - nothing secret


def _pick(draw: Draw, added_up: Sequence[float]) -> int:
    return bisect_right(added_up, draw() * added_up[-1], hi=len(added_up) - 1)


def _one_of(draw: Draw, choices: Sequence[T]) -> T:
    return choices[int(draw() * len(choices))]


def _log_normal(draw: Draw, median: float, sd: float) -> float:
    return median * exp(sd * sqrt(-2 * log(1 - draw())) * cos(2 * pi * draw()))
