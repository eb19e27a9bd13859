"""Hashtags in any script: what is one, and how a name becomes one. Pure."""

import unicodedata
from collections.abc import Iterable

from famedash.briefs.rules.patterns import compiled

LONGEST = 100
_JOINERS = (
    r"(?<=\p{Canonical_Combining_Class=9})[\u200C\u200D](?=\p{L})"
    r"|(?<=\p{Script=Arabic})\u200C(?=\p{Script=Arabic})"
)
"""Where Indic scripts and Persian need them, between letters; an invisible character elsewhere makes another
hashtag that looks the same."""
_BODY = rf"(?:(?!\p{{Default_Ignorable_Code_Point}})[\p{{L}}\p{{Mn}}\p{{Mc}}\p{{Nd}}_]|{_JOINERS})"
_WELL_FORMED = compiled(rf"\A#(?!\p{{M}})(?=[^\s]*\p{{L}}){_BODY}+\Z")
_WORD = compiled(rf"(?!\p{{M}}){_BODY}+")
_APOSTROPHES = compiled(r"(?<=\p{L})['’‘ʼ´`](?=\p{L})")
_SEPARATORS, _GRAPHEME = compiled(r"[\s,;、，؛،|/]+|(?=[#＃])"), compiled(r"\X")


def is_valid(tag: str) -> bool:
    """`#`, then letters with their marks, digits and `_`, at least one letter, normal form C."""
    return len(tag) <= LONGEST and bool(_WELL_FORMED.match(tag)) and unicodedata.normalize("NFC", tag) == tag


def from_text(text: str) -> str | None:
    """`Dr. Reddy's & Co` is `#DrReddysCo`. As many words as have room; None when no letter is left."""
    words = _WORD.findall(_APOSTROPHES.sub("", unicodedata.normalize("NFKC", text)))
    tag = _joined([word if len(words) == 1 else _capital(word) for word in words])
    return tag if is_valid(tag) else None


def unique(tags: Iterable[str]) -> tuple[str, ...]:
    """The first of those that differ in case alone."""
    kept: dict[str, str] = {}
    for tag in tags:
        kept.setdefault(_same(tag), tag)
    return tuple(kept.values())


def split(text: str) -> list[str]:
    """The valid hashtags of a line that somebody wrote, with or without `#`, whatever stands between them."""
    words = [word.lstrip("#＃") for word in _SEPARATORS.split(text)]
    return [tag for tag in (_tag(word) for word in words if word) if tag]


def _tag(word: str) -> str | None:
    plain = "#" + unicodedata.normalize("NFC", word)
    return plain if is_valid(plain) else from_text(word)


def _same(tag: str) -> str:
    return unicodedata.normalize("NFKC", tag.casefold())


def _joined(words: list[str]) -> str:
    """Whole words up to the limit; of a first word that is longer, as many graphemes as fit."""
    tag = "#"
    for word in words if words and len(words[0]) < LONGEST else _GRAPHEME.findall("".join(words[:1])):
        longer = unicodedata.normalize("NFC", tag + word)
        if len(longer) > LONGEST:
            break
        tag = longer
    return tag


def _capital(word: str) -> str:
    """An `iPhone` stays one; what is all lower case starts with a capital."""
    first = word[0].upper()
    return first + word[1:] if len(first) == 1 and word == word.lower() else word
