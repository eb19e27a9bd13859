"""Which brands and documents are the same, and in which order passages are answered."""

import pytest

from famedash.briefs.knowledge.chunks import Chunk
from famedash.briefs.knowledge.model import Kind, Offered, embeddable, key_of
from famedash.briefs.knowledge.ranking import best
from famedash.briefs.model import Passage, Platform


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ACME", "acme"),
        ("Ａｃｍｅ", "Acme"),
        (" Acme \t Inc ", "acme inc"),
        ("Straße", "STRASSE"),
        ("Café", "Cafe\u0301"),
        ("Ac\u200bme", "Acme"),
        ("\u202eAcme\u202c", "Acme"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
    ],
)
def test_these_are_one_brand(one: str, other: str) -> None:
    assert key_of(one) == key_of(other)


@pytest.mark.parametrize(
    ("one", "other"), [("Acme", "Acme Pro"), ("नाइका", "नायका"), ("A&B", "AB"), ("Cafe", "Café")]
)
def test_these_are_two(one: str, other: str) -> None:
    assert key_of(one) != key_of(other)


def test_a_document_is_the_same_whatever_it_is_called() -> None:
    assert Offered("A", "text", "Acme").fingerprint == Offered("B", "text", "ACME").fingerprint


@pytest.mark.parametrize(
    "other",
    [
        Offered("A", "text "),
        Offered("A", "text", "Acme"),
        Offered("A", "text", None, Platform.X),
        Offered("A", "text", kind=Kind.PAST_BRIEF),
        Offered("A", "text", "x"),
    ],
)
def test_a_document_is_another_when_it_says_or_concerns_something_else(other: Offered) -> None:
    assert Offered("A", "text").fingerprint != other.fingerprint


def test_a_brand_cannot_be_taken_for_a_platform() -> None:
    assert Offered("A", "text", "x").fingerprint != Offered("A", "text", None, Platform.X).fingerprint


def test_a_chunk_is_found_by_its_title_and_headings_too() -> None:
    assert embeddable("Acme", Chunk("Voice", "Warm.")) == "Acme\nVoice\nWarm."
    assert embeddable("Acme", Chunk("", "Warm.")) == "Acme\nWarm."


def passage(text: str, score: float) -> Passage:
    return Passage(text, "", "", text, score)


def order(*found: Passage, query: str = "reef safe", limit: int = 9, least_score: float = 0.0) -> list[str]:
    return [each.text for each in best(found, query, limit=limit, least_score=least_score)]


def test_words_in_common_part_what_is_nearly_as_near() -> None:
    assert order(passage("ocean", 0.51), passage("Reef-safe", 0.50), passage("reef", 0.495)) == [
        "Reef-safe",
        "reef",
        "ocean",
    ]


def test_words_in_common_do_not_beat_nearness() -> None:
    assert order(passage("ocean", 0.53), passage("reef safe", 0.50)) == ["ocean", "reef safe"]


def test_near_ties_do_not_add_up_to_a_far_one() -> None:
    """Breaks if each is compared with its neighbour, and not with the best of its group."""
    found = [passage("a", 0.530), passage("b", 0.515), passage("reef safe", 0.50)]

    assert order(*found)[0] == "a"


def test_what_is_too_far_is_left_out_and_the_limit_holds() -> None:
    found = [passage("a", 0.5), passage("b", 0.3), passage("c", 0.09)]

    assert order(*found, least_score=0.1) == ["a", "b"]
    assert order(*found, limit=1) == ["a"]
