"""Regular expressions over every script of Unicode, typed like those of the standard library. Pure.

The standard library knows neither scripts, graphemes, emoji nor full case folding, and its Unicode is as old
as the Python it came with: an emoji of last year is to it a character that does not exist.
"""

import re
from typing import cast

import regex  # type: ignore[import-untyped]


def compiled(pattern: str) -> re.Pattern[str]:
    """Upper and lower case are one (in full: `ß` is `ss`); `^` and `$` are the ends of a line."""
    flags = regex.IGNORECASE | regex.FULLCASE | regex.MULTILINE
    return cast("re.Pattern[str]", regex.compile(pattern, flags))
