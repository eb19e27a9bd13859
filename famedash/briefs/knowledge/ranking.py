"""The order of what was found: by nearness; words in common only part what is nearly as near. Pure."""

import re
from collections.abc import Sequence

from famedash.briefs.model import Passage

NEARLY = 0.02
"""Cosines that differ by less say nothing about which text is the better one."""

_word = re.compile(r"\w{3,}")


def best(found: Sequence[Passage], query: str, *, limit: int, least_score: float) -> list[Passage]:
    """The best `limit` of those that reach `least_score`; `found` is ordered, the nearest first."""
    words = words_of(query)
    near = [each for each in found if each.score >= least_score]
    ordered: list[Passage] = []
    while near:
        tied = [each for each in near if near[0].score - each.score < NEARLY]
        ordered += sorted(tied, key=lambda each: (-len(words & words_of(each.text)), -each.score))
        near = near[len(tied) :]
    return ordered[:limit]


def words_of(text: str) -> frozenset[str]:
    return frozenset(_word.findall(text.casefold()))
