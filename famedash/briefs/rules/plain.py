"""Text as it may be published: normal form, nothing invisible, no mark-up, cut where one would cut. Pure.

Joiners stay where a script or an emoji needs them, and nowhere else: what cannot be seen can carry words that
no reviewer reads.
"""

import html
import unicodedata
from bisect import bisect_right
from collections.abc import Callable
from functools import lru_cache
from itertools import accumulate

from famedash.briefs.rules.patterns import compiled

MASKS = "\ue000-\uf8ff"
"""Private use: `clean` leaves none of them, so later it may stand in for a name (`phrases.Masked`)."""
_ROUNDS = 5
_REMEMBERED = 1_024
"""Texts: judging looks at the same few dozen again and again (measured: mending 45 ms -> 9 ms)."""
_MOST_MARKS = 6

_PICTURE = r"(?:[\p{Extended_Pictographic}](?:[\uFE0E\uFE0F]|\p{Emoji_Modifier})?)"
EMOJI = (
    r"(?:\U0001F3F4[\U000E0030-\U000E0039\U000E0061-\U000E007A]{2,6}\U000E007F"
    rf"|{_PICTURE}(?:\u200D{_PICTURE}){{0,3}}"
    r"|\p{Regional_Indicator}{2}"
    r"|[#*0-9]\uFE0F?\u20E3)"
)
"""One picture: a flag, up to four pictures that are joined, a keycap."""

_LINE_ENDS = compiled(r"\r\n?|[\x0b\x0c\x85\p{Zl}\p{Zp}]")
_INVISIBLE = compiled(
    rf"(?P<kept>{EMOJI}"
    r"|(?<=\p{Canonical_Combining_Class=9})[\u200C\u200D]"
    r"|(?<=\p{Script=Arabic})\u200C(?=\p{Script=Arabic}))"
    r"|(?!\n)[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Cn}\p{Default_Ignorable_Code_Point}\u2800]"
)
_PILES = compiled(rf"(\p{{M}}{{{_MOST_MARKS}}})\p{{M}}+")
_BLANKS, _LINE_BLANKS, _EMPTY_LINES = compiled(r"[^\S\n]+"), compiled(r" *\n *"), compiled(r"\n{3,}")
_SENTENCE = compiled(
    r"(?:[^\n]*?(?:(?<![.!?…])[.!?…]+[\"'”’»)\]]{0,4}(?=\s|$)|[。！？।॥؟]+[\"'”’»」』)\]]{0,4})|[^\n]*\n+|[^\n]+)\s*"
)
_WORD, _GRAPHEME = compiled(r"\s*\S+"), compiled(r"\X")
_ENTITY = compiled(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});")
_MARKUP = [
    (compiled(r"<!--[\s\S]{0,2000}?-->|<(script|style)\b[\s\S]{0,2000}?</\1\s*>"), ""),
    (compiled(r"</?[a-z][^<>]{0,500}>"), ""),
    (compiled(r"^[ ]*(?:```|~~~)[^\n]*$"), ""),
    (compiled(r"!?\[([^\[\]\n]{0,300})\]\([^()\n]{0,500}\)"), r"\1"),
    (compiled(r"^#{1,6}[ ]+"), ""),
    (compiled(r"^(?:[-*_][ ]?){3,}$"), ""),
    (compiled(r"^(?:>[ ]?)+"), ""),
    (compiled(r"^[*+-][ ]+"), "• "),
    (compiled(r"`+([^`\n]*)`+"), r"\1"),
    (compiled(r"~~(?=\S)([^\n~]{1,500}?)(?<=\S)~~"), r"\1"),
    (compiled(r"(?<!\w)__(?=\S)([^\n]{1,500}?)(?<=\S)__(?!\w)"), r"\1"),
    (compiled(r"\*{2,}"), ""),
    (compiled(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])"), r"\1"),
    (compiled(r"(?<!\w)_(?=[^\s_])([^_\n]+?)(?<=\S)_(?!\w)"), r"\1"),
]


@lru_cache(maxsize=_REMEMBERED)
def clean(text: str) -> str:
    """NFKC (but `…` stays), no control, bidi or other invisible characters, blanks collapsed."""
    for _ in range(_ROUNDS):
        before, text = text, _cleaned(text)
        if text == before:
            break
    return text


@lru_cache(maxsize=_REMEMBERED)
def line(text: str) -> str:
    """`clean`, and all on one line."""
    return clean(" ".join(clean(text).split()))


@lru_cache(maxsize=_REMEMBERED)
def unmarked(text: str) -> str:
    """Without Markdown, HTML and entities; what they enclosed stays."""
    text = unescaped(text)
    for pattern, instead in _MARKUP:
        text = pattern.sub(instead, text)
    return text


def unescaped(text: str) -> str:
    """Entities become what they mean; only complete ones, so that `Rock&notes` stays a name."""
    return _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)


def sentences(text: str) -> list[str]:
    """Joined they are the text again. It is a cut for reviewing, so an abbreviation may end one too early."""
    return [found[0] for found in _SENTENCE.finditer(text) if found[0]]


def shortened(text: str, fits: Callable[[str], bool]) -> str:
    """As many sentences as fit, else words, else graphemes (then with `…`); empty when nothing does."""
    if fits(text):
        return text
    first = next(iter(sentences(text)), "")
    return (
        _longest(text, sentences(text), str.rstrip, fits)
        or _longest(first, _WORD.findall(first), _dots, fits)
        or _longest(first, _GRAPHEME.findall(first), _dots, fits)
    )


def _cleaned(text: str) -> str:
    if not (text.isascii() and text.replace("\n", " ").isprintable()):
        text = _seen(text)
    text = _LINE_BLANKS.sub("\n", _BLANKS.sub(" ", text))
    return _EMPTY_LINES.sub("\n\n", text).strip()


def _seen(text: str) -> str:
    """In normal form and without what cannot be seen."""
    text = _LINE_ENDS.sub("\n", text).replace("\t", " ")
    text = "…".join(unicodedata.normalize("NFKC", piece) for piece in text.split("…"))
    text = _INVISIBLE.sub(lambda found: found["kept"] or "", text)
    return unicodedata.normalize("NFC", _PILES.sub(r"\1", text))


def _longest(text: str, pieces: list[str], finish: Callable[[str], str], fits: Callable[[str], bool]) -> str:
    """By halving: a beginning that fits has only beginnings that fit, or the answer is merely shorter."""
    ends = list(accumulate(len(piece) for piece in pieces))
    fitting = bisect_right(ends, 0, key=lambda end: 0 if fits(finish(text[:end])) else 1)
    return finish(text[: ends[fitting - 1]]) if fitting else ""


def _dots(head: str) -> str:
    kept = head.strip().rstrip(" ,;:-–—.…")
    return kept and kept + "…"
