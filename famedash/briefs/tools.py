"""What a model may call: trendFetcher, personaClassifier, creativeAngle, and the ledger of who called what.

The tools take brand, product, goal and platform from the request. A model adds a hint of a few words, which
is checked; it can make nothing happen, and reach nothing of another workspace. What it does not call, the
planner calls. A tool that fails says so to the model, and the brief goes on without its finding.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any, Literal

import msgspec
import structlog
from pydantic_ai.messages import ToolCallPart, ToolReturnPart
from pydantic_ai.tools import ToolDefinition

from famedash.briefs import asking
from famedash.briefs.classifier import Personas
from famedash.briefs.composer import angles
from famedash.briefs.curated import GENERAL, TOPICS, curated
from famedash.briefs.knowledge.embedder import Embedder
from famedash.briefs.model import Angle, Ask, Call, Findings, Passage, Performer, Persona, Platform, Trends
from famedash.briefs.rules import hashtags
from famedash.briefs.rules.objectives import objective_of
from famedash.infra.database import GONE
from famedash.infra.errors import Postponed, Refusal

TREND_FETCHER = "trendFetcher"
PERSONA_CLASSIFIER = "personaClassifier"
CREATIVE_ANGLE = "creativeAngle"
NAMES = (TREND_FETCHER, PERSONA_CLASSIFIER, CREATIVE_ANGLE)

LEAST_RELEVANCE = 0.2
"""Cosine of a trend and the topic below which the trend is about something else, unless they share a word."""
LEAST_SHARED = 4
"""Letters of a word that is shared: `faceserum` is about a serum, whatever the embedder makes of it."""
LONGEST_CALL_SECONDS = 10.0

_AWAY = (Refusal, Postponed, *GONE)
_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])|_")

log = structlog.get_logger()

LONGEST_HINT = 120
Hint = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_HINT)]


class TrendHint(msgspec.Struct, forbid_unknown_fields=True):
    topic: Hint


class PersonaHint(msgspec.Struct, forbid_unknown_fields=True):
    audience: Hint


class AngleHint(msgspec.Struct, forbid_unknown_fields=True):
    theme: Hint


@dataclass(frozen=True)
class Ground:
    """Where the tools look. Each function answers for one workspace only, its first argument."""

    embedder: Embedder
    trending: Callable[[str, Platform], Awaitable[Sequence[str]]]
    """(workspace, platform) -> hashtags that rise now, without `#`, the strongest first."""
    performers: Callable[[str, str | None, Platform], Awaitable[Sequence[Performer]]]
    """(workspace, campaign or None, platform) -> posts that did well, the best first."""
    passages: Callable[[str, str, str, Platform], Awaitable[Sequence[Passage]]]
    """(workspace, query, brand, platform) -> what is known, the nearest first."""
    classifier: Personas


@dataclass(frozen=True)
class Tool:
    name: str
    description: str
    field: str
    hint: type[TrendHint] | type[PersonaHint] | type[AngleHint]

    @property
    def definition(self) -> ToolDefinition:
        hint = {"type": "string", "minLength": 1, "maxLength": LONGEST_HINT}
        schema = {
            "type": "object",
            "properties": {self.field: hint},
            "required": [self.field],
            "additionalProperties": False,
        }
        return ToolDefinition(name=self.name, description=self.description, parameters_json_schema=schema)


TOOLS = {
    tool.name: tool
    for tool in (
        Tool(TREND_FETCHER, "Three hashtags of the platform for a topic.", "topic", TrendHint),
        Tool(PERSONA_CLASSIFIER, "The audience persona this is for.", "audience", PersonaHint),
        Tool(CREATIVE_ANGLE, "The creative angle, grounded in what is known.", "theme", AngleHint),
    )
}


@dataclass
class Toolbox:
    """The tools of one brief. `tell` hears of every call as it is entered in the ledger."""

    ground: Ground
    workspace: str
    ask: Ask
    today: date
    tell: Callable[[Call], None] = lambda _: None
    findings: Findings = field(default_factory=Findings)
    _audience: str = ""
    _read: str = ""

    @property
    def missing(self) -> list[str]:
        """The tools that nobody has called yet, in their order."""
        called = {call.name for call in self.findings.calls if call.name in TOOLS and call.result is not None}
        tried = {call.name for call in self.findings.calls if call.error == _FAILED}
        return [name for name in NAMES if name not in called | tried]

    @property
    def failed(self) -> bool:
        """Was a tool not available? Then the brief is no more than it could be now."""
        return any(call.error == _FAILED for call in self.findings.calls)

    async def answer_all(self, parts: Sequence[ToolCallPart]) -> list[ToolReturnPart]:
        """Each in turn; their texts are embedded together, which costs hardly more than one of them."""
        await self._read_ahead(dict(_sure_hints(parts)))
        return [await self.answer(part) for part in parts]

    async def answer(self, part: ToolCallPart) -> ToolReturnPart:
        """What the model is told about its call: the result, or what was wrong with it."""
        tool = TOOLS.get(part.tool_name)
        arguments = _arguments(part)
        if tool is None:
            return self._wrong(part, arguments, f"There is no such tool. Tools: {', '.join(NAMES)}.")
        try:
            hint = _hint(tool, arguments)
        except msgspec.ValidationError as error:
            return self._wrong(part, arguments, f"The arguments of {tool.name} are wrong: {error}.")
        if tool.name not in self.missing:
            return _told(part, self._told_before(tool.name))
        return _told(part, _outcome(await self._call(tool.name, hint, "model")))

    async def complete(self) -> Findings:
        """Call what the model left out, as the planner."""
        hints = dict.fromkeys(self.missing, self.ask.product[:LONGEST_HINT])
        await self._read_ahead(hints)
        for name, hint in hints.items():
            await self._call(name, hint, "planner")
        return self.findings

    async def _read_ahead(self, hints: Mapping[str, str]) -> None:
        """The embedder remembers what it has read."""
        wording = {
            TREND_FETCHER: self._subject,
            PERSONA_CLASSIFIER: self._reader,
            CREATIVE_ANGLE: self._question,
        }
        texts = [wording[name](hint) for name, hint in hints.items() if name in self.missing]
        if len(texts) > 1:
            with suppress(*_AWAY):
                async with asyncio.timeout(LONGEST_CALL_SECONDS):
                    await self.ground.embedder.embed(texts)

    async def _call(self, name: str, hint: str, decided_by: str) -> Call:
        arguments = {TOOLS[name].field: hint}
        try:
            async with asyncio.timeout(LONGEST_CALL_SECONDS):
                call = Call(name, arguments, await self._run(name, hint), decided_by)
        except _AWAY as error:
            log.warning("brief.tool_failed", tool=name, error=type(error).__name__)
            call = Call(name, arguments, None, decided_by, _FAILED)
        return self._enter(call)

    async def _run(self, name: str, hint: str) -> Any:
        match name:
            case "trendFetcher":
                trends = self.findings.trends = await self._trends(hint)
                return {"hashtags": list(trends.hashtags), "origin": trends.origin, "asOf": trends.as_of}
            case "personaClassifier":
                persona = await self._persona(hint)
                return shown_persona(persona)
        angle = self.findings.angle = await self._angle(hint)
        return shown_angle(angle)

    async def _trends(self, topic: str) -> Trends:
        """Three hashtags in any case: what cannot be found live is taken from the curated table."""
        live = [tag for tag in await self._live(topic) if not self._avoided(tag)][:3]
        subject = await self._topic()
        evergreen = [tag for each in (subject, GENERAL, *TOPICS) for tag in curated(self.ask.platform, each)]
        one, two, three = hashtags.unique([*live, *(tag for tag in evergreen if not self._avoided(tag))])[:3]
        origin = {0: "curated", 3: "live"}.get(len(live), "mixed")
        return Trends((one, two, three), origin, self.today.isoformat())

    async def _live(self, topic: str) -> list[str]:
        """Those of the trends that are about the topic or the product, the strongest first."""
        try:
            rising = await self.ground.trending(self.workspace, self.ask.platform)
            tags = hashtags.unique(tag for name in rising if (tag := _as_hashtag(name)))
            if not tags:
                return []
            texts = [self._subject(topic), *(_spoken(tag) for tag in tags)]
            subject, *vectors = await self.ground.embedder.embed(texts)
        except _AWAY as error:
            log.warning("brief.trends_away", error=type(error).__name__)
            return []
        return [
            tag
            for tag, vector in zip(tags, vectors, strict=True)
            if float(subject @ vector) >= LEAST_RELEVANCE or _shares_a_word(tag, texts[0])
        ]

    async def _topic(self) -> str:
        try:
            return (await self._persona()).topic
        except _AWAY:
            return GENERAL

    async def _persona(self, hint: str = "") -> Persona:
        """Classified from the request; a hint counts where that names no audience."""
        text = self._reader(hint or self._audience)
        if self.findings.persona is None or text != self._read:
            self.findings.persona = await self.ground.classifier.classify(text, self.ask.platform)
            self._read, self._audience = text, hint or self._audience
        return self.findings.persona

    async def _angle(self, theme: str) -> Angle:
        ask = self.ask
        persona = await self._persona()
        question = self._question(theme)
        passages = await self.ground.passages(self.workspace, question, ask.brand, ask.platform)
        performers = await self.ground.performers(self.workspace, ask.campaign_id, ask.platform)
        return angles.angle_of(ask, objective_of(ask.goal), persona, passages, performers)

    def _subject(self, topic: str) -> str:
        return _once_each(self.ask.product, topic)

    def _reader(self, audience: str) -> str:
        return _once_each(self.ask.product, self.ask.goal, self.ask.audience or audience)

    def _question(self, theme: str) -> str:
        return _once_each(self.ask.product, self.ask.goal, theme)

    def _avoided(self, tag: str) -> bool:
        return any(phrase.lstrip("#").casefold() in tag.casefold() for phrase in self.ask.must_avoid)

    def _told_before(self, name: str) -> Any:
        """What the call of this tool came to that ran; others of it may have been wrong."""
        mine = (call for call in self.findings.calls if call.name == name)
        return next(_outcome(call) for call in mine if call.error in (None, _FAILED))

    def _wrong(self, part: ToolCallPart, arguments: Any, reason: str) -> ToolReturnPart:
        reason = _shown(reason)[:300]
        self._enter(Call(_shown(part.tool_name)[:80], _bounded(arguments), None, "model", reason))
        return _told(part, f"{reason} Correct the call and try again.", outcome="retried")

    def _enter(self, call: Call) -> Call:
        self.findings.calls.append(call)
        self.tell(call)
        return call


_FAILED = "The tool is not available now."


def shown_persona(persona: Persona) -> dict[str, Any]:
    return {
        "name": persona.name,
        "description": persona.description,
        "confidence": round(persona.confidence, 2),
    }


def shown_angle(angle: Angle) -> dict[str, Any]:
    return {
        "title": angle.title,
        "text": angle.text,
        "documents": [passage.document_id for passage in angle.passages],
        "performers": [performer.influencer_id for performer in angle.performers],
    }


def _once_each(*parts: str) -> str:
    """Nothing that was said already: an embedder takes most of a millisecond a word, and forgets no text."""
    said = ""
    for part in parts:
        if part.casefold() not in said.casefold():
            said = f"{said}. {part}" if said else part
    return said


def _sure_hints(parts: Sequence[ToolCallPart]) -> Iterator[tuple[str, str]]:
    """(tool, hint) of the calls that can be run."""
    for part in parts:
        with suppress(msgspec.ValidationError):
            if tool := TOOLS.get(part.tool_name):
                yield tool.name, _hint(tool, _arguments(part))


def _outcome(call: Call) -> Any:
    return call.result if call.error is None else {"error": call.error}


def _told(
    part: ToolCallPart, result: Any, *, outcome: Literal["success", "retried"] = "success"
) -> ToolReturnPart:
    return ToolReturnPart(part.tool_name, result, tool_call_id=part.tool_call_id, outcome=outcome)


def _hint(tool: Tool, arguments: Any) -> str:
    """In its normal form. Raises `msgspec.ValidationError`."""
    given: str = getattr(msgspec.convert(arguments, tool.hint), tool.field)
    hint = _shown(given)[:LONGEST_HINT]
    if not hint:
        raise msgspec.ValidationError(f"`{tool.field}` is empty")
    return hint


def _shown(text: str) -> str:
    """What a model wrote, without what cannot be seen, stored or sent (it may hold halves of surrogates)."""
    return asking.normal(text.encode("utf-8", "replace").decode())


def _arguments(part: ToolCallPart) -> Any:
    if isinstance(part.args, str):
        try:
            return msgspec.json.decode(part.args)
        except (msgspec.DecodeError, RecursionError):
            return None
    return part.args


def _bounded(arguments: Any) -> dict[str, Any]:
    """What a model sent as arguments, if it is small and harmless enough to keep."""
    if not isinstance(arguments, dict):
        return {}
    try:
        written = msgspec.json.encode(arguments)
    except (UnicodeEncodeError, RecursionError):
        return {}
    return arguments if len(written) <= 1000 and b"\\u00" not in written else {}


def _as_hashtag(name: str) -> str | None:
    tag = f"#{name.lstrip('#')}"
    return tag if hashtags.is_valid(tag) else None


def _shares_a_word(tag: str, text: str) -> bool:
    return any(word in tag.casefold() for word in text.casefold().split() if len(word) >= LEAST_SHARED)


def _spoken(tag: str) -> str:
    return _WORDS.sub(" ", tag.lstrip("#"))
