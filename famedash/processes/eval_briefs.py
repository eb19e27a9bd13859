"""`famedash eval briefs`: fixed requests to the configured engine, and which share of its briefs holds what.

It writes into a workspace of its own, new for each run, so that no brief comes from the cache; the knowledge
it rests on is removed at the end, the briefs stay on record there. It asserts nothing: it reports.
"""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
from pydantic import ValidationError

from famedash.briefs import pipeline, prompts
from famedash.briefs.engines import COMPOSER
from famedash.briefs.pipeline import Craft, Studio
from famedash.briefs.schemas import NewBrief
from famedash.briefs.workshop import Workshop
from famedash.infra import json
from famedash.infra.auth.settings import Misconfigured
from famedash.infra.database import open_database
from famedash.infra.errors import Invalid, Postponed, Refusal, Unavailable
from famedash.infra.http.validation import refusal_of
from famedash.infra.ids import uuid7
from famedash.infra.redis import open_redis
from famedash.processes.briefs import open_embedder, studio
from famedash.processes.evals import report
from famedash.processes.evals.cases import Case, chosen
from famedash.processes.evals.checks import Written, judged
from famedash.processes.evals.knowledge import Papers, knowing
from famedash.processes.evals.report import Outcome
from famedash.processes.evals.showing import shown
from famedash.processes.evals.watching import Seen, Watch
from famedash.processes.settings import Settings
from famedash.processes.workshop import ground, open_engine

ACTOR = "eval"
ANSWERED, REFUSED = "answered with a brief", "refused honestly, where no brief is right"


@dataclass(frozen=True)
class Desk:
    """Where the eval sits: as the API makes briefs, with an eye on the engine."""

    studio: Studio
    workshop: Workshop


async def run(
    settings: Settings,
    *,
    quick: bool = False,
    only: str | None = None,
    as_json: bool = False,
    export: Path | None = None,
) -> None:
    """Print the figures; `export` gets every request with its brief, as JSON.

    Raises `Misconfigured` where no case is called `only`, and `Unavailable` where nothing could be run.
    """
    cases = chosen(quick=quick, only=only)
    if not cases:
        raise Misconfigured(f"No case of the eval has {only!r} in its name.")
    watch = Watch()
    async with _open_desk(settings, watch) as desk:
        outcomes = await _all(desk, watch, cases, quiet=as_json)
    _refuse_nothing(outcomes)
    document = _document(desk, outcomes)
    if export:
        _write(export, document | {"outcomes": [asdict(one) for one in outcomes]})
    print(json.encode(document).decode() if as_json else _told(document, outcomes))


async def _all(desk: Desk, watch: Watch, cases: Sequence[Case], *, quiet: bool) -> list[Outcome]:
    """One after the other: the times are those of somebody who asks alone."""
    workspace = f"eval-{uuid7()}"
    outcomes = []
    async with knowing(desk.studio.database, desk.workshop.ground.embedder, workspace) as known:
        with shown(len(cases), quiet=quiet) as show:
            for case in cases:
                outcomes.append(await _one(desk, watch, workspace, case, known))
                show(outcomes[-1])
    return outcomes


async def _one(desk: Desk, watch: Watch, workspace: str, case: Case, known: Papers) -> Outcome:
    seen, began = watch.begin(), time.perf_counter()
    brief, refusal = None, None
    try:
        brief = await _brief(desk, workspace, case)
    except (Refusal, Postponed) as error:
        refusal = error
    took = (time.perf_counter() - began) * 1000
    to_refuse = case.is_to_be_refused(by_composer=desk.workshop.engine.name == COMPOSER)
    checks = {REFUSED: isinstance(refusal, Invalid)} if to_refuse else {ANSWERED: brief is not None}
    if brief is None:
        return _outcome(case, checks, took, seen, refusal=_worded(refusal))
    checks |= judged(Written(case, brief, known, tuple(seen.answers)))
    return _outcome(case, checks, took, seen, brief=brief)


async def _brief(desk: Desk, workspace: str, case: Case) -> dict[str, Any]:
    """Raises the refusals of the API."""
    try:
        ask = NewBrief.model_validate(case.request).ask()
    except ValidationError as found:
        raise refusal_of(found.errors()) from None
    order = await pipeline.take(desk.studio, workspace, ask)
    landed = await pipeline.generate(desk.studio, order, actor=ACTOR)
    return dict(msgspec.json.decode(landed.value))


def _outcome(
    case: Case,
    checks: dict[str, bool],
    took: float,
    seen: Seen,
    *,
    brief: dict[str, Any] | None = None,
    refusal: str | None = None,
) -> Outcome:
    calls = brief["toolCalls"] if brief else []
    return Outcome(
        case.name,
        checks,
        round(took, 1),
        requests=seen.spent.requests,
        attempts=seen.spent.attempts,
        repairs=max(0, len(seen.answers) - 1),
        input_tokens=seen.spent.input_tokens,
        output_tokens=seen.spent.output_tokens,
        cost_usd=brief["meta"]["costUsd"] if brief else None,
        calls=len(calls),
        calls_by_model=sum(call["decidedBy"] == "model" for call in calls),
        refusal=refusal,
        request=case.request,
        brief=brief,
    )


@asynccontextmanager
async def _open_desk(settings: Settings, watch: Watch) -> AsyncIterator[Desk]:
    async with (
        open_database(settings.database_url, application="eval") as database,
        open_redis(settings.redis_url) as redis,
        open_engine(settings) as engine,
        open_embedder(settings) as embedder,
    ):
        workshop = Workshop(watch.over(engine), ground(database, embedder))

        async def craft() -> Craft:
            return workshop

        yield Desk(studio(settings, database, redis, craft), workshop)


def _refuse_nothing(outcomes: Sequence[Outcome]) -> None:
    """Raises `Unavailable` where no brief came, though some were due."""
    due = [one for one in outcomes if ANSWERED in one.checks]
    if due and all(one.brief is None for one in due):
        raise Unavailable(f"No brief could be written. The first refusal: {due[0].refusal}")


def _write(file: Path, document: dict[str, Any]) -> None:
    file.write_bytes(json.encode(document))


def _worded(refusal: Exception | None) -> str | None:
    return f"{type(refusal).__name__}: {refusal}" if refusal else None


def _document(desk: Desk, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    engine = desk.workshop.engine
    return {
        "engine": engine.name,
        "model": engine.model_name,
        "embedder": desk.workshop.ground.embedder.id,
        "promptVersion": prompts.bundle(),
        **report.summary(outcomes),
        "checks": [
            {
                "name": share.name,
                "holds": share.holds,
                "of": share.of,
                "share": round(share.value, 4),
                "interval": [round(bound, 4) for bound in share.interval],
            }
            for share in report.shares(outcomes)
        ],
        "failed": {one.name: one.failed for one in outcomes if one.failed},
    }


def _told(document: Mapping[str, Any], outcomes: Sequence[Outcome]) -> str:
    failed = [
        f"- {one.name}: {', '.join(one.failed)}{f' ({one.refusal})' if one.refusal else ''}"
        for one in outcomes
        if one.failed
    ]
    return "\n".join(
        [
            f"\n{document['engine']} {document['model']}, prompts {document['promptVersion']}, "
            f"embedder {document['embedder']}",
            report.sentence(dict(document)),
            "",
            report.table(report.shares(outcomes)),
            *(["", "What did not hold:", *failed] if failed else []),
        ]
    )
