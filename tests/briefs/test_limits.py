"""Every platform has its limits, counted as the platform counts."""

import pytest

from famedash.briefs.model import Platform
from famedash.briefs.rules.limits import AS_OF, LIMITS, fits, length, platform_of, post_text

TAGS = ["#a", "#b"]


@pytest.mark.parametrize("platform", Platform)
def test_every_platform_has_limits_with_a_source(platform: Platform) -> None:
    limits = LIMITS[platform]

    assert limits.source
    assert limits.caption_characters >= 250
    assert 3 <= limits.least_hooks <= limits.most_hooks


def test_three_trends_the_brand_and_the_disclosure_have_room_everywhere() -> None:
    """PROMISE: the policy's five hashtags are never too many. Breaks if a cap falls below five."""
    assert min(limits.most_hashtags for limits in LIMITS.values()) == 5


def test_the_table_has_a_day() -> None:
    assert AS_OF.year >= 2026


@pytest.mark.parametrize(
    ("text", "weight"),
    [
        ("plain text", 10),
        ("é ü ß", 5),
        ("e\u0301", 1),
        ("日本", 4),
        ("नमस्ते", 6),
        ("👩‍❤️‍💋‍👨", 2),
        ("👍🏽", 2),
        ("🇩🇪🇫🇷", 4),
        ("1️⃣", 2),
        ("see https://example.com/a/very/long/path/indeed?x=1", 4 + 23),
        ("example.com", 23),
        ("…", 2),
        ("“q” – ok", 8),
    ],
)
def test_x_weighs_its_characters(text: str, weight: int) -> None:
    assert length(Platform.X, text) == weight


@pytest.mark.parametrize(
    ("platform", "text", "units"),
    [
        (Platform.INSTAGRAM, "a😀", 3),
        (Platform.YOUTUBE, "é日", 5),
        (Platform.THREADS, "é😀", 5),
        (Platform.THREADS, "日本", 2),
        (Platform.YOUTUBE, "\ud800", 3),
    ],
)
def test_others_count_units_bytes_or_emoji_as_bytes(platform: Platform, text: str, units: int) -> None:
    assert length(platform, text) == units


def test_a_post_is_the_caption_an_empty_line_and_the_hashtags() -> None:
    assert post_text("Hi", TAGS) == "Hi\n\n#a #b"
    assert (post_text("Hi", []), post_text("", TAGS)) == ("Hi", "#a #b")


@pytest.mark.parametrize("platform", Platform)
def test_the_last_character_that_fits_is_the_limit(platform: Platform) -> None:
    most = LIMITS[platform].caption_characters - len("\n\n#a #b")

    assert fits(platform, "x" * most, TAGS)
    assert not fits(platform, "x" * (most + 1), TAGS)


def test_one_hashtag_too_many_does_not_fit() -> None:
    tags = [f"#a{n}" for n in range(6)]

    assert fits(Platform.INSTAGRAM, "Hi", tags[:5])
    assert not fits(Platform.INSTAGRAM, "Hi", tags)


@pytest.mark.parametrize(
    ("text", "platform"),
    [
        ("Twitter", Platform.X),
        ("X (Twitter)", Platform.X),
        ("x.com", Platform.X),
        ("IG", Platform.INSTAGRAM),
        ("Instagram Reels", Platform.INSTAGRAM),
        ("インスタグラム", Platform.INSTAGRAM),
        ("YouTube Shorts", Platform.YOUTUBE),
        ("You Tube", Platform.YOUTUBE),
        ("  TikTok ", Platform.TIKTOK),
        ("tik-tok", Platform.TIKTOK),
        ("ＬｉｎｋｅｄＩｎ", Platform.LINKEDIN),
        ("linked in", Platform.LINKEDIN),
        ("Facebook Reels", Platform.FACEBOOK),
        ("reels", Platform.INSTAGRAM),
        ("Snap", Platform.SNAPCHAT),
        ("Threads", Platform.THREADS),
        ("twitch", Platform.TWITCH),
        ("Pinterest pins", Platform.PINTEREST),
    ],
)
def test_a_platform_is_known_by_what_people_call_it(text: str, platform: Platform) -> None:
    assert platform_of(text) is platform


@pytest.mark.parametrize(
    "text", ["", "Bluesky", "Instagram and TikTok", "xylophone", "a b c d e instagram", "🎬"]
)
def test_what_names_no_platform_or_two_is_none(text: str) -> None:
    assert platform_of(text) is None


@pytest.mark.parametrize("platform", Platform)
def test_a_platform_is_known_by_its_own_name(platform: Platform) -> None:
    assert platform_of(platform.value.upper()) is platform
