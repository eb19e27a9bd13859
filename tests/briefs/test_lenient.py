"""What models really write is read, or refused in words that can be told to them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from famedash.briefs.model import Draft, Tone
from famedash.briefs.rules.lenient import LONGEST_BYTES, NotADraft, read, tone_of

FINE: dict[str, Any] = {
    "caption": "Soft skin.",
    "hookIdeas": ["One", "Two", "Three"],
    "hashtags": ["#a", "#b"],
    "CTA": "Try it",
    "tone": "warm",
    "do": ["Smile"],
    "dont": ["Shout"],
    "deliverables": ["One Reel"],
}
DRAFT = Draft(
    "Soft skin.",
    ("One", "Two", "Three"),
    ("#a", "#b"),
    "Try it",
    Tone.WARM,
    ("Smile",),
    ("Shout",),
    ("One Reel",),
)
TEXT = json.dumps(FINE)


def wire(**different: Any) -> str:
    return json.dumps(FINE | different)


def smart(text: str) -> str:
    """As word processors write quotes: an opening one, a closing one, in turn."""
    pieces = text.split('"')
    return "".join(piece + ("“" if n % 2 == 0 else "”") for n, piece in enumerate(pieces[:-1])) + pieces[-1]


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        f"```json\n{TEXT}\n```",
        f"Sure! Here is {{your}} brief:\n\n```\n{TEXT}\n```\nEnjoy {{it}}!",
        f"Of course. {TEXT} Let me know.",
        f"\ufeff  {TEXT}",
        smart(TEXT),
        f"```json\n{smart(TEXT)}\n```",
        TEXT.replace('"]', '",]').replace("]}", "],}"),
        TEXT.replace('"', "'"),
        json.dumps({"brief": FINE}),
        json.dumps({"result": {"brief": FINE}}),
        json.dumps([FINE]),
        json.dumps({"name": "final_result", "arguments": FINE}),
        json.dumps({"name": "final_result", "arguments": TEXT}),
        json.dumps(TEXT),
        json.dumps({key.upper(): value for key, value in FINE.items()}),
        TEXT.replace("hookIdeas", "hook_ideas").replace("CTA", "call-to-action").replace("dont", "don't"),
        wire(hashtags="#a #b"),
        wire(hashtags="a, b"),
        wire(hashtags=["#a #b", "a"]),
        wire(hookIdeas="1. One\n2. Two\n3. Three"),
        wire(hookIdeas="1) One 2) Two 3) Three"),
        wire(hookIdeas="- One\n\n- Two\n- Three"),
        wire(hookIdeas=["1. One", "• Two", {"text": "Three"}]),
        wire(CTA=["Try it", "Buy it"]),
        wire(CTA={"text": "Try it"}),
        wire(tone="Warm and friendly"),
        wire(tone=["warm"]),
        wire(caption=["Soft skin."]),
        wire(do="Smile", dont="Shout"),
        json.dumps(
            {k: v for k, v in FINE.items() if k[:2] != "do"}
            | {"doDont": {"do": ["Smile"], "dont": ["Shout"]}}
        ),
    ],
)
def test_a_quirk_is_read_as_what_was_meant(text: str) -> None:
    assert read(text) == DRAFT


def test_of_two_objects_the_fuller_one_is_the_draft() -> None:
    assert read(f'{{"caption": "a thought"}} then {TEXT}') == DRAFT


def test_entities_are_what_they_mean_and_names_with_an_ampersand_stay() -> None:
    assert read(wire(caption="Salt &amp; Pepper&#39;s Rock&notes")).caption == "Salt & Pepper's Rock&notes"


def test_a_smart_quote_inside_of_a_text_stays() -> None:
    assert read(wire(caption="So “soft” it is")).caption == "So “soft” it is"
    assert read(smart(TEXT).replace("Soft skin.", "So “soft” it is")).caption == "So “soft” it is"


def test_a_raw_newline_in_a_text_is_one() -> None:
    assert read(TEXT.replace("Soft skin.", "Soft\nskin.")).caption == "Soft\nskin."


def test_a_number_is_a_text_and_null_lists_are_empty() -> None:
    draft = read(wire(caption=5, hookIdeas=[1, None, 2.5], do=None, dont=None, deliverables=None))

    assert (draft.caption, draft.hook_ideas) == ("5", ("1", "2.5"))
    assert (draft.do, draft.dont, draft.deliverables) == ((), (), ())


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (wire(caption=None), "caption is missing"),
        (wire(caption=""), "caption is missing"),
        (wire(caption=" "), "caption is empty"),
        (wire(caption=True), "caption must be a text"),
        (wire(hookIdeas={"a": True}), "hookIdeas must be"),
        (wire(hookIdeas=[["nested"]]), "hookIdeas must be"),
        (wire(hashtags=True), "hashtags must be"),
        (wire(CTA=[]), "CTA is empty"),
        (wire(tone="zzz"), "tone must be one of: warm"),
        (wire(tone=7), "tone must be one of"),
        (json.dumps({k: v for k, v in FINE.items() if k != "CTA"}), "CTA is missing"),
        (TEXT[:40], "cut off"),
        ("I cannot help with that.", "no JSON object"),
        ("", "no JSON object"),
        ("[1, 2]", "no JSON object"),
        ('{"a": ' * 20 + TEXT + "}" * 20, "no JSON object"),
        (wire(caption="x" * LONGEST_BYTES), "64 KiB"),
        ("[" * 20_000, "no JSON object"),
        ('{"a":' * 10_000, "cut off"),
        ('{"caption": ' + "9" * 10_000 + "}", "no JSON object"),
        ("__import__('os').system('true')", "no JSON object"),
    ],
)
def test_what_is_no_draft_is_named(text: str, named: str) -> None:
    with pytest.raises(NotADraft) as refused:
        read(text)

    assert any(named in reason for reason in refused.value.reasons)


def test_all_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(NotADraft) as refused:
        read('{"caption": "a", "tone": "warm"}')

    assert len(refused.value.reasons) == 3


@pytest.mark.parametrize("sign", ['"', '\\"', "{", "}", "“", "'", ",", '{"a":"', "\\", "1. "])
def test_a_flood_of_one_sign_is_refused_in_time(sign: str) -> None:
    """PROMISE: no answer makes reading hang.

    Breaks (at pytest's timeout) if a pattern looks back again and again.
    """
    with pytest.raises(NotADraft):
        read((sign * LONGEST_BYTES)[: LONGEST_BYTES // len(sign.encode())])


@given(
    st.text(max_size=400)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*FINE, "x"]), inner),
    ).map(json.dumps)
)
def test_whatever_is_written_it_is_a_draft_or_none(text: str) -> None:
    try:
        draft = read(text)
    except NotADraft:
        return
    assert draft.caption
    assert isinstance(draft.tone, Tone)


@pytest.mark.parametrize(
    ("text", "tone"),
    [
        ("Warm", Tone.WARM),
        ("a bit edgy, but honest", Tone.BOLD),
        ("informative", Tone.EDUCATIONAL),
        ("Professional", Tone.CONFIDENT),
        ("verspielt", Tone.PLAYFUL),
        ("swarm", None),
        ("", None),
    ],
)
def test_a_tone_is_known_by_its_words(text: str, tone: Tone | None) -> None:
    assert tone_of(text) is tone
