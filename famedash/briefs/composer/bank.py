"""Our own words: one reviewed file of phrases per language, and a choice among them that is always the same.

No phrase claims anything about a product, for nobody here knows it: phrases say what is shown, and how.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import resources

import msgspec
import xxhash

from famedash.briefs.model import Ask, Platform
from famedash.briefs.rules.phrases import fold, holds

LANGUAGES = ("de", "en", "es", "fr", "hi", "it", "pt")
_GROUPS = {
    Platform.X: "text",
    Platform.THREADS: "text",
    Platform.LINKEDIN: "text",
    Platform.PINTEREST: "pin",
    Platform.TWITCH: "live",
}
_LINKS = {
    Platform.INSTAGRAM: "bio",
    Platform.TIKTOK: "bio",
    Platform.SNAPCHAT: "bio",
    Platform.YOUTUBE: "description",
    Platform.PINTEREST: "pin",
    Platform.TWITCH: "chat",
}
_SLOT = re.compile(r"\{(\w+)\}([.।]?)")
_ENDS = (".", "!", "?", "…", "।", "？", "！", "。")
_LONGEST_PAIR = 80


class UnknownLanguage(LookupError):
    """There are no phrases in this language; `languages` are those that have some."""

    def __init__(self, languages: tuple[str, ...]) -> None:
        super().__init__(f"Phrases exist in {', '.join(languages)} only.")
        self.languages = languages


class Pattern(msgspec.Struct, frozen=True):
    """A form that a post can take: `text` tells the creator, `lines` stand in the caption."""

    title: str
    text: str
    lines: tuple[str, ...]


class Bank(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Phrases with slots such as `{brand}`. Keys: objectives, patterns, topics, or a group of platforms."""

    openings: dict[str, tuple[str, ...]]
    ctas: dict[str, tuple[str, ...]]
    scenes: dict[str, tuple[str, ...]]
    hooks: dict[str, tuple[str, ...]]
    platform_hooks: dict[str, tuple[str, ...]]
    topic_hooks: dict[str, tuple[str, ...]]
    patterns: dict[str, Pattern]
    traits: dict[str, str]
    links: dict[str, str]
    extras: dict[str, str]
    do: tuple[str, ...]
    dont: tuple[str, ...]
    platform_do: dict[str, str]
    build_on: str
    read_first: str
    show_fact: str
    mention: str
    say: str
    leave_out: str
    speak_to: str


def group_of(platform: Platform) -> str:
    return _GROUPS.get(platform, "video")


def bank_of(language: str) -> Bank:
    """Raises `UnknownLanguage`; `pt-BR` is served by `pt`."""
    base = language.split("-", 1)[0].casefold()
    if base not in LANGUAGES:
        raise UnknownLanguage(LANGUAGES)
    return _bank(base)


class Picker:
    """Chooses and fills phrases for one request: by a hash of it, so the same words get the same draft."""

    def __init__(self, ask: Ask, bank: Bank) -> None:
        self.ask, self.bank = ask, bank
        self._seed = "\x1f".join((ask.brand, ask.product, ask.goal, ask.platform))
        self._avoid = tuple(word for word in ask.must_avoid if word.strip())
        self._values = {**_names(ask, self._avoid), "link": bank.links[_LINKS.get(ask.platform, "below")]}

    def ranked(self, slot: str, phrases: Iterable[str]) -> list[str]:
        """All phrases that hold no word to be avoided, unfilled, the chosen one first."""
        fitting = [phrase for phrase in phrases if not self.avoids(self._own(phrase))]
        return sorted(fitting, key=lambda phrase: (self._touches(phrase), self.rank(slot, phrase)))

    def pick(self, slot: str, phrases: Iterable[str], *, otherwise: str = "") -> str:
        return self.fill(next(iter(self.ranked(slot, phrases)), otherwise))

    def told(self, phrase: str, values: Mapping[str, str]) -> str:
        """Filled, or nothing when the phrase itself holds a word to be avoided."""
        return "" if self.avoids(self._own(phrase)) else self.fill(phrase, values)

    def rank(self, slot: str, phrase: str) -> int:
        return xxhash.xxh3_64_intdigest("\x1f".join((slot, phrase, self._seed)).encode("utf-8", "replace"))

    def fill(self, phrase: str, values: Mapping[str, str] | None = None) -> str:
        """In one pass: braces in a name are text. A name that ends in a full stop swallows the next one."""
        known = {**self._values, **(values or {})}

        def value(slot: re.Match[str]) -> str:
            name = known[slot[1]]
            return name if name.endswith(_ENDS) else name + slot[2]

        return _SLOT.sub(value, phrase)

    def avoids(self, text: str) -> bool:
        return any(holds(fold(text), fold(word)) for word in self._avoid)

    def _touches(self, phrase: str) -> bool:
        text = fold(self._own(phrase))
        return any(fold(word) in text for word in self._avoid)

    def _own(self, phrase: str) -> str:
        """Our words alone: a name is not ours to avoid."""
        return _SLOT.sub(lambda slot: self._values["link"] if slot[1] == "link" else " ", phrase)


def _names(ask: Ask, avoid: Sequence[str]) -> dict[str, str]:
    avoided = any(holds(fold(ask.product), fold(word)) for word in avoid)
    product = ask.brand if avoided or not ask.product else ask.product
    together = product if holds(fold(product), fold(ask.brand)) else f"{ask.brand} {product}"
    return {
        "brand": ask.brand,
        "product": product if len(product) <= _LONGEST_PAIR else ask.brand,
        "both": together if len(together) <= _LONGEST_PAIR and ask.brand in together else ask.brand,
    }


@cache
def _bank(base: str) -> Bank:
    file = resources.files("famedash.briefs.composer") / "banks" / f"{base}.json"
    return msgspec.json.decode(file.read_bytes(), type=Bank)
