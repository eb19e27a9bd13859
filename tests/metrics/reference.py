"""What must have been counted, by brute force: no code of the product, only what the words mean."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

Event = Mapping[str, Any]
Key = tuple[Any, ...]

COLUMN = {
    "view": "views",
    "like": "likes",
    "comment": "comments",
    "share": "shares",
    "save": "saves",
    "click": "clicks",
    "conversion": "conversions",
}


def instant(event: Event) -> datetime:
    return datetime.fromisoformat(event["timestamp"]).astimezone(UTC)


def campaign(event: Event) -> tuple[str, str]:
    return event.get("workspace", "default"), event["campaignId"]


def platform(event: Event) -> str:
    return str(event["platform"]).strip().lower()


def influencer(event: Event) -> str:
    return str(event["influencerId"])


def distinct(events: Iterable[Event]) -> list[Event]:
    """The first of those that have campaign, id and instant in common."""
    firsts: dict[Key, Event] = {}
    for event in events:
        firsts.setdefault((campaign(event), event["eventId"], instant(event)), event)
    return list(firsts.values())


def sums(events: Iterable[Event], key: Callable[[Event], Key]) -> dict[Key, int]:
    """By key and counter, without those that are zero."""
    added: Counter[Key] = Counter()
    for event in distinct(events):
        added[(*key(event), COLUMN[event["type"]])] += event.get("value", 1)
    return {cell: value for cell, value in added.items() if value}


def minutes(event: Event) -> Key:
    return (*campaign(event), instant(event).replace(second=0, microsecond=0), platform(event))


def hours(event: Event) -> Key:
    return (*campaign(event), instant(event).replace(minute=0, second=0, microsecond=0), platform(event))


def totals(event: Event) -> Key:
    return (*campaign(event), platform(event))


def creator_hours(event: Event) -> Key:
    *of_campaign, hour, on = hours(event)
    return (*of_campaign, hour, influencer(event), on)


def creator_totals(event: Event) -> Key:
    return (*campaign(event), influencer(event), platform(event))


def hashtags(events: Iterable[Event]) -> dict[Key, int]:
    """Engagements by workspace, platform, hour and hashtag."""
    added: Counter[Key] = Counter()
    for event in distinct(events):
        workspace, _, hour, on = hours(event)
        if event["type"] in ("like", "comment", "share"):
            for tag in {tag.strip().lstrip("#").lower() for tag in event.get("hashtags", ())} - {""}:
                added[workspace, on, hour, tag] += event.get("value", 1)
    return {cell: value for cell, value in added.items() if value}


def windows(
    events: Iterable[Event], of: tuple[str, str], by: Callable[[Event], str], as_of: datetime
) -> dict[str, dict[str, dict[str, int]]]:
    """By `by` and window: the counters that are not zero. Every `by` that ever was is there."""
    mine = [event for event in distinct(events) if campaign(event) == of]
    starts = {
        "window1h": as_of - timedelta(hours=1),
        "window24h": as_of - timedelta(hours=24),
        "total": datetime.min.replace(tzinfo=UTC),
    }
    return {
        name: {
            window: {
                cell[0]: value
                for cell, value in sums(
                    (one for one in mine if by(one) == name and start <= instant(one) < as_of), lambda _: ()
                ).items()
            }
            for window, start in starts.items()
        }
        for name in {by(event) for event in mine}
    }
