"""Hashtags to fall back on: always enough of them, all valid, and each where its community is."""

from datetime import date

import pytest

from famedash.briefs import curated
from famedash.briefs.model import Platform
from famedash.briefs.personas import PROFILES
from famedash.briefs.rules.hashtags import is_valid, unique


@pytest.mark.parametrize("topic", curated.TOPICS)
@pytest.mark.parametrize("platform", Platform)
def test_every_topic_has_six_valid_and_unique_hashtags_on_every_platform(
    platform: Platform, topic: str
) -> None:
    tags = curated.curated(platform, topic)

    assert len(tags) >= 6
    assert all(is_valid(tag) for tag in tags)
    assert unique(tags) == tags


def test_a_tag_that_is_at_home_on_one_platform_stays_there() -> None:
    assert "#BookTok" in curated.curated(Platform.TIKTOK, "education")[:3]
    assert "#Shorts" in curated.curated(Platform.YOUTUBE, "pets")
    assert "#Leadership" in curated.curated(Platform.LINKEDIN, "business")
    for platform in set(Platform) - {Platform.TIKTOK}:
        tags = {tag for topic in curated.TOPICS for tag in curated.curated(platform, topic)}
        assert not [tag for tag in tags if tag.lower().endswith("tok")]


def test_an_unknown_topic_is_general() -> None:
    assert curated.curated(Platform.X, "submarines") == curated.curated(Platform.X, "general")


def test_every_persona_has_a_topic_of_its_own_in_the_table() -> None:
    assert sorted(profile.topic for profile in PROFILES.values()) == list(curated.TOPICS)


def test_the_table_says_when_it_was_read_through() -> None:
    assert date.fromisoformat(curated.AS_OF) >= date(2026, 11, 27)
