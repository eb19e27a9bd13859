"""How creators are ranked, where a page goes on, and what looks wrong about a result. Pure.

A ranking is a total order: by engagement rate it is (rate descending, engagements descending, creator, and
campaign where several are ranked together).
"""

from enum import StrEnum
from typing import Annotated, NamedTuple

from msgspec import Meta

FARMED_SHARES, FARMED_SHARES_PER_LIKE = 100, 3
"""In 10,102 posts about 0.06 shares a like are typical; the share-farmed ones had 17 to 35."""


class Sort(StrEnum):
    """What is ranked by; the greatest comes first."""

    ENGAGEMENT_RATE = "engagementRate"
    ENGAGEMENTS = "engagements"
    VIEWS = "views"


Whole = Annotated[int, Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
"""What PostgreSQL takes as a bigint: a cursor may be forged."""


class Place(NamedTuple):
    """Where a page begins: behind this result, which had this rank. `key` is what it was sorted by."""

    sort: Sort
    rank: Whole
    key: Whole | float
    engagements: Whole
    influencer_id: str
    campaign_id: str


class Flag(NamedTuple):
    """`code` is stable; `reason` is a sentence with the numbers."""

    code: str
    reason: str


def flags(views: int, likes: int, shares: int, engagements: int) -> list[Flag]:
    """What looks impossible or farmed. Shown beside the result, never removed."""
    found = []
    if engagements > views:
        found.append(
            Flag("engagement_above_views", f"{engagements:,} engagements are more than {views:,} views.")
        )
    if likes > views:
        found.append(Flag("likes_above_views", f"{likes:,} likes are more than {views:,} views."))
    if shares >= FARMED_SHARES and shares > FARMED_SHARES_PER_LIKE * likes:
        found.append(
            Flag(
                "share_farming",
                f"{shares:,} shares stand against {likes:,} likes; about 6 shares per 100 likes are usual.",
            )
        )
    return found
