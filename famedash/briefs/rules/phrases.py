"""Where a phrase stands in a text, in any script, however it is typed; and how a name is kept whole. Pure."""

import re
from collections.abc import Iterable
from functools import lru_cache

from famedash.briefs.rules import plain
from famedash.briefs.rules.patterns import compiled

_UNSPACED = (
    r"[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}"
    r"\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]"
)
"""Written without blanks, or with particles joined to a word: there a word has no edge to look for."""
_WORDLIKE = r"[\p{L}\p{M}\p{N}_]"
_EDGED = compiled(rf"(?!{_UNSPACED}){_WORDLIKE}")
_TYPED = {
    "'": "['’‘ʼ´`]",
    "’": "['’‘ʼ´`]",
    '"': '["“”„]',
    "“": '["“”„]',
    "”": '["“”„]',
    "-": "[-‐‑–—]",
    "–": "[-‐‑–—]",
    "—": "[-‐‑–—]",
    " ": r"\s+",
    "…": r"(?:…|\.\.\.)",
}
_MASK = compiled(f"[{plain.MASKS}]")
_FIRST_MASK, _MOST_MASKS = 0xE000, 0x1900
_NEVER = compiled(r"(?!)")


def fold(text: str) -> str:
    """Equal for what a reader would call the same words."""
    return plain.line(plain.line(text).casefold())


def holds(text: str, phrase: str) -> bool:
    """Whether the phrase stands in the (clean) text as words of its own."""
    pattern, start = _pattern(plain.line(phrase)), 0
    while match := pattern.search(text, start):
        if _stands_alone(match):
            return True
        start = match.start() + 1
    return False


class Masked:
    """Names put out of sight, each behind one private character, while a text is judged, stripped or cut.

    So that `Dr. Reddy's & Co` is no end of a sentence, `M*A*S*H` no Markdown, and a brand that is called
    "ignore previous instructions" no attempt at anything.
    """

    def __init__(self, names: Iterable[str]) -> None:
        cleaned = sorted({plain.line(name) for name in names} - {""}, key=len, reverse=True)
        self._names = compiled("|".join(_source(name) for name in cleaned)) if cleaned else _NEVER
        self._hidden: list[str] = []

    def hide(self, text: str) -> str:
        return self._names.sub(self._mask, text)

    def show(self, text: str) -> str:
        return _MASK.sub(lambda mask: self._hidden[ord(mask[0]) - _FIRST_MASK], text)

    def _mask(self, name: re.Match[str]) -> str:
        if not _stands_alone(name):
            return name[0]
        if name[0] not in self._hidden:
            if len(self._hidden) == _MOST_MASKS:
                return name[0]
            self._hidden.append(name[0])
        return chr(_FIRST_MASK + self._hidden.index(name[0]))


@lru_cache(maxsize=1024)
def _pattern(phrase: str) -> re.Pattern[str]:
    return compiled(_source(phrase)) if phrase else _NEVER


def _source(phrase: str) -> str:
    written = phrase.replace("...", "…")
    return "".join(_TYPED.get(one) or re.escape(one) for one in written)


def _stands_alone(found: re.Match[str]) -> bool:
    """No letter goes on before or behind it. Asked here: within the pattern it took 12 ms to compile."""
    text, start, end = found.string, found.start(), found.end()
    goes_on_before = start > 0 and _EDGED.match(text, start) and _EDGED.match(text, start - 1)
    goes_on_behind = end < len(text) and _EDGED.match(text, end - 1) and _EDGED.match(text, end)
    return not (goes_on_before or goes_on_behind)
