"""What a run amounts to: every accepted change against every POST and every row. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.receiver import Post

FINAL = ("delivered", "dead", "expired")
MADE = ("delivered", "retrying", "dead", "interrupted")
"""Rows that may stand for a POST."""


@dataclass
class Verdict:
    """Everything from `lost` on must be empty."""

    accepted: int = 0
    owed: int = 0
    delivered: int = 0
    dead: int = 0
    duplicated: int = 0
    interrupted: int = 0
    lost: list[str] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not self._harm

    @property
    def _harm(self) -> list[str]:
        return [*self.lost, *self.out_of_order, *self.missing, *self.twice, *self.gaps, *self.unexplained]

    def __str__(self) -> str:
        counts = {
            "accepted changes": self.accepted,
            "deliveries owed": self.owed,
            "delivered": self.delivered,
            "dead": self.dead,
            "interrupted rows": self.interrupted,
            "duplicated": self.duplicated,
            "unexplained": len(self.unexplained),
            "lost": len(self.lost),
            "out of order": len(self.out_of_order),
            "missing audit rows": len(self.missing),
            "recorded twice": len(self.twice),
            "version gaps": len(self.gaps),
        }
        table = [f"{name:20} {count:6}" for name, count in counts.items()]
        return "\n".join((*table, *self._harm[:40]))


def judge(
    accepted: Mapping[str, Iterable[int]],
    events: Sequence[tuple[str, int, str]],
    rows: Sequence[Mapping[str, Any]],
    posts: Sequence[Post],
    endpoints: Sequence[str] = ("default",),
) -> Verdict:
    """`accepted`: campaign -> versions answered 2xx; `events`: (campaign, version, event id) committed;
    all of them are owed to every one of `endpoints`.

    Lost: no final row, no event, or a delivered row whose POST nobody saw. Missing: more POSTs of an event
    than rows that may stand for one. Twice: two final rows. Out of order: a version whose first POST came
    before the one before it had reached that endpoint, or its end. Unexplained: the receiver took it again
    without an `interrupted` row, or one of a try without an answer, that says why.
    """
    accepted_changes = sum(len(set(versions)) for versions in accepted.values())
    verdict = Verdict(accepted=accepted_changes, owed=len(events) * len(endpoints))
    rows_of: dict[str, dict[str, list[Mapping[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    posts_of: dict[str, dict[str, list[tuple[int, Post]]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        rows_of[row["endpointId"]][row["eventId"]].append(row)
    for place, post in enumerate(posts):
        posts_of[post.endpoint][post.webhook_id].append((place, post))
    of_campaign: dict[str, dict[int, str]] = defaultdict(dict)
    for campaign, version, event_id in events:
        if version in of_campaign[campaign]:
            verdict.gaps.append(f"{campaign} v{version}: two events")
        of_campaign[campaign][version] = event_id
    for campaign, versions in accepted.items():
        lacking = set(versions) - set(of_campaign[campaign])
        verdict.lost += [f"{campaign} v{version}: accepted, no event" for version in sorted(lacking)]
    for campaign, versions_of in of_campaign.items():
        if sorted(versions_of) != list(range(1, len(versions_of) + 1)):
            verdict.gaps.append(f"{campaign}: versions {sorted(versions_of)}")
        for endpoint in endpoints:
            _follow(f"{campaign} to {endpoint}", versions_of, rows_of[endpoint], posts_of[endpoint], verdict)
    return verdict


def _follow(
    lane: str,
    versions_of: Mapping[int, str],
    rows_of: Mapping[str, list[Mapping[str, Any]]],
    posts_of: Mapping[str, list[tuple[int, Post]]],
    verdict: Verdict,
) -> None:
    reached = -1
    for version, event_id in sorted(versions_of.items()):
        rows, seen = rows_of.get(event_id, []), posts_of.get(event_id, [])
        name = f"{lane} v{version} ({event_id})"
        statuses = Counter(row["status"] for row in rows)
        tale = f"rows {[(row['attempt'], row['status']) for row in rows]}"
        tale += f", POSTs answered {[post.answered for _, post in seen]}"
        final = sum(statuses[status] for status in FINAL)
        taken = [place for place, post in seen if post.answered is not None and post.answered < 300]
        verdict.delivered += statuses["delivered"] > 0
        verdict.dead += statuses["dead"] > 0
        verdict.duplicated += max(0, len(taken) - 1)
        verdict.interrupted += statuses["interrupted"]
        if final == 0 or (statuses["delivered"] and not taken):
            verdict.lost.append(f"{name}: {tale}")
        if final > 1:
            verdict.twice.append(f"{name}: {tale}")
        if len(seen) > sum(statuses[status] for status in MADE):
            verdict.missing.append(f"{name}: {tale}")
        unanswered = sum(row["status"] == "retrying" and row["httpStatus"] is None for row in rows)
        if len(taken) - 1 > statuses["interrupted"] + unanswered:
            verdict.unexplained.append(f"{name}: {tale}")
        if seen and seen[0][0] < reached:
            verdict.out_of_order.append(
                f"{name}: first POST is the {seen[0][0]}th of all, expected after {reached}"
            )
        reached = max(reached, taken[0] if taken else seen[-1][0] if seen else -1)
