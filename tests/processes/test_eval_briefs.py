"""The eval of briefs: each check can fail, intervals are Wilson's, and a run leaves no knowledge behind."""

import json
import re
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from famedash.briefs.knowledge.model import Vectors
from famedash.briefs.model import Platform
from famedash.infra.auth.settings import Misconfigured
from famedash.infra.database import Database
from famedash.infra.errors import Unavailable
from famedash.practice.llm_wire import embedding
from famedash.processes import briefs, eval_briefs
from famedash.processes.evals import report
from famedash.processes.evals.cases import ALWAYS, WITHOUT_MODEL, Case, Paper, cases, chosen, papers
from famedash.processes.evals.checks import CHECKS, TOOLS, Written, judged, plain
from famedash.processes.settings import Settings

PAPER = Paper(
    "lumiario", "How it is made", "Lumiario", "It is filled by hand in Graz.", ("Graz",), ("BANANA",)
)
OTHER = Paper("other", "Another", "Rival", "It is made in Zadar.", ("Zadar",))
PAPERS = {"1": PAPER, "2": OTHER}
CASE = Case(
    "injection: of a test",
    {
        "brand": "Lumiario",
        "product": "Glow serum",
        "goal": "Launch it",
        "platform": "instagram",
        "mustMention": ["niacinamide"],
        "mustAvoid": ["cheap"],
    },
    paper="lumiario",
    markers=("WOMBAT",),
)
TRENDS = ["#skincare", "#glow", "#morning"]
ARGUMENTS = dict(zip(TOOLS, ("topic", "audience", "theme"), strict=True))
RESULTS = dict(zip(TOOLS, ({"hashtags": TRENDS}, {"name": "a"}, {"title": "b"}), strict=True))
CAPTION = "Day one with Lumiario, and this is what you see: niacinamide. The bottle is filled in Graz."
ANSWER = {
    "caption": CAPTION,
    "hookIdeas": ["The bottle on the shelf", "What is in it for you", "I show you the first drop"],
    "hashtags": TRENDS,
    "CTA": "Tell me what you want to see next.",
    "tone": "bold",
    "do": ["Show the bottle"],
    "dont": ["Do not say that it is cheap or that it cures anything"],
    "deliverables": ["1 × Reel · 20–30 s · 9:16 (1080 × 1920)"],
}


def a_brief(**instead: Any) -> dict[str, Any]:
    """One that holds in every respect; `instead` of its fields."""
    calls = [
        {"name": name, "arguments": {ARGUMENTS[name]: "serum"}, "result": RESULTS[name]}
        | {"decidedBy": "model", "error": None}
        for name in TOOLS
    ]
    passage = {"documentId": "1", "title": "", "heading": "", "text": PAPER.text, "score": 0.5}
    return {
        **{name: ANSWER[name] for name in ("caption", "hookIdeas", "CTA", "tone", "deliverables")},
        "hashtags": [*TRENDS, "#Lumiario", "#ad"],
        "disclosure": {"tag": "#ad", "rule": "FTC"},
        "doDont": {"do": ANSWER["do"], "dont": ANSWER["dont"]},
        "persona": None,
        "angle": {"title": "First try", "text": "One take."},
        "sources": {"knowledge": [passage], "trends": None, "performers": []},
        "toolCalls": calls,
        "meta": {
            "id": "00000000-0000-4000-8000-000000000001",
            "engine": "composer",
            "model": "composer-1",
            "promptVersion": "1",
            "cached": False,
            "tokens": {"input": 1, "output": 1},
            "costUsd": 0.0,
            "milliseconds": 1,
            "createdAt": "2026-11-27T12:00:00Z",
        },
        **instead,
    }


def written(*, case: Case = CASE, answers: Sequence[str] = (json.dumps(ANSWER),), **instead: Any) -> Written:
    return Written(case, a_brief(**instead), PAPERS, answers)


def without_call(number: int) -> list[dict[str, Any]]:
    calls = deepcopy(a_brief()["toolCalls"])
    del calls[number]
    return list(calls)


def with_passage(document_id: str) -> dict[str, Any]:
    sources = deepcopy(a_brief()["sources"])
    sources["knowledge"][0]["documentId"] = document_id
    return dict(sources)


GERMAN = "Das ist der erste Tag mit Lumiario, und ich zeige dir die niacinamide für die Haut. Graz."
DOCTORED: dict[str, list[Written]] = {
    "schema valid, no field more": [
        written(tone="furious"),
        written(secret="x"),
        written(hookIdeas=[1]),
    ],
    "within the platform's limits": [
        written(caption=CAPTION + "x" * 2200),
        written(hashtags=[*TRENDS, "#Lumiario", "#ad", "#six"]),
    ],
    "hashtags well-formed, each once": [
        written(hashtags=[*TRENDS, "#ad", "two words"]),
        written(hashtags=[*TRENDS, "#ad", "#AD"]),
        written(hashtags=[*TRENDS, "#ad", "#2026"]),
    ],
    "the 3 trend hashtags are there": [
        written(hashtags=["#ad", *TRENDS[:2]]),
        written(toolCalls=without_call(0)),
    ],
    "caption names the brand": [written(caption="Day one with it, and this is what you see.")],
    "a call to action": [written(CTA=""), written(CTA="→ 👉"), written(CTA="a" * 151)],
    "disclosure of the language": [
        written(hashtags=[*TRENDS, "#Lumiario"]),
        written(disclosure={"tag": "#Werbung", "rule": "UWG"}),
    ],
    "3 to 5 distinct hooks": [
        written(hookIdeas=["One", "one ", "Two"]),
        written(hookIdeas=["One", "Two"]),
    ],
    "mustMention is there": [written(caption="Day one with Lumiario.")],
    "mustAvoid is not": [written(CTA="Get it cheap, you all.")],
    "no banned claim": [
        written(hookIdeas=[*ANSWER["hookIdeas"], "It heals in a week"]),
        written(CTA="A miracle"),
    ],
    "no strange address, handle, number": [
        written(CTA="See zorbex.example"),
        written(CTA="Ask @zorbex"),
        written(CTA="Call +43 316 123 4567"),
        written(CTA="Write to a@b.cd"),
        written(CTA="https://zorbex"),
    ],
    "cites its brand's document": [written(sources=with_passage("2"))],
    "cites no other brand's": [written(sources=with_passage("2")), written(sources=with_passage("9"))],
    "tells a fact of it": [written(caption=CAPTION.replace("Graz", "Zadar"))],
    "injection resisted": [
        written(CTA="wombat now"),
        written(doDont={"do": ["Say banana"], "dont": []}),
        written(secret="x"),
    ],
    "in the language asked for": [
        written(
            caption=GERMAN, hookIdeas=["Was ist das", "Wer bist du", "Ich und die Haut"], CTA="Sag es mir"
        ),
        written(case=Case(CASE.name, {**CASE.request, "language": "hi"})),
        written(case=Case(CASE.name, {**CASE.request, "language": "ja"})),
    ],
    "3 valid tool calls": [
        written(toolCalls=without_call(1)),
        written(toolCalls=[*a_brief()["toolCalls"], a_brief()["toolCalls"][0]]),
        written(toolCalls=[{**call, "error": "away"} for call in a_brief()["toolCalls"]]),
        written(toolCalls=[{**call, "arguments": {"x": "y" * 121}} for call in a_brief()["toolCalls"]]),
    ],
    "first answer to the letter": [
        written(answers=["Here you are: " + json.dumps(ANSWER)]),
        written(answers=[json.dumps({**ANSWER, "secret": 1})]),
        written(answers=[json.dumps({**ANSWER, "tone": "furious"}), json.dumps(ANSWER)]),
    ],
    "no repair asked of the model": [written(answers=[json.dumps(ANSWER)] * 2)],
    "caption published as written": [
        written(answers=[json.dumps({**ANSWER, "caption": "Another."})]),
        written(answers=["no JSON"]),
    ],
}


def test_a_good_brief_holds_in_every_check() -> None:
    assert judged(written()) == dict.fromkeys(CHECKS, True)


def test_every_check_is_shown_to_fail() -> None:
    assert DOCTORED.keys() == CHECKS.keys()


@pytest.mark.parametrize("name", CHECKS)
def test_a_check_fails_on_a_doctored_brief(name: str) -> None:
    assert [CHECKS[name](one) for one in DOCTORED[name]] == [False] * len(DOCTORED[name])


def test_what_a_request_does_not_ask_for_is_not_counted() -> None:
    request = {**CASE.request, "mustMention": None, "mustAvoid": None, "language": "sw"}

    found = judged(written(case=Case("plain", request), answers=()))

    assert CHECKS.keys() - found.keys() == {
        "mustMention is there",
        "mustAvoid is not",
        "cites its brand's document",
        "tells a fact of it",
        "injection resisted",
        "in the language asked for",
        "first answer to the letter",
        "no repair asked of the model",
        "caption published as written",
    }


def test_an_address_of_the_request_may_be_said() -> None:
    case = Case("plain", {**CASE.request, "mustMention": ["lumiario.example/try"]})

    assert CHECKS["no strange address, handle, number"](
        written(case=case, CTA="Go to Lumiario.example/try now")
    )


@pytest.mark.parametrize(
    ("holds", "of", "interval"),
    [(10, 10, (0.7225, 1.0)), (0, 10, (0.0, 0.2775)), (8, 10, (0.4902, 0.9433)), (45, 60, (0.6277, 0.8422))],
)
def test_the_interval_is_that_of_wilson(holds: int, of: int, interval: tuple[float, float]) -> None:
    assert report.wilson(holds, of) == pytest.approx(interval, abs=1e-4)


def test_shares_are_taken_where_a_check_applies() -> None:
    outcomes = [
        report.Outcome("a", {"x": True, "y": True}, 1.0, calls=3, calls_by_model=3),
        report.Outcome("b", {"x": False}, 1.0, calls=3, calls_by_model=0),
    ]

    assert [(one.name, one.holds, one.of) for one in report.shares(outcomes)] == [
        ("x", 1, 2),
        ("y", 1, 1),
        (report.MODEL_CALLS, 3, 6),
    ]


def test_what_policy_mended_is_counted_but_is_no_fault() -> None:
    outcome = report.Outcome("a", {"x": False, **dict.fromkeys(report.OBSERVED, False)}, 1.0)

    assert outcome.failed == ["x"]
    assert [one.holds for one in report.shares([outcome])] == [0, 0]
    assert CHECKS.keys() >= report.OBSERVED


@pytest.mark.parametrize(("percent", "value"), [(50, 10.0), (95, 19.0), (100, 20.0), (1, 1.0)])
def test_a_percentile_is_the_nearest_rank(percent: float, value: float) -> None:
    assert report.percentile([float(n) for n in range(20, 0, -1)], percent) == value


def test_a_cost_that_is_not_known_for_one_brief_is_not_known_at_all() -> None:
    known = report.Outcome("a", {}, 1.0, cost_usd=0.5, brief={})
    unknown = report.Outcome("b", {}, 1.0, brief={})

    assert report.summary([known, known])["costUsd"] == 1.0
    assert report.summary([known, unknown])["costUsd"] is None


def test_there_are_sixty_cases_over_all_platforms_and_languages() -> None:
    names = [case.name for case in cases()]

    assert len(names) == len(set(names)) >= 60
    assert {case.request["platform"] for case in cases()} >= set(Platform)
    assert {case.language for case in cases()} >= {"en", "de", "es", "fr", "pt-BR", "hi", "it", "ja", "ar"}
    assert {case.refused for case in cases()} == {None, ALWAYS, WITHOUT_MODEL}
    assert sum(case.name.startswith("injection") for case in cases()) >= 10


def test_papers_are_told_apart_by_their_facts_and_stand_behind_cases() -> None:
    assert len(papers()) >= 12
    assert {case.paper for case in cases()} - {None} <= {paper.key for paper in papers()}
    for paper in papers():
        texts = {one.key: plain(one.text) for one in papers()}
        for fact in paper.facts:
            assert [key for key, text in texts.items() if plain(fact) in text] == [paper.key], fact


def test_a_marker_stands_in_no_name_and_not_as_it_is_in_what_asks_for_it() -> None:
    """Else a brief that only names its product would seem to obey."""
    for case in cases():
        paper = next((one for one in papers() if one.key == case.paper), None)
        said = plain(" ".join([case.brand, case.request["product"], *case.request.get("mustMention", ())]))
        assert not [one for one in (*case.markers, *(paper.markers if paper else ())) if plain(one) in said]


def test_cases_are_chosen_by_name() -> None:
    assert [case.name for case in chosen(quick=False, only="PLATFORM: X")] == ["platform: x"]
    assert len(chosen(quick=True, only=None)) == -(-len(cases()) // 4)


class Words:
    """Texts with words in common are near each other: enough to find the one paper of a brand."""

    id, dimensions = "words", 384

    async def embed(self, texts: Sequence[str]) -> Vectors:
        return np.array([embedding(text) for text in texts], np.float32)


@pytest.fixture
def settings(database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(briefs, "minilm", Words)
    return Settings(database_url=database_url, redis_url=redis_url)


async def test_the_composer_is_measured_and_its_knowledge_removed(
    settings: Settings, database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "eval.json"

    await eval_briefs.run(settings, only="platform: t", as_json=True, export=file)
    await eval_briefs.run(settings, only="language: ja", as_json=False)

    first, _, second = capsys.readouterr().out.partition("\n")
    document = json.loads(first)
    held = {check["name"]: (check["holds"], check["of"]) for check in document["checks"]}
    assert document["engine"] == "composer"
    assert (document["cases"], document["briefs"]) == (4, 4)
    assert held[eval_briefs.ANSWERED] == held["caption names the brand"] == (4, 4)
    assert held[report.MODEL_CALLS] == (12, 12)
    assert [one["name"] for one in json.loads(file.read_bytes())["outcomes"]] == [
        case.name for case in chosen(quick=False, only="platform: t")
    ]
    assert f"| {eval_briefs.REFUSED} | 1 of 1 | 100.0% |" in second
    assert await database.fetchval("select count(*) from knowledge_documents") == 0
    assert await database.fetchval("select count(distinct workspace_id) from briefs") == 1


async def test_without_a_terminal_each_case_has_a_line(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    await eval_briefs.run(settings, only="language: sw")

    assert re.search(r"^1/1 language: sw, Facebook \(\d+ ms\): holds$", capsys.readouterr().err, re.MULTILINE)


async def test_on_a_terminal_there_is_a_bar(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")

    await eval_briefs.run(settings, only="language: sw")

    shown = re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", capsys.readouterr().err)
    assert "1/1" in shown
    assert "language: sw" not in shown


async def test_two_runs_share_no_brief(settings: Settings, database: Database) -> None:
    """PROMISE: the cache does not make figures better. Breaks if runs share a workspace."""
    await eval_briefs.run(settings, only="platform: x")
    await eval_briefs.run(settings, only="platform: x")

    assert await database.fetchval("select count(*) from briefs") == 2


async def test_a_model_that_is_away_is_no_result(settings: Settings) -> None:
    away = settings.model_copy(update={"llm_base_url": "http://127.0.0.1:9/v1", "llm_attempts": 1})

    with pytest.raises(Unavailable, match="No brief could be written"):
        await eval_briefs.run(away, only="platform: x")


async def test_a_name_that_no_case_has_is_refused() -> None:
    with pytest.raises(Misconfigured, match="nothing like it"):
        await eval_briefs.run(Settings(), only="nothing like it")
