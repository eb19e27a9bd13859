"""Which of an app's addresses somebody may have meant, and which methods an address takes."""

import difflib
import re
from collections.abc import Iterable, Iterator

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

CLOSE_ENOUGH = 0.7
LONGEST_PATH = 200


def near(path: str, templates: Iterable[str]) -> str | None:
    """The address closest to `path`, with the caller's own ids in it; None when nothing looks like it."""
    if len(path) > LONGEST_PATH:
        return None
    known = {filled.lower(): filled for template in templates if (filled := _fill(template, path))}
    close = difflib.get_close_matches(path.lower(), known, n=1, cutoff=CLOSE_ENOUGH)
    return known[close[0]] if close else None


def templates(app: FastAPI) -> Iterator[str]:
    """The documented addresses, such as `/campaigns/{campaign_id}`."""
    for route in iter_route_contexts(app.routes):
        if route.path_format and getattr(route, "include_in_schema", False):
            yield route.path_format


def methods(app: FastAPI, path: str) -> list[str]:
    """What may be done at `path`, in alphabetical order."""
    found: set[str] = set()
    for route in iter_route_contexts(app.routes):
        pattern = getattr(route, "path_regex", None)
        if isinstance(pattern, re.Pattern) and pattern.match(path):
            found |= route.methods or set()
    return sorted(found)


def _fill(template: str, path: str) -> str | None:
    """The template with the path's own segments where it has parameters; None without one for each."""
    if "{" not in template:
        return template
    names, values = template.split("/"), path.split("/")
    if len(names) != len(values) or not all(values[1:]):
        return None
    return "/".join(value if "{" in name else name for name, value in zip(names, values, strict=True))
