"""The edition of everything that shapes a brief: prompts, tools, policy, phrases, limits, in one hash.

A cached brief of another edition is never served; nobody has to remember to raise a number.
"""

import hashlib
from functools import cache
from pathlib import Path

_SHAPES_BRIEFS = (".py", ".j2", ".json", ".npz")


@cache
def edition() -> str:
    """Of all files of this package; read once a process."""
    found = hashlib.sha256()
    folder = Path(__file__).parent
    for path in sorted(folder.rglob("*")):
        if path.suffix in _SHAPES_BRIEFS:
            found.update(path.relative_to(folder).as_posix().encode())
            found.update(path.read_bytes())
    return found.hexdigest()[:16]
