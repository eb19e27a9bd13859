"""What became of every event at every endpoint that there ever was, against what the ledger says was owed.

Pure, and by a rule of its own, in periods: asking `famedash.webhooks.model` would repeat a fault of it.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.chaos.receiver import Post
from tests.chaos.verdict import FINAL, judge

TRIES = 3
COUNTED = ("delivered", "retrying", "dead")
"""Rows that use up a try."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Period:
    """An endpoint was on from `since` until it was switched off or deleted (None: it is on)."""

    since: datetime
    until: datetime | None = None

    def has(self, at: datetime) -> bool:
        return self.since <= at and (self.until is None or at < self.until)


@dataclass
class Audit:
    """`harm` must be empty."""

    endpoints: int = 0
    owed: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    waits: list[str] = field(default_factory=list)
    harm: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        counts = {
            "endpoints": self.endpoints,
            "owed by the ledger": self.owed,
            "delivered": self.outcomes["delivered"],
            "given up": self.outcomes["dead"],
            "expired": self.outcomes["expired"],
            "not as owed": len(self.harm),
        }
        return "\n".join((*(f"{name:20} {count:6}" for name, count in counts.items()), *self.harm[:40]))


def audit(
    events: Sequence[Row],
    changes: Iterable[Row],
    rows: Iterable[Row],
    posts: Iterable[Post],
    letters: Iterable[Row],
    *,
    refuses: Callable[[str, str], bool],
) -> Audit:
    """`events`, `changes` and `letters` as the tables have them, `rows` as `/logs` shows them.

    `refuses`: whether that endpoint's receiver never takes that event. What was refused must be dead, with
    one letter, after its tries; the rest delivered; either may be expired where the period of the event
    ended. Nothing else may have been sent, tried or given up. `waits`: owed, and without an outcome.
    """
    rows_of, posts_of, letters_of = _by(rows, "endpointId"), _by_endpoint(posts), _by(letters, "endpoint_id")
    found = Audit()
    for endpoint, periods in periods_of(changes).items():
        found.endpoints += 1
        owed = {
            event["event_id"]: (event, period)
            for event in events
            for period in periods
            if period.has(event["occurred_at"])
        }
        found.owed += len(owed)
        order = [(event["campaign_id"], event["version"], event_id) for event_id, (event, _) in owed.items()]
        own_rows, own_posts = rows_of.pop(endpoint, []), posts_of.pop(endpoint, [])
        seen = judge({}, order, own_rows, own_posts, [endpoint])  # its gaps: what was not owed
        found.harm += [*seen.lost, *seen.out_of_order, *seen.missing, *seen.twice, *seen.unexplained]
        tried, told = _by(own_rows, "eventId"), Counter(post.webhook_id for post in own_posts)
        buried = Counter(letter["event_id"] for letter in letters_of.pop(endpoint, []))
        for event_id in {*tried, *told, *buried} - owed.keys():
            found.harm.append(
                f"{event_id} was not owed to {endpoint}: {_tale(tried[event_id])}, {told[event_id]} POSTs"
            )
        for event_id, (_, period) in owed.items():
            _follow(
                found,
                f"{event_id} to {endpoint}",
                tried[event_id],
                wanted="dead" if refuses(endpoint, event_id) else "delivered",
                may_expire=period.until is not None,
                letters=buried[event_id],
            )
    found.harm += [f"there is no endpoint {name}" for name in {*rows_of, *posts_of, *letters_of}]
    return found


def periods_of(changes: Iterable[Row]) -> dict[str, list[Period]]:
    periods: dict[str, list[Period]] = defaultdict(list)
    for change in sorted(changes, key=lambda change: change["effective_at"]):
        own, at = periods[change["endpoint_id"]], change["effective_at"]
        is_on = bool(own) and own[-1].until is None
        if change["enabled"] and not is_on:
            own.append(Period(at))
        elif is_on and not change["enabled"]:
            own[-1] = Period(own[-1].since, at)
    return periods


def _follow(
    found: Audit, delivery: str, rows: Sequence[Row], *, wanted: str, may_expire: bool, letters: int
) -> None:
    name = f"{delivery}: {_tale(rows)}"
    outcome = next((row["status"] for row in rows if row["status"] in FINAL), None)
    if outcome is None:
        found.waits.append(name)
        return
    found.outcomes[outcome] += 1
    if outcome not in (wanted, "expired"):
        found.harm.append(f"{name}: not {wanted}")
    if outcome == "expired" and not may_expire:
        found.harm.append(f"{name}: not switched off after it")
    if letters != (outcome == "dead"):
        found.harm.append(f"{name}: {letters} letters")
    tries = sorted(row["attempt"] for row in rows if row["status"] in COUNTED)
    if tries != list(range(1, len(tries) + 1)) or (outcome == "dead" and len(tries) != TRIES):
        found.harm.append(f"{name}: tries {tries}")


def _tale(rows: Sequence[Row]) -> str:
    return f"rows {[(row['attempt'], row['status']) for row in rows]}"


def _by(rows: Iterable[Row], name: str) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row[name]].append(row)
    return groups


def _by_endpoint(posts: Iterable[Post]) -> dict[str, list[Post]]:
    groups: dict[str, list[Post]] = defaultdict(list)
    for post in posts:
        groups[post.endpoint].append(post)
    return groups
