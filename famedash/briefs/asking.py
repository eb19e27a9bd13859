"""A request in its one normal form, and its identity in the cache. Pure.

Two requests that differ only in blanks, in Unicode form or in how they name the platform are one. Upper and
lower case of brand and product stay, because they are seen in the brief.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from famedash.briefs.model import Ask
from famedash.infra import json

_LANGUAGE = re.compile(r"([A-Za-z]{2,3})(?:[-_]([A-Za-z]{4}))?(?:[-_]([A-Za-z]{2}|[0-9]{3}))?")
_JOINERS = "\u200c\u200d"


def normal(text: str) -> str:
    """NFKC, one line, blanks trimmed and collapsed; nothing that cannot be seen but joiners of letters.

    Composed last: a mark that stood apart from its letter by something unseen joins it.
    """
    if text.isascii() and text.isprintable():  # most are, and a repeat is to be quick
        return " ".join(text.split())
    seen = "".join(
        " " if unicodedata.category(each) in ("Cc", "Zl", "Zp") else each
        for each in text
        if unicodedata.category(each) != "Cf" or each in _JOINERS
    )
    return " ".join(unicodedata.normalize("NFKC", seen).split())


def language(tag: str) -> str | None:
    """`pt_br` as `pt-BR`, also `es-419`; None for what is no such tag. A script in it is left out."""
    found = _LANGUAGE.fullmatch(tag.strip())
    if found is None:
        return None
    base, _, region = found.groups()
    return f"{base.lower()}-{region.upper()}" if region else base.lower()


def as_json(ask: Ask) -> dict[str, Any]:
    """The request in its normal form, as it goes on record."""
    budget = ask.budget_amount is not None and {"amount": ask.budget_amount, "currency": ask.budget_currency}
    found = {
        "brand": ask.brand,
        "product": ask.product,
        "goal": ask.goal,
        "platform": ask.platform,
        "campaignId": ask.campaign_id,
        "audience": ask.audience or None,
        "language": ask.language,
        "budget": budget or None,
        "mustMention": list(ask.must_mention) or None,
        "mustAvoid": list(ask.must_avoid) or None,
    }
    return {name: value for name, value in found.items() if value is not None}


def identity(workspace: str, ask: Ask, context: str, versions: Mapping[str, object]) -> str:
    """The key of a brief: workspace, request, and the versions of everything that shaped it."""
    parts = {"workspace": workspace, "ask": as_json(ask), "context": context, "versions": dict(versions)}
    return hashlib.sha256(json.encode(_sorted(parts))).hexdigest()


def unique(phrases: Iterable[str]) -> tuple[str, ...]:
    """Normal, none empty, each once whatever its case, in their order."""
    found: dict[str, str] = {}
    for phrase in map(normal, phrases):
        found.setdefault(phrase.casefold(), phrase)
    return tuple(phrase for phrase in found.values() if phrase)


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return value
