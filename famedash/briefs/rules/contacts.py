"""Ways out of a post: links, e-mail addresses, handles, telephone numbers. Pure.

A model makes them up, or is made to: only those that stand in the request or in the knowledge may stay.
A bare domain is known by a list of endings, without those that are words (`it`, `in`, `me`): a rare one is
missed unless a path follows.
"""

from collections.abc import Iterable
from functools import lru_cache

from famedash.briefs.rules.patterns import compiled

_ENDINGS = (
    "com|net|org|info|biz|edu|gov|io|co|ai|app|dev|shop|store|online|site|website|xyz|link|club|live|blog|news|"
    "tv|ly|gg|gl|cc|ru|cn|de|fr|uk|eu|es|nl|pt|br|mx|ar|ch|pl|cz|se|dk|fi|jp|kr|tr|ae|sa|ca|au|nz|"
    "top|vip|pro|click|page|tech|fun|space|world|beauty|fashion|рф|भारत|中国"
)
_LABEL = r"[\p{L}\p{N}][\p{L}\p{M}\p{N}_-]*+"
_STARTS = r"(?<![\p{L}\p{M}\p{N}@][_-]*)(?<![\p{L}\p{M}\p{N}_-]\.)"
"""Behind a sign that no word stands before, too: `_shop.com` leads to the shop."""
_TO_BLANK = r"[^\s]*[^\s.,!?;:…)\]\"'”’]"
_DOT = r"(?:[.。]|\s?[\[(](?:dot|\.)[\])]\s?)"
_ENDED = rf"(?:{_ENDINGS})(?![\p{{L}}\p{{M}}\p{{N}}_-])(?:[/?#]{_TO_BLANK})?"
URL = (
    rf"(?:(?:https?|ftp)://|www\.){_TO_BLANK}"
    rf"|{_STARTS}(?:{_LABEL}{_DOT})+(?:{_ENDED}|\p{{L}}{{2,20}}/{_TO_BLANK})"
)
_MAIL = r"(?<![\w.+-])[\w.+-]{1,64}+@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}"
_HANDLE = r"@[\w.]{0,62}\w"
_TELEPHONE = (
    r"(?<![\w.,])(?:\+\d[\d\s().-]{5,20}\d|\(?\d(?:[\s().-]{0,2}\d){8,15}|\d{3}[-. ]\d{4})(?![\w]|[.,]\d)"
)
_CONTACT = compiled(f"{_MAIL}|{URL}|{_HANDLE}|{_TELEPHONE}")
_SIGNS = compiled(r"[.。]\S|@|://|[\[(]dot|\d(?:[\s().-]{0,2}\d){6}")
"""No contact is without one of these, and few sentences have one."""
_WITH_BLANK = compiled(rf"[^\S\n]*(?:{_MAIL}|{URL}|{_HANDLE}|{_TELEPHONE})")


@lru_cache(maxsize=512)
def found(text: str) -> tuple[str, ...]:
    """Remembered, because a text is judged again after each mending of its neighbours."""
    return tuple(contact[0] for contact in _CONTACT.finditer(text)) if _SIGNS.search(text) else ()


def allowed(texts: Iterable[str]) -> frozenset[str]:
    """What may stay: every contact of the request and of the knowledge, whole (no part of a longer one)."""
    return frozenset(_same(contact) for text in texts for contact in found(text))


def strange(text: str, known: frozenset[str]) -> list[str]:
    return [contact for contact in found(text) if _same(contact) not in known]


def without(text: str, known: frozenset[str]) -> str:
    """The text without strange contacts."""
    if not strange(text, known):
        return text
    return _WITH_BLANK.sub(lambda one: one[0] if _same(one[0]) in known else "", text)


def _same(contact: str) -> str:
    return contact.strip().casefold().removesuffix("/")
