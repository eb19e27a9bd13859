"""Looks over the shoulder of an engine: what it wrote, as it came, before anybody mended it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace

from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.settings import ModelSettings

from famedash.briefs.engines import Engine
from famedash.briefs.model import Ask, Findings
from famedash.briefs.writer import OnText, Spent, Writer


@dataclass
class Seen:
    """Of one brief: what it has cost, and the answers of the second phase, in their order."""

    answers: list[str] = field(default_factory=list)
    spent: Spent = field(default_factory=Spent)


class Watch:
    """`now` is what was seen of the brief that is being written; `begin` turns the page."""

    def __init__(self) -> None:
        self.now = Seen()

    def begin(self) -> Seen:
        self.now = Seen()
        return self.now

    def over(self, engine: Engine) -> Engine:
        """The same engine, watched: the same identity, the same answers."""

        def begin(ask: Ask, findings: Findings) -> Writer:
            writer = engine.begin(ask, findings)
            self.now.spent = writer.spent
            given = {each.name: getattr(writer, each.name) for each in fields(Writer)}
            return _Watched(**given, seen=self.now)

        return replace(engine, begin=begin)


@dataclass
class _Watched(Writer):
    seen: Seen = field(default_factory=Seen)

    async def ask(
        self,
        messages: Sequence[ModelMessage],
        parameters: ModelRequestParameters,
        settings: ModelSettings,
        on_text: OnText | None = None,
    ) -> ModelResponse:
        answer = await super().ask(messages, parameters, settings, on_text)
        if not parameters.function_tools:
            self.seen.answers.append((answer.text or "").strip())
        return answer
