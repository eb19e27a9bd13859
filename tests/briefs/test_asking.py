"""The normal form of a request, and what makes two requests one."""

import unicodedata
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from famedash.briefs.asking import as_json, identity, language, normal, unique
from famedash.briefs.model import Ask, Platform
from famedash.briefs.schemas import NewBrief

ASK = Ask("Lumiario", "Glow serum", "Launch it", Platform.INSTAGRAM)
VERSIONS = {"edition": "e1", "engine": "composer", "knowledge": 3}
UNSEEN = ("\u200b", "\u2060", "\ufeff", "\u00ad", "\u202e", "\u2066", "\u2069", "\u200f", "\U000e0041")
TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("  Lumiario\t\n Glow  ", "Lumiario Glow"),
        ("Lumi\u00a0ario\u2003Glow", "Lumi ario Glow"),
        ("one\u2028two\u2029three\x85four", "one two three four"),
        ("\uff2c\uff55\uff4d\uff49", "Lumi"),
        ("\ufb01ne", "fine"),
        ("Cafe\u0301", "Caf\u00e9"),
        ("Cafe\u200b\u0301", "Caf\u00e9"),
        ("Dr. Reddy's & Co", "Dr. Reddy's & Co"),
        ("LUMI lumi", "LUMI lumi"),
        ("", ""),
        (" \u200b\t", ""),
    ],
)
def test_a_text_has_one_normal_form(text: str, seen: str) -> None:
    assert normal(text) == seen


@pytest.mark.parametrize("mark", UNSEEN)
def test_what_cannot_be_seen_is_gone(mark: str) -> None:
    assert normal(f"Lu{mark}mi{mark}") == "Lumi"


@pytest.mark.parametrize(
    "text",
    ["\u0915\u094d\u200d\u0937", "\u0646\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "👩\u200d🔬"],
)
def test_joiners_that_make_letters_and_pictures_stay(text: str) -> None:
    assert normal(text) == text


@given(TEXTS)
def test_a_normal_text_is_its_own_normal_form(text: str) -> None:
    once = normal(text)

    assert normal(once) == once
    assert unicodedata.is_normalized("NFKC", once)
    assert once == once.strip()
    assert "  " not in once


@given(TEXTS, st.sampled_from(UNSEEN), st.integers(0, 40))
def test_an_unseen_mark_anywhere_changes_nothing(text: str, mark: str, place: int) -> None:
    assert normal(text[:place] + mark + text[place:]) == normal(text)


@pytest.mark.parametrize(
    ("tag", "normal_tag"),
    [
        ("en", "en"),
        ("DE", "de"),
        (" pt_br ", "pt-BR"),
        ("zh-Hant-TW", "zh-TW"),
        ("zh-hans", "zh"),
        ("es-419", "es-419"),
        ("fil", "fil"),
    ],
)
def test_a_language_tag_has_one_form(tag: str, normal_tag: str) -> None:
    assert language(tag) == normal_tag
    assert language(normal_tag) == normal_tag


@pytest.mark.parametrize(
    "tag", ["", "e", "xx-", "english", "en-", "en-GB-oed", "en\u0000", "d\u00e9", "en--GB"]
)
def test_what_is_no_language_tag_is_none(tag: str) -> None:
    assert language(tag) is None


@given(st.text(max_size=20))
def test_any_tag_is_refused_or_has_a_form_that_stays(tag: str) -> None:
    found = language(tag)

    assert found is None or (language(found) == found and found.isascii())


def test_phrases_are_kept_once_whatever_their_case_and_in_order() -> None:
    assert unique([" Vegan ", "vegan", "\u200b", "Cruelty-free", "VEGAN"]) == ("Vegan", "Cruelty-free")


def test_on_record_is_what_was_asked_and_nothing_that_was_left_out() -> None:
    asked = replace(ASK, budget_amount=Decimal(0), budget_currency="EUR", must_avoid=("cheap",))

    assert as_json(ASK).keys() == {"brand", "product", "goal", "platform", "language"}
    assert as_json(asked)["budget"] == {"amount": Decimal(0), "currency": "EUR"}
    assert as_json(asked)["mustAvoid"] == ["cheap"]


@pytest.mark.parametrize(
    "other",
    [
        {"brand": "lumiario"},
        {"product": "Glow Serum"},
        {"goal": "Sell it"},
        {"platform": Platform.X},
        {"campaign_id": "spring"},
        {"audience": "students"},
        {"language": "en-GB"},
        {"budget_amount": Decimal(5000)},
        {"must_mention": ("vegan",)},
        {"must_avoid": ("vegan",)},
    ],
)
def test_whatever_else_is_asked_is_another_brief(other: dict[str, Any]) -> None:
    assert identity("acme", replace(ASK, **other), "", VERSIONS) != identity("acme", ASK, "", VERSIONS)


def test_a_brief_is_of_its_workspace_its_campaign_and_everything_that_shaped_it() -> None:
    keys = {
        identity("acme", ASK, "", VERSIONS),
        identity("rival", ASK, "", VERSIONS),
        identity("acme", ASK, "Spring. Reach hikers", VERSIONS),
        *(identity("acme", ASK, "", VERSIONS | {name: "another"}) for name in VERSIONS),
    }

    assert len(keys) == 3 + len(VERSIONS)


@pytest.mark.parametrize(
    "same",
    [
        {"brand": "\u200bLumi\u00adario  "},
        {"brand": "\uff2cumiario"},
        {"platform": "IG"},
        {"platform": "Instagram"},
        {"language": "EN", "audience": None, "campaignId": None, "mustMention": []},
        {"audience": " \u200b "},
        {"budget": None},
    ],
)
def test_blanks_width_names_of_platforms_and_nulls_make_no_other_brief(same: dict[str, Any]) -> None:
    asked = {"brand": "Lumiario", "product": "Glow serum", "goal": "Launch it", "platform": "instagram"}

    found = NewBrief.model_validate(asked | same).ask()

    assert identity("acme", found, "", VERSIONS) == identity("acme", ASK, "", VERSIONS)


@pytest.mark.parametrize("amount", [5000, 5000.0, "5000.00", "5e3"])
def test_an_amount_is_the_same_however_it_is_written(amount: Any) -> None:
    asked = {"brand": "L", "product": "S", "goal": "G", "platform": "x", "budget": {"amount": amount}}

    assert str(NewBrief.model_validate(asked).ask().budget_amount) == "5000"


def test_the_order_of_versions_makes_no_other_brief() -> None:
    backwards = dict(reversed(VERSIONS.items()))

    assert identity("acme", ASK, "", backwards) == identity("acme", ASK, "", VERSIONS)


@given(st.builds(Ask, TEXTS, TEXTS, TEXTS, st.sampled_from(Platform)), TEXTS)
def test_a_key_is_the_same_each_time_and_fit_for_redis(ask: Ask, workspace: str) -> None:
    key = identity(workspace, ask, "", VERSIONS)

    assert key == identity(workspace, replace(ask), "", VERSIONS)
    assert len(key) == 64
    assert key.isascii()
