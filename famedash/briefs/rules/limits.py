"""What each platform takes: one table, with its day. Pure.

Where sources differ the smaller figure stands here: a brief must fit whatever way it is posted. Lengths are
counted as the platform counts, or a little longer; never shorter.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from famedash.briefs.model import Platform
from famedash.briefs.rules import contacts, plain
from famedash.briefs.rules.patterns import compiled
from famedash.briefs.rules.phrases import fold

AS_OF = date(2026, 11, 27)


class Counting(StrEnum):
    """What counts as one."""

    UTF16 = "UTF-16 units"
    """As interfaces in JavaScript and on phones count: an emoji is two or more."""
    WEIGHTED = "weighted characters"
    """twitter-text 3: a link 23, an emoji 2, beyond Latin and its neighbours 2, all in normal form C."""
    BYTES = "bytes of UTF-8"
    EMOJI_BYTES = "characters, emoji as bytes of UTF-8"


@dataclass(frozen=True, slots=True)
class Limits:
    """`caption_characters` is for caption and hashtags together, in units of `counting`."""

    caption_characters: int
    most_hashtags: int
    source: str
    counting: Counting = Counting.UTF16
    least_hooks: int = 3
    most_hooks: int = 5


LIMITS = {
    Platform.INSTAGRAM: Limits(
        2_200,
        5,
        "Instagram: a caption has 2,200 characters; at most 5 hashtags since December 2025 (were 30)",
    ),
    Platform.TIKTOK: Limits(
        2_200,
        5,
        "TikTok: 2,200 UTF-16 units in the Content Posting API (the app takes 4,000); 5 hashtags since 2025",
    ),
    Platform.YOUTUBE: Limits(
        5_000,
        5,
        "YouTube Data API: a description has 5,000 bytes; hashtags beyond 15 (or 60) are ignored",
        Counting.BYTES,
    ),
    Platform.X: Limits(
        280,
        5,
        "X: 280 weighted characters (twitter-text 3) without a subscription; no cap on hashtags",
        Counting.WEIGHTED,
    ),
    Platform.FACEBOOK: Limits(
        5_000, 10, "Ours: Facebook takes 63,206 characters, schedulers 5,000 to 10,000; no cap on hashtags"
    ),
    Platform.LINKEDIN: Limits(3_000, 10, "LinkedIn: a post has 3,000 characters; no cap on hashtags"),
    Platform.PINTEREST: Limits(500, 10, "Pinterest: a description has 500 characters; at most 20 hashtags"),
    Platform.SNAPCHAT: Limits(
        250,
        5,
        "Snapchat: a caption has 250 characters (unofficial: none is published); topics are not capped",
    ),
    Platform.THREADS: Limits(
        500,
        5,
        "Threads API: 500 characters, emoji as bytes of UTF-8; only one hashtag becomes a topic",
        Counting.EMOJI_BYTES,
    ),
    Platform.TWITCH: Limits(500, 5, "Twitch: a chat message or announcement has 500 characters"),
}

_URL, _EMOJI = compiled(contacts.URL), compiled(plain.EMOJI)
_LIGHT = ((0, 4351), (8192, 8205), (8208, 8223), (8242, 8247))
_LINK_WEIGHT, _HEAVY_WEIGHT = 23, 2


def length(platform: Platform, text: str) -> int:
    """In units of the platform."""
    match LIMITS[platform].counting:
        case Counting.WEIGHTED:
            return _weight(text)
        case Counting.BYTES:
            return _bytes(text)
        case Counting.EMOJI_BYTES:
            return len(text) + sum(_bytes(emoji[0]) - len(emoji[0]) for emoji in _EMOJI.finditer(text))
        case Counting.UTF16:
            return len(text.encode("utf-16-le", "surrogatepass")) // 2


def post_text(caption: str, hashtags: Sequence[str]) -> str:
    """As it is posted: the caption, an empty line, the hashtags."""
    return "\n\n".join(part for part in (caption, " ".join(hashtags)) if part)


def fits(platform: Platform, caption: str, hashtags: Sequence[str]) -> bool:
    limits = LIMITS[platform]
    return (
        len(hashtags) <= limits.most_hashtags
        and length(platform, post_text(caption, hashtags)) <= limits.caption_characters
    )


def platform_of(text: str) -> Platform | None:
    """The one platform that a person's words name; None when they name none, or two."""
    words = _WORDS.findall(fold(text[:200]))
    named = {_NAMES[word] for word in words if word in _NAMES} or {
        _FORMATS[word] for word in words if word in _FORMATS
    }
    return named.pop() if len(named) == 1 and len(words) <= _MOST_WORDS else None


def _weight(text: str) -> int:
    text = unicodedata.normalize("NFC", text)
    links = sum(_LINK_WEIGHT for _ in _URL.finditer(text))
    text = _URL.sub("", text)
    pictures = sum(_HEAVY_WEIGHT for _ in _EMOJI.finditer(text))
    return links + pictures + sum(_weight_of(ord(one)) for one in _EMOJI.sub("", text))


def _weight_of(point: int) -> int:
    return 1 if any(low <= point <= high for low, high in _LIGHT) else _HEAVY_WEIGHT


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


_WORDS = compiled(r"[\p{L}\p{M}\p{N}]+")
_MOST_WORDS = 5
_NAMES = {
    **{platform.value: platform for platform in Platform},
    "ig": Platform.INSTAGRAM,
    "insta": Platform.INSTAGRAM,
    "igtv": Platform.INSTAGRAM,
    "インスタ": Platform.INSTAGRAM,
    "インスタグラム": Platform.INSTAGRAM,
    "인스타그램": Platform.INSTAGRAM,
    "инстаграм": Platform.INSTAGRAM,
    "इंस्टाग्राम": Platform.INSTAGRAM,
    "انستغرام": Platform.INSTAGRAM,
    "إنستغرام": Platform.INSTAGRAM,
    "tik": Platform.TIKTOK,
    "tok": Platform.TIKTOK,
    "tt": Platform.TIKTOK,
    "тикток": Platform.TIKTOK,
    "틱톡": Platform.TIKTOK,
    "yt": Platform.YOUTUBE,
    "ютуб": Platform.YOUTUBE,
    "유튜브": Platform.YOUTUBE,
    "यूट्यूब": Platform.YOUTUBE,
    "يوتيوب": Platform.YOUTUBE,
    "twitter": Platform.X,
    "تويتر": Platform.X,
    "fb": Platform.FACEBOOK,
    "meta": Platform.FACEBOOK,
    "фейсбук": Platform.FACEBOOK,
    "फेसबुक": Platform.FACEBOOK,
    "فيسبوك": Platform.FACEBOOK,
    "linked": Platform.LINKEDIN,
    "pin": Platform.PINTEREST,
    "pins": Platform.PINTEREST,
    "snap": Platform.SNAPCHAT,
    "sc": Platform.SNAPCHAT,
    "thread": Platform.THREADS,
}
_FORMATS = {
    "reel": Platform.INSTAGRAM,
    "reels": Platform.INSTAGRAM,
    "short": Platform.YOUTUBE,
    "shorts": Platform.YOUTUBE,
    "you": Platform.YOUTUBE,
    "tweet": Platform.X,
    "tweets": Platform.X,
    "spotlight": Platform.SNAPCHAT,
}
