"""Cutting keeps every word, in order and once, within bounds, and follows the structure if there is one."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from famedash.briefs.knowledge.chunks import (
    MOST,
    MOST_CHARACTERS,
    MOST_CHUNKS,
    MOST_HEADING_CHARACTERS,
    Chunk,
    blocks,
    cut,
    weight,
)

MARKS = ["# A", "## B", "###### F", "####### no heading", "#hashtag", "Title", "===", "---", "", " ", "\t"]
ROWS = [
    "- item",
    "  - inner",
    "1. one",
    "* star",
    "  goes on",
    "| a | b |",
    "|---|---|",
    "```",
    "~~~",
    "````",
]
TEXTS = ["Two sentences. Here!", "خط عربي؟", "漢字だけの文。もう一つ。", "नमस्ते।", "\u200d👩\u200d👧"]
LONG = ["word " * 170, "x" * 3_000, "漢" * 400]
LINES = st.sampled_from([*MARKS, *ROWS, *TEXTS, *LONG])
DOCUMENTS = st.one_of(
    st.lists(LINES, max_size=40).flatmap(
        lambda lines: st.sampled_from(["\n", "\r\n", "\r"]).map(lambda end: end.join(lines))
    ),
    st.text(max_size=3_000),
)


def letters(text: str) -> str:
    return "".join(text.split())


def together(chunks: list[Chunk]) -> list[str]:
    return " ".join(chunk.text for chunk in chunks).split()


def paragraph(words: int, name: str = "word") -> str:
    return " ".join(f"{name}{number}" for number in range(words))


@given(DOCUMENTS)
@settings(max_examples=150, deadline=None)
def test_nothing_is_lost_or_said_twice_or_put_elsewhere(text: str) -> None:
    """PROMISE: what was sent can be found, and is cited as it was sent."""
    chunks = cut(text)

    assert letters("".join(chunk.text for chunk in chunks)) == letters(text)
    if max((weight(word) for word in text.split()), default=0) <= 1:
        assert together(chunks) == text.split()


@given(DOCUMENTS)
@settings(max_examples=150, deadline=None)
def test_no_chunk_is_blank_or_beyond_the_bounds(text: str) -> None:
    for chunk in cut(text):
        assert chunk.text.strip()
        assert weight(chunk.text) <= MOST
        assert len(chunk.text) <= MOST_CHARACTERS
        assert len(chunk.heading) <= MOST_HEADING_CHARACTERS


@given(DOCUMENTS)
@settings(max_examples=50, deadline=None)
def test_the_blocks_together_are_the_document(text: str) -> None:
    assert "".join(block.text for block in blocks(text)) == text.replace("\r\n", "\n").replace("\r", "\n")


@pytest.mark.parametrize(
    "text",
    [
        "x" * 100_000,
        "漢" * 100_000,
        "\u0301" * 100_000,
        "# " * 50_000,
        "#\n" * 50_000,
        "# a\nb\n" * 16_000,
        "#" + " " * 99_000 + "x",
        "- \n" * 30_000,
        "|" * 100_000,
        "```\n" * 25_000,
        "```" + "\nx" * 50_000,
        "\u202eشکل " * 20_000,
        ". " * 50_000,
        "\r\n" * 50_000,
        " " * 100_000 + "x",
        "a\n===\n" * 15_000,
    ],
    ids=lambda text: repr(text[:8]),
)
def test_hostile_text_is_cut_within_bounds(text: str) -> None:
    """Hangs (and so fails) if a pattern or a loop is more than linear."""
    chunks = cut(text)

    assert letters("".join(chunk.text for chunk in chunks)) == letters(text)
    assert len(chunks) <= 2 * MOST_CHUNKS
    assert all(weight(chunk.text) <= MOST and len(chunk.text) <= MOST_CHARACTERS for chunk in chunks)


def test_a_section_is_a_chunk_with_the_headings_above_it() -> None:
    text = (
        f"# Voice\n\n## Tone\n\n{paragraph(60)}\n\n## Words ##\n\n{paragraph(60)}\n\n# Legal\n{paragraph(60)}"
    )

    assert [chunk.heading for chunk in cut(text)] == ["Voice › Tone", "Voice › Words", "Legal"]


def test_underlined_headings_are_headings() -> None:
    text = f"Voice\n=====\n\n{paragraph(60)}\n\nTone\n----\n\n{paragraph(60)}"

    assert [chunk.heading for chunk in cut(text)] == ["Voice", "Voice › Tone"]


def test_a_hashtag_is_no_heading() -> None:
    assert cut("#ad #paid\nis what we write.") == [Chunk("", "#ad #paid\nis what we write.")]


def test_a_heading_in_code_is_no_heading() -> None:
    (chunk,) = cut(f"# Real\n\n```\n# not\n```\n\n{paragraph(40)}")

    assert chunk.heading == "Real"


def test_short_paragraphs_share_a_chunk_and_long_ones_do_not() -> None:
    text = "\n\n".join([paragraph(50, "a"), paragraph(50, "b"), paragraph(140, "c"), paragraph(30, "d")])

    chunks = [chunk.text for chunk in cut(text)]

    assert [[name for name in "abcd" if f"{name}0" in chunk] for chunk in chunks] == [["a", "b"], ["c", "d"]]


def test_crumbs_of_sections_share_a_chunk() -> None:
    chunks = cut("# One\n\nyes\n\n# Two\n\nno\n")

    assert chunks == [Chunk("One", "# One\n\nyes\n\n# Two\n\nno")]


@pytest.mark.parametrize(
    "block",
    [
        "\n".join(f"- {paragraph(5, name)}" for name in "abcdefghijklmnop"),
        "\n".join(f"| {name} | {paragraph(6, name)} |" for name in "abcdefghijklm"),
        "```\n" + "\n\n".join(paragraph(10, name) for name in "abcdefghij") + "\n```",
    ],
    ids=["list", "table", "code"],
)
def test_what_belongs_together_stays_together_when_it_fits(block: str) -> None:
    chunks = cut(f"# Voice\n\n{paragraph(100, 'before')}\n\n{block}\n\n{paragraph(100, 'after')}")

    assert any(block in chunk.text for chunk in chunks)


def test_a_long_list_is_cut_between_its_items() -> None:
    items = [
        f"- {paragraph(30, f'i{number}w')}\n  and {paragraph(10, f'o{number}w')}" for number in range(12)
    ]

    chunks = cut("\n".join(items))

    assert len(chunks) > 1
    assert all(chunk.text.startswith("- i") for chunk in chunks)


def test_a_long_paragraph_is_cut_between_its_sentences() -> None:
    sentences = [f"{paragraph(20, f's{number}w')}." for number in range(30)]

    chunks = cut(" ".join(sentences))

    assert all(chunk.text.endswith(".") for chunk in chunks)
    assert all(weight(chunk.text) >= 100 for chunk, _ in pairwise(chunks))


def test_a_heading_is_never_parted_from_the_text_below_it() -> None:
    (chunk, *_) = cut(f"# Voice\n\n{paragraph(149)}\n\n{paragraph(100)}")

    assert chunk.text.startswith("# Voice\n\nword0")


def test_letters_keep_the_marks_above_them() -> None:
    """Breaks if a word without an end is cut between a letter and its mark."""
    chunks = cut("e\u0301" * 2_000)

    assert len(chunks) > 1
    assert not any(chunk.text.startswith("\u0301") for chunk in chunks)
