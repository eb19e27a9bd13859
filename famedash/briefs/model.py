"""The nouns of briefs: what is asked, what the tools find, what a model drafts, what is answered. Pure."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any


class Platform(StrEnum):
    INSTAGRAM = "instagram"
    TIKTOK = "tiktok"
    YOUTUBE = "youtube"
    X = "x"
    FACEBOOK = "facebook"
    LINKEDIN = "linkedin"
    PINTEREST = "pinterest"
    SNAPCHAT = "snapchat"
    THREADS = "threads"
    TWITCH = "twitch"


class Tone(StrEnum):
    """A closed list: no text of a stranger can make a brief speak otherwise."""

    WARM = "warm"
    PLAYFUL = "playful"
    BOLD = "bold"
    CONFIDENT = "confident"
    CALM = "calm"
    INSPIRING = "inspiring"
    EDUCATIONAL = "educational"
    HONEST = "honest"
    LUXURIOUS = "luxurious"
    HUMOROUS = "humorous"


class Objective(StrEnum):
    """What a goal, however it is worded, comes down to."""

    AWARENESS = "awareness"
    ENGAGEMENT = "engagement"
    TRAFFIC = "traffic"
    SALES = "sales"
    LAUNCH = "launch"
    COMMUNITY = "community"


class Verdict(StrEnum):
    """What became of a brief."""

    USED = "used"
    EDITED = "edited"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Ask:
    """A request, normalised: NFKC, blanks trimmed and collapsed, control and bidi characters gone.

    `language` is a BCP 47 tag with lower-case language and upper-case region (`en`, `pt-BR`). `budget` is the
    amount and its currency as one wrote it, or empty. Upper and lower case of brand and product stay.
    """

    brand: str
    product: str
    goal: str
    platform: Platform
    campaign_id: str | None = None
    audience: str = ""
    language: str = "en"
    budget_amount: Decimal | None = None
    budget_currency: str = ""
    must_mention: tuple[str, ...] = ()
    must_avoid: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Persona:
    name: str
    description: str
    topic: str
    """Of the curated trends, such as `beauty`."""
    confidence: float
    """0..1, from the distances to labelled examples."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of knowledge that was retrieved; `score` is the cosine similarity."""

    document_id: str
    title: str
    heading: str
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class Performer:
    """A post that did well: the caption of a top performer's best row. `engagement_rate` in percent."""

    campaign_id: str
    influencer_id: str
    engagement_rate: float
    caption: str


@dataclass(frozen=True, slots=True)
class Angle:
    title: str
    text: str
    passages: tuple[Passage, ...] = ()
    performers: tuple[Performer, ...] = ()


@dataclass(frozen=True, slots=True)
class Trends:
    """Exactly three valid, unique hashtags, with their `#`. `origin`: live, curated or mixed."""

    hashtags: tuple[str, str, str]
    origin: str
    as_of: str
    """The day of the snapshot, ISO."""


@dataclass(frozen=True, slots=True)
class Call:
    """A line of the ledger: one call of a tool. `decided_by`: model or planner."""

    name: str
    arguments: dict[str, Any]
    result: Any
    decided_by: str
    error: str | None = None


@dataclass
class Findings:
    """What the tools found for one brief; None where a tool has not answered, or failed."""

    trends: Trends | None = None
    persona: Persona | None = None
    angle: Angle | None = None
    calls: list[Call] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Draft:
    """What a model writes, read and typed, before policy has judged it."""

    caption: str
    hook_ideas: tuple[str, ...]
    hashtags: tuple[str, ...]
    cta: str
    tone: Tone
    do: tuple[str, ...] = ()
    dont: tuple[str, ...] = ()
    deliverables: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Disclosure:
    """How the post says that it is paid. `tag` stands among the hashtags; `rule` names who asks for it."""

    tag: str
    rule: str


@dataclass(frozen=True, slots=True)
class Brief:
    """A draft that policy passed: every limit of its platform holds."""

    caption: str
    hook_ideas: tuple[str, ...]
    hashtags: tuple[str, ...]
    cta: str
    tone: Tone
    disclosure: Disclosure
    do: tuple[str, ...]
    dont: tuple[str, ...]
    deliverables: tuple[str, ...]
