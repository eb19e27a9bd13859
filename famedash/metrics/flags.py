"""What looks impossible or farmed in counts. Shown beside them; nothing is ever removed. Pure.

Judged on totals: within a short window likes may rightly outnumber views, which came before it.
"""

from dataclasses import dataclass

from famedash.metrics.windows import Counts

FARMED_SHARES = 100
FARMED_SHARES_PER_LIKE = 3
"""In 10,102 posts about 0.06 shares a like are typical; the share-farmed ones had 17 to 35."""

LEAST_VIEWS = 100
"""Below that, views that arrive a little later than their likes would raise a flag."""


@dataclass(frozen=True, slots=True)
class Flag:
    """`code` is stable; `reason` is a sentence with the numbers."""

    code: str
    reason: str


def judge(counts: Counts) -> list[Flag]:
    """Every flag that `counts` deserve."""
    found = []
    if counts.shares >= FARMED_SHARES and counts.shares > FARMED_SHARES_PER_LIKE * counts.likes:
        found.append(
            Flag(
                "share_farming",
                f"{counts.shares:,} shares stand against {counts.likes:,} likes;"
                " about 6 shares per 100 likes are usual.",
            )
        )
    if _enough(counts.views) and counts.engagements > counts.views:
        found.append(
            Flag(
                "engagement_above_views",
                f"{counts.engagements:,} engagements are more than {counts.views:,} views.",
            )
        )
    if _enough(counts.views) and counts.likes > counts.views:
        found.append(
            Flag("likes_above_views", f"{counts.likes:,} likes are more than {counts.views:,} views.")
        )
    negative = {name: value for name, value in counts._asdict().items() if value < 0}
    if negative:
        listed = ", ".join(f"{name} {value:,}" for name, value in negative.items())
        found.append(Flag("negative_count", f"Corrections took away more than was counted: {listed}."))
    return found


def _enough(views: int) -> bool:
    return views >= LEAST_VIEWS
