"""The generator: the same events for the same seed, in the proportions that were measured."""

import importlib.util
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from statistics import median

import pytest

from famedash.infra.errors import Unreadable
from famedash.metrics import decode, trends
from famedash.metrics.flags import judge
from famedash.metrics.model import COUNTER_OF
from famedash.metrics.windows import HOUR, Counts, floor
from famedash.practice import engagement
from famedash.practice.engagement import FARMER, Event

ROOT = Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("make_events", ROOT / "tools" / "make_events.py")
assert SPEC
assert SPEC.loader
make_events = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(make_events)

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
MANY = 100_000
RATE = 100.0
SEEDS = (1, 2, 3)


def events(
    number: int, *, seed: int = 1, campaigns: Sequence[str] = engagement.CAMPAIGNS, rate: float = RATE
) -> list[Event]:
    stream = engagement.stream(
        seed, start=NOON, rate=rate, campaigns=campaigns, rises_over=timedelta(seconds=number / rate)
    )
    return list(islice(stream, number))


@pytest.fixture(scope="module")
def many() -> list[Event]:
    return events(MANY)


def sums(found: Iterable[Event]) -> dict[tuple[str, str], Counter[str]]:
    """Values per (campaign, creator) and type."""
    added: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for event in dict.fromkeys(found):
        added[event.campaign_id, event.influencer_id][event.type] += event.value
    return added


def flags(counted: Counter[str]) -> set[str]:
    counts = Counts(**{counter: counted[kind] for kind, counter in COUNTER_OF.items()})
    return {flag.code for flag in judge(counts)}


def test_the_same_seed_gives_the_same_bytes_and_another_one_others() -> None:
    first, again, other = (
        b"\n".join(engagement.lines(events(2000, seed=seed), malformed_every=100)) for seed in (7, 7, 8)
    )

    assert first == again
    assert first != other


@pytest.mark.parametrize("seed", SEEDS)
def test_rates_per_view_have_the_measured_medians(seed: int) -> None:
    """A quarter aside: a median over some 300 creators, and for the rarest type over few comments each."""
    counted = [
        each
        for (_, creator), each in sums(events(MANY, seed=seed, campaigns=engagement.names(30))).items()
        if creator != FARMER and each["view"] > 2_000
    ]

    assert len(counted) > 150
    for kind in ("like", "share", "save"):
        rate = median(each[kind] / each["view"] for each in counted)
        assert rate == pytest.approx(engagement.RATES[kind][0], rel=0.25), kind
    comments = sum(each["comment"] for each in counted) / sum(each["view"] for each in counted)
    assert 0.0004 < comments < 0.002  # the mean of that log-normal is 0.00097


def test_the_first_campaign_has_most_events_and_the_others_follow_by_their_rank(many: list[Event]) -> None:
    shares = Counter(event.campaign_id for event in many)

    whole = sum(1 / rank for rank in range(1, 9))
    for rank, campaign in enumerate(engagement.CAMPAIGNS, 1):
        assert shares[campaign] / MANY == pytest.approx(1 / rank / whole, rel=0.2), campaign


def test_creators_have_few_posts_and_all_platforms_occur() -> None:
    casts = [engagement._cast(engagement._draws(f"9/{number}"), 12, farmed=False)[0] for number in range(200)]
    posts = Counter((number, post.creator) for number, cast in enumerate(casts) for post in cast)

    assert sum(n == 1 for n in posts.values()) / len(posts) > 0.6
    assert max(posts.values()) <= 25
    assert {post.platform for cast in casts for post in cast} == {"instagram", "tiktok", "youtube"}


def test_one_event_in_twenty_is_late_none_by_more_than_ten_minutes_and_none_is_ahead(
    many: list[Event],
) -> None:
    first_arrival = dict(reversed([(event, number) for number, event in enumerate(many)]))
    delays = [
        (NOON - event.at).total_seconds() + (number + 1) / RATE for event, number in first_arrival.items()
    ]

    assert min(delays) >= 0
    assert max(delays) <= 601.5
    assert sum(delay > 2 for delay in delays) / len(delays) == pytest.approx(0.05, abs=0.01)


def test_one_event_in_a_hundred_is_a_repeat_to_the_byte(many: list[Event]) -> None:
    ids = {event.event_id for event in many}

    assert len(ids) == len(set(many))  # what has the same id is the same in all
    assert 1 - len(ids) / MANY == pytest.approx(0.01, abs=0.002)


def test_a_few_counts_fall_and_none_below_zero(many: list[Event]) -> None:
    falls = [event for event in many if event.value < 0]

    assert 0.0005 < len(falls) / MANY < 0.01
    assert {event.type for event in falls} == {"comment", "save"}
    assert all(value >= 0 for each in sums(many).values() for value in each.values())


def test_a_post_has_two_to_five_hashtags_and_the_rising_ones_rise(many: list[Event]) -> None:
    def part(found: Sequence[Event]) -> float:
        return sum(bool(set(engagement.RISING) & set(event.hashtags)) for event in found) / len(found)

    assert {len(event.hashtags) for event in many} == {2, 3, 4, 5}
    assert part(many[: MANY // 2]) < 0.15
    assert part(many[-MANY // 20 :]) > 0.5


@pytest.mark.parametrize("seed", SEEDS)
def test_the_rules_for_farmed_shares_find_the_farmer_and_nobody_else(seed: int) -> None:
    counted = sums(events(20_000, seed=seed))

    flagged = {creator: flags(each) for (_, creator), each in counted.items() if flags(each)}
    assert flagged == {FARMER: {"share_farming", "engagement_above_views"}}


def test_the_truth_counts_a_repeat_once_and_both_zones_as_one_instant() -> None:
    view = Event("e-1", "summer", "ava", "tiktok", "view", "2026-11-25T12:00:59.999Z", 5)
    like = Event("e-2", "summer", "ava", "tiktok", "like", "2026-11-25T17:30:10.000+05:30")
    fall = Event("e-3", "summer", "ava", "tiktok", "view", "2026-11-25T12:00:00.000Z", -2)

    assert engagement.tally([view, like, view, fall]) == {
        ("default", "summer", NOON, "tiktok", "view"): 3,
        ("default", "summer", NOON, "tiktok", "like"): 1,
    }


def test_what_a_line_says_is_what_the_reader_of_the_log_understands(many: list[Event]) -> None:
    for event in many[:2000]:
        understood = decode.read(engagement.encode(event))

        assert understood.timestamp == event.at
        assert (understood.event_id, understood.campaign_id) == (event.event_id, event.campaign_id)
        assert (understood.influencer_id, understood.platform) == (event.influencer_id, event.platform)
        assert (understood.type, understood.value) == (event.type, event.value)
        assert tuple(understood.hashtags or ()) == event.hashtags


def test_each_breakage_makes_a_line_that_cannot_be_counted(many: list[Event]) -> None:
    for event in many[:500]:
        for number, broken in enumerate(engagement.BREAKAGES):
            with pytest.raises(Unreadable):
                pytest.fail(f"breakage {number}: {decode.read(broken(engagement.encode(event)))}")


@pytest.mark.parametrize("number", [1, 8, 12])
def test_there_are_as_many_campaigns_as_were_asked_for(number: int) -> None:
    names = engagement.names(number)

    assert len(set(names)) == number
    assert {event.campaign_id for event in events(3000, campaigns=names)} == set(names)


def test_the_shipped_sample_is_what_the_tool_writes() -> None:
    shipped = make_events.SAMPLE.read_bytes()

    assert shipped == b"".join(make_events.sample())
    assert shipped.count(b"\n") == 5_000
    assert len(shipped) < 1_600_000


@pytest.mark.parametrize("minutes", [0, 5, 30, 55])
@pytest.mark.parametrize("platform", ["instagram", "tiktok", "youtube"])
def test_a_rising_hashtag_is_among_the_first_three_trends_whenever_the_sample_is_replayed(
    platform: str, minutes: int
) -> None:
    """Not always the first: a farm's shares push its hashtags too, as they do in life."""
    shift = timedelta(minutes=minutes)
    events = [event for line in make_events.SAMPLE.read_bytes().splitlines() if (event := understood(line))]
    now = max(event.timestamp for event in events) + shift
    recent, past = Counter[str](), Counter[str]()
    for event in events:
        if event.platform == platform and event.type in ("like", "comment", "share"):
            counted = recent if event.timestamp + shift >= trends.recent_from(now) else past
            counted.update(dict.fromkeys(event.hashtags or (), event.value))

    since = floor(min(event.timestamp for event in events) + shift, HOUR)
    heard = [trends.Heard(tag, recent[tag], past[tag]) for tag in recent | past]
    first = trends.rising(heard, since=since, now=now, limit=3)

    assert {trend.hashtag for trend in first} & set(engagement.RISING)


def understood(line: bytes) -> decode.Event | None:
    try:
        return decode.read(line)
    except Unreadable:
        return None


def test_the_sample_shows_every_window_both_zones_and_every_breakage() -> None:
    found: list[decode.Event] = []
    reasons: Counter[str] = Counter()
    for line in make_events.SAMPLE.read_bytes().splitlines():
        try:
            found.append(decode.read(line))
        except Unreadable as reason:
            reasons[str(reason)] += 1
    last = max(event.timestamp for event in found)

    assert last - min(event.timestamp for event in found) > timedelta(hours=25, minutes=30)
    for campaign in engagement.CAMPAIGNS:
        times = [event.timestamp for event in found if event.campaign_id == campaign]
        hour, day = (sum(time > last - timedelta(hours=hours) for time in times) for hours in (1, 24))
        assert 0 < hour < day < len(times), campaign
    assert {event.timestamp.utcoffset() for event in found} == {timedelta(0), timedelta(hours=5.5)}
    assert reasons.total() == len(engagement.BREAKAGES)
    assert reasons.keys() == {
        *("not_json", "unknown_type", "missing_field", "bad_timestamp"),
        *("value_out_of_range", "invalid_field", "not_an_object"),
    }
