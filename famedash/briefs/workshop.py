"""Where a brief is made: the engine, the ground of the tools, the agent. Slow to import, so the API loads it
while it answers already.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from famedash.briefs import agent, prompts
from famedash.briefs.engines import Engine
from famedash.briefs.model import Ask
from famedash.briefs.pipeline import Audience, Work
from famedash.briefs.rules import policy
from famedash.briefs.tools import Ground, Toolbox
from famedash.briefs.writer import Spent
from famedash.infra.errors import FieldError, Invalid


@dataclass(frozen=True)
class Workshop:
    """A `pipeline.Craft`."""

    engine: Engine
    ground: Ground

    @property
    def name(self) -> str:
        return self.engine.name

    @property
    def identity(self) -> Mapping[str, object]:
        """Of what shapes a brief here, beside our own files."""
        return {
            "engine": self.engine.identity,
            "temperature": agent.TEMPERATURE,
            "embedder": self.ground.embedder.id,
        }

    def refuse_impossible(self, ask: Ask) -> None:
        """Raises `Invalid` where no brief at all could hold what is asked."""
        if self.engine.languages and ask.language.partition("-")[0] not in self.engine.languages:
            known = ", ".join(sorted(self.engine.languages))
            message = (
                f"Must be one of {known}, unless a language model is configured (FAMEDASH_LLM_BASE_URL)."
            )
            raise Invalid(f"language: {message}", fields=[FieldError("language", message)])
        if reasons := policy.contradictions(ask):
            fields = [FieldError(_field(reason, ask), reason) for reason in reasons]
            raise Invalid(f"{fields[0].field}: {reasons[0]}", fields=fields)

    async def make(self, workspace: str, ask: Ask, context: str, audience: Audience | None) -> Work:
        """Raises the refusal of a model that failed at last."""
        began, now = time.perf_counter(), datetime.now(UTC)
        toolbox = Toolbox(self.ground, workspace, ask, now.date())
        if audience:
            toolbox.tell = audience.called
        said = prompts.Prompts(ask, context)
        writer = self.engine.begin(ask, toolbox.findings)
        findings = await agent.consult(writer, toolbox, said)
        tell = audience.wrote if audience else None
        brief = await agent.write(writer, toolbox, said, self.engine.parameters, tell)
        meta = self._meta(writer.spent) | {
            "milliseconds": round((time.perf_counter() - began) * 1000),
            "createdAt": now,
        }
        return Work(brief, findings, meta, is_whole=not toolbox.failed)

    def _meta(self, spent: Spent) -> dict[str, Any]:
        return {
            "engine": self.engine.name,
            "model": self.engine.model_name,
            "promptVersion": prompts.bundle(),
            "cached": False,
            "tokens": {"input": spent.input_tokens, "output": spent.output_tokens},
            "costUsd": _cost(self.engine, spent),
        }


def _field(reason: str, ask: Ask) -> str:
    """Which field a contradiction is about; where it may be several, one that was sent."""
    if "must be avoided" in reason:
        return "mustAvoid"
    return "mustMention" if ask.must_mention and not reason.startswith("The brand has") else "brand"


def _cost(engine: Engine, spent: Spent) -> float | None:
    if engine.input_usd is None or engine.output_usd is None:
        return None
    dollars = spent.input_tokens * engine.input_usd + spent.output_tokens * engine.output_usd
    return round(dollars / 1_000_000, 6)
