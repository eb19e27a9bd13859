"""The JSON of briefs, in and out."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from famedash.briefs import asking
from famedash.briefs.model import Ask, Brief, Call, Findings, Persona, Platform, Tone, Verdict
from famedash.briefs.rules import plain
from famedash.briefs.rules.limits import platform_of
from famedash.infra.http.bodies import Body

_EXAMPLE: dict[str, Any] = {
    "brand": "Lumiario",
    "product": "Glow serum with niacinamide",
    "goal": "Launch it with people who like short routines",
    "platform": "instagram",
}


def _seen(text: str) -> str:
    normal = asking.normal(text)
    if not plain.line(normal):
        raise ValueError("Must hold at least one character that can be seen.")
    return normal


def _text_to_use(text: str) -> str:
    _seen(text)
    return text.strip()


def _at_most(characters: int) -> AfterValidator:
    """After it was brought into its normal form, in which one sign may have become eighteen."""

    def check(text: str) -> str:
        if len(text) > characters:
            raise ValueError(f"Must have at most {characters} characters, compatibility signs written out.")
        return text

    return AfterValidator(check)


def _platform(text: str) -> Platform:
    platform = platform_of(text)
    if platform is None:
        raise ValueError(f"Must be one of {', '.join(Platform)}.")
    return platform


def _language(text: str) -> str:
    language = asking.language(text)
    if language is None:
        raise ValueError("Must be a language tag such as en, de or pt-BR.")
    return language


def _shortest(amount: Decimal) -> Decimal:
    """5000.00 and 5e3 as 5000: however it is written, it is one request."""
    whole = amount.quantize(Decimal(1))
    return abs(whole) if amount == whole else amount.normalize()


Name = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_seen), _at_most(500)]
Goal = Annotated[str, Field(min_length=1, max_length=2000), AfterValidator(_seen), _at_most(2000)]
Phrase = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_seen), _at_most(100)]
Audience = Annotated[str, Field(max_length=500), AfterValidator(asking.normal), _at_most(500)]


class NewBudget(Body):
    amount: Annotated[Decimal, Field(ge=0, max_digits=15, decimal_places=4)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None


class NewBrief(Body):
    """What `POST /generate-brief` takes. The first four fields are enough; null is the same as absent."""

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE})

    brand: Name
    product: Name
    goal: Goal
    platform: Annotated[str, Field(min_length=1, max_length=50), AfterValidator(_platform)] = Field(
        description=f"One of {', '.join(Platform)}, or a usual other name such as Twitter."
    )
    campaign_id: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    audience: Audience | None = None
    language: Annotated[str, Field(max_length=20), AfterValidator(_language)] | None = Field(
        None, description="A tag such as en, de or pt-BR; en where it is left out."
    )
    budget: NewBudget | None = None
    must_mention: Annotated[list[Phrase], Field(max_length=10)] | None = None
    must_avoid: Annotated[list[Phrase], Field(max_length=20)] | None = None

    def ask(self) -> Ask:
        budget = self.budget
        return Ask(
            brand=self.brand,
            product=self.product,
            goal=self.goal,
            platform=Platform(self.platform),
            campaign_id=self.campaign_id,
            audience=self.audience or "",
            language=self.language or "en",
            budget_amount=_shortest(budget.amount) if budget else None,
            budget_currency=(budget.currency or "") if budget else "",
            must_mention=asking.unique(self.must_mention or ()),
            must_avoid=asking.unique(self.must_avoid or ()),
        )


class NewFeedback(Body):
    """What became of a brief. An edited one comes with the text that was used instead."""

    model_config = ConfigDict(json_schema_extra={"example": {"verdict": "used", "note": "Posted on Monday."}})

    verdict: Verdict
    edited_caption: (
        Annotated[str, Field(min_length=1, max_length=10_000), AfterValidator(_text_to_use)] | None
    ) = None
    note: Annotated[str, Field(min_length=1, max_length=2000)] | None = None


class Shown(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True)


class DisclosureShown(Shown):
    tag: str
    rule: str


class DoDontShown(Shown):
    do: list[str]
    dont: list[str]


class PersonaShown(Shown):
    name: str
    description: str
    confidence: float = Field(description="0 to 1.")


class AngleShown(Shown):
    title: str
    text: str


class PassageShown(Shown):
    document_id: str
    title: str
    heading: str
    text: str
    score: float = Field(description="Cosine similarity with the request.")


class TrendsShown(Shown):
    hashtags: list[str]
    origin: Literal["live", "curated", "mixed"]
    as_of: str


class PerformerShown(Shown):
    campaign_id: str
    influencer_id: str
    engagement_rate: float
    caption: str


class SourcesShown(Shown):
    """What the brief rests on."""

    knowledge: list[PassageShown]
    trends: TrendsShown | None
    performers: list[PerformerShown]


class CallShown(Shown):
    """A line of the ledger: a tool, as it was called, and what came of it."""

    name: str
    arguments: dict[str, Any]
    result: Any
    decided_by: Literal["model", "planner"]
    error: str | None


class TokensShown(Shown):
    input: int
    output: int


class MetaShown(Shown):
    id: UUID
    engine: str = Field(description="`composer` is no AI: a reviewed phrase bank.")
    model: str
    prompt_version: str
    cached: bool
    tokens: TokensShown
    cost_usd: float | None = Field(description="Null where the model's prices are not configured.")
    milliseconds: int = Field(description="How long it took to write; a repeat shows the first time's.")
    created_at: datetime


class BriefShown(BaseModel):
    """A brief. Every limit of its platform holds, hashtags included."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True)

    caption: str
    hook_ideas: list[str]
    hashtags: list[str]
    CTA: str = Field(alias="CTA")
    tone: Tone
    disclosure: DisclosureShown
    do_dont: DoDontShown
    deliverables: list[str]
    persona: PersonaShown | None
    angle: AngleShown | None
    sources: SourcesShown
    tool_calls: list[CallShown]
    meta: MetaShown


class BriefListed(Shown):
    id: UUID
    created_at: datetime
    campaign_id: str | None
    brand: str
    product: str
    platform: Platform
    engine: str
    model: str
    caption: str
    verdict: Verdict | None = Field(description="The newest feedback.")


class BriefsShown(Shown):
    items: list[BriefListed]
    next_cursor: str | None


class FeedbackShown(Shown):
    verdict: Verdict
    edited_caption: str | None
    note: str | None
    given_at: datetime
    given_by: str


class FeedbackGiven(FeedbackShown):
    learned: bool = Field(
        description="Whether later briefs may cite it. False for a rejected brief, and where no embedder"
        " could be asked: the word is on record, and said again it is learned."
    )


class StoredBriefShown(Shown):
    id: UUID
    created_at: datetime
    created_by: str
    request: dict[str, Any]
    brief: BriefShown
    feedback: FeedbackShown | None


def listed(row: Mapping[str, Any]) -> dict[str, Any]:
    found = {to_camel(name): value for name, value in row.items() if name != "brief_id"}
    return {"id": row["brief_id"], **found}


def stored(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": row["brief_id"],
        "createdAt": row["created_at"],
        "createdBy": row["created_by"],
        "request": msgspec.Raw(row["request"].encode()),
        "brief": msgspec.Raw(row["answer"].encode()),
        "feedback": feedback(row) if row["verdict"] else None,
    }


def feedback(row: Mapping[str, Any]) -> dict[str, Any]:
    names = ("verdict", "edited_caption", "note", "given_at", "given_by")
    return {to_camel(name): row[name] for name in names}


def answered(brief: Brief, findings: Findings, meta: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of `POST /generate-brief`."""
    angle, trends = findings.angle, findings.trends
    return {
        "caption": brief.caption,
        "hookIdeas": brief.hook_ideas,
        "hashtags": brief.hashtags,
        "CTA": brief.cta,
        "tone": brief.tone,
        "disclosure": _plain(brief.disclosure),
        "doDont": {"do": brief.do, "dont": brief.dont},
        "deliverables": brief.deliverables,
        "persona": _persona(findings.persona),
        "angle": {"title": angle.title, "text": angle.text} if angle else None,
        "sources": {
            "knowledge": [_plain(passage) for passage in angle.passages] if angle else [],
            "trends": _plain(trends) if trends else None,
            "performers": [_plain(performer) for performer in angle.performers] if angle else [],
        },
        "toolCalls": [called(call) for call in findings.calls],
        "meta": meta,
    }


def called(call: Call) -> dict[str, Any]:
    return _plain(call)


def _persona(persona: Persona | None) -> dict[str, Any] | None:
    if persona is None:
        return None
    confidence = round(persona.confidence, 2)
    return {"name": persona.name, "description": persona.description, "confidence": confidence}


def _plain(value: Any) -> dict[str, Any]:
    return {to_camel(each.name): getattr(value, each.name) for each in fields(value)}
