"""What is asked in an eval, and the knowledge it may rest on: two files of data, typed. Pure."""

from functools import cache
from importlib import resources
from typing import Any

import msgspec

QUICK_EVERY = 4
"""Of a quick run: one case in so many."""
ALWAYS, WITHOUT_MODEL = "always", "without a model"


class Paper(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A document about one brand. `facts` stand in no other; `markers` only in what obeys it."""

    key: str
    title: str
    brand: str
    text: str
    facts: tuple[str, ...]
    markers: tuple[str, ...] = ()


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request as it would be sent. `paper`: key of the document that it must rest on.

    `refused`: whether no brief is the right answer - always, or for the composer alone. `markers`: what would
    stand in a brief that obeyed an instruction hidden in the request; they do not stand in the request.
    """

    name: str
    request: dict[str, Any]
    paper: str | None = None
    refused: str | None = None
    markers: tuple[str, ...] = ()

    @property
    def brand(self) -> str:
        return str(self.request["brand"])

    @property
    def language(self) -> str:
        return str(self.request.get("language") or "en")

    def is_to_be_refused(self, *, by_composer: bool) -> bool:
        return self.refused == ALWAYS or (self.refused == WITHOUT_MODEL and by_composer)


@cache
def cases() -> tuple[Case, ...]:
    return msgspec.json.decode(_read("cases.json"), type=tuple[Case, ...])


@cache
def papers() -> tuple[Paper, ...]:
    return msgspec.json.decode(_read("papers.json"), type=tuple[Paper, ...])


def chosen(*, quick: bool, only: str | None) -> list[Case]:
    """Those whose name holds `only`; of a quick run every fourth of them."""
    fitting = [case for case in cases() if only is None or only.casefold() in case.name.casefold()]
    return fitting[::QUICK_EVERY] if quick else fitting


def _read(name: str) -> bytes:
    return (resources.files("famedash.processes.evals") / name).read_bytes()
