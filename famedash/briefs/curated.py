"""Hashtags of standing communities by topic and platform: what a brief falls back on. Pure; a reviewed table.

Evergreen: people gather under them the year round. Nothing here says that one of them trends today; `AS_OF`
is the day on which the table was last read through.
"""

from functools import cache
from importlib import resources

import msgspec

from famedash.briefs.model import Platform


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    as_of: str
    topics: dict[str, tuple[str, ...]]
    platforms: dict[str, dict[str, tuple[str, ...]]]
    """Per platform and topic (or `*`): tags at home there, which stand first."""


def _read() -> _Table:
    file = resources.files("famedash.briefs") / "curated_trends.json"
    return msgspec.json.decode(file.read_bytes(), type=_Table)


_TABLE = _read()
AS_OF = _TABLE.as_of
"""ISO day."""
TOPICS = tuple(sorted(_TABLE.topics))
GENERAL = "general"


@cache
def curated(platform: Platform, topic: str) -> tuple[str, ...]:
    """Unique, without regard to case; never fewer than three. An unknown topic is `general`."""
    known = topic if topic in _TABLE.topics else GENERAL
    own = _TABLE.platforms.get(platform, {})
    tags = (*own.get(known, ()), *_TABLE.topics[known][:3], *own.get("*", ()), *_TABLE.topics[known][3:])
    return tuple({tag.casefold(): tag for tag in reversed(tags)}.values())[::-1]
