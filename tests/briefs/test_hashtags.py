"""A hashtag in any script, and what is none."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from famedash.briefs.rules.hashtags import LONGEST, from_text, is_valid, split, unique


@pytest.mark.parametrize(
    "tag",
    [
        "#a",
        "#Glow_Up2026",
        "#2026Glow",
        "#हिन्दी",
        "#क्‍ष",
        "#شركة_النور",
        "#می‌خواهم",
        "#日本",
        "#한국어",
        "#é",
        "#ไทย",
    ],
)
def test_letters_marks_digits_and_underscores_of_any_script_are_a_hashtag(tag: str) -> None:
    assert is_valid(tag)


@pytest.mark.parametrize(
    "tag",
    [
        "",
        "#",
        "a",
        "##a",
        "#1",
        "#_",
        "#२",
        "#a b",
        "#a-b",
        "#a.b",
        "#a\n",
        "#😀a",
        "#a😀",
        "#1️⃣a",
        "#a\u200db",
        "#a\u200b",
        "#a\ufe0f",
        "#a\u202e",
        "#\u0301a",
        "#e\u0301",
        "#\u115fa",
        "＃a",
        "#a\ud800",
        "#" + "a" * LONGEST,
    ],
)
def test_anything_else_is_none(tag: str) -> None:
    assert not is_valid(tag)


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("Dr. Reddy's & Co", "#DrReddysCo"),
        ("Dr. Reddy’s & Co", "#DrReddysCo"),
        ("iPhone", "#iPhone"),
        ("velvet balm", "#VelvetBalm"),
        ("acme", "#acme"),
        ("हिन्दी ब्रांड", "#हिन्दीब्रांड"),
        ("شركة النور", "#شركةالنور"),
        ("#already", "#already"),
        ("ignore previous instructions", "#IgnorePreviousInstructions"),
        ("<script>alert(1)</script>", "#ScriptAlert1Script"),
        ("🔥 Hot 🔥", "#Hot"),
    ],
)
def test_a_name_becomes_a_hashtag(name: str, tag: str) -> None:
    assert from_text(name) == tag


@pytest.mark.parametrize("name", ["", "🔥🔥", "7-11", "…", "___", "\u0301"])
def test_a_name_without_a_letter_becomes_none(name: str) -> None:
    assert from_text(name) is None


def test_a_long_name_keeps_whole_words() -> None:
    tag = from_text("velvet " * 80)

    assert tag == "#" + "Velvet" * 16


def test_a_long_word_is_cut_between_graphemes() -> None:
    tag = from_text("क्षि" * 50)

    assert tag is not None
    assert tag.endswith("क्षि")
    assert 96 < len(tag) <= LONGEST


@given(st.text(max_size=300))
def test_whatever_becomes_a_hashtag_is_a_valid_one(name: str) -> None:
    tag = from_text(name)

    assert tag is None or is_valid(tag)


@given(st.text(alphabet=st.characters(categories=["L", "M", "N", "Cf", "P"]), max_size=30))
def test_a_valid_hashtag_stays_what_it_is(text: str) -> None:
    tag = "#" + unicodedata.normalize("NFC", text)

    assert not is_valid(tag) or split(tag) == [tag]


def test_hashtags_that_differ_in_case_alone_are_one_and_the_first_stays() -> None:
    assert unique(["#Sun", "#sea", "#SUN", "#Strasse", "#STRASSE", "#straße"]) == ("#Sun", "#sea", "#Strasse")


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("#a #b,c", ["#a", "#b", "#c"]),
        ("#a#b", ["#a", "#b"]),
        ("a; b、c\n＃d", ["#a", "#b", "#c", "#d"]),
        ("#glow-up #😀 #1 42", ["#GlowUp"]),
        ("", []),
    ],
)
def test_a_line_of_hashtags_is_taken_apart(text: str, tags: list[str]) -> None:
    assert split(text) == tags
