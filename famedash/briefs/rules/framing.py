"""A request with all that follows from it for its brief: names, hashtags, what may be said. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from famedash.briefs.model import Ask, Findings
from famedash.briefs.rules import claims, contacts, hashtags, plain
from famedash.briefs.rules.disclosures import disclosure_for
from famedash.briefs.rules.limits import LIMITS, Limits, fits
from famedash.briefs.rules.phrases import Masked, fold, holds

_LEAST_BODY = 30
"""Characters of its own that a caption must have room for."""


@dataclass
class Frame:
    """A request with what follows from it, worked out once."""

    ask: Ask
    tags: tuple[str, ...]
    mentions: tuple[str, ...]
    """To stand in the caption; those that are hashtags stand among the hashtags."""
    avoided: tuple[str, ...]
    names: tuple[str, ...]
    contacts: frozenset[str]
    known: Sequence[str]
    forbidden: tuple[str, ...]
    limits: Limits
    brand: str
    masked: Masked = field(init=False)

    def __post_init__(self) -> None:
        self.masked = Masked(self.names)


def framed(ask: Ask, findings: Findings, known: Sequence[str], forbidden: Sequence[str]) -> Frame:
    avoided, brand, product = _avoided(ask), plain.line(ask.brand), plain.line(ask.product)
    product = "" if any(holds(product, phrase) for phrase in avoided) else product
    mentions = tuple(each for each in _mentions(ask) if each not in _asked_tags(ask))
    request = (ask.brand, ask.product, ask.goal, ask.audience, *ask.must_mention)
    return Frame(
        ask=ask,
        tags=_hashtags(ask, findings),
        mentions=mentions,
        avoided=avoided,
        names=(brand, product, *mentions),
        contacts=contacts.allowed(plain.clean(text) for text in (*request, *known)),
        known=known,
        forbidden=tuple(folded for each in forbidden if (folded := fold(each))),
        limits=LIMITS[ask.platform],
        brand=brand,
    )


def _avoided(ask: Ask) -> tuple[str, ...]:
    return tuple(phrase for each in ask.must_avoid if (phrase := plain.line(each)))


def _mentions(ask: Ask) -> tuple[str, ...]:
    return tuple(dict.fromkeys(phrase for each in ask.must_mention if (phrase := plain.line(each))))


def _asked_tags(ask: Ask) -> tuple[str, ...]:
    """A `#1 choice` is no hashtag but words."""
    disclosure = disclosure_for(ask.language).tag
    asked = hashtags.unique(each for each in _mentions(ask) if hashtags.is_valid(each))
    return tuple(tag for tag in asked if tag.casefold() != disclosure.casefold())


def _least_caption(ask: Ask) -> str:
    asked = _asked_tags(ask)
    words = [plain.line(ask.brand), *(each for each in _mentions(ask) if each not in asked)]
    return "\n".join([*words, "x" * _LEAST_BODY])


def _hashtags(ask: Ask, findings: Findings) -> tuple[str, ...]:
    """The trends, the brand, the disclosure, those asked for; the brand's goes first where room is short."""
    trends = findings.trends.hashtags if findings.trends else ()
    asked = (disclosure_for(ask.language).tag, *_asked_tags(ask))
    brand = hashtags.from_text(ask.brand)
    own = (brand,) if brand and not any(holds(brand, phrase) for phrase in _avoided(ask)) else ()
    tags = hashtags.unique((*trends, *own, *asked))
    return tags if fits(ask.platform, _least_caption(ask), tags) else hashtags.unique((*trends, *asked))


def contradictions(ask: Ask, *, known: Sequence[str] = ()) -> list[str]:
    """Why no draft at all could do what the request asks; for the caller, before any model is paid."""
    brand = plain.line(ask.brand)
    wanted = [brand, *_mentions(ask)]
    room = LIMITS[ask.platform].most_hashtags - 4
    return [
        *([] if brand else ["The brand has no character that can be printed."]),
        *(
            f"“{phrase}” must be avoided, but “{quoted(want)}” holds it."
            for want in wanted
            for phrase in _avoided(ask)
            if holds(want, phrase)
        ),
        *(
            f"What must be mentioned makes a claim: {claim}."
            for want in wanted[1:]
            for claim in claims.banned(want, known)
        ),
        *(
            [f"{ask.platform} has room for {room} of the hashtags that must be mentioned."]
            if len(_asked_tags(ask)) > room
            else []
        ),
        *(
            [f"The brand and what must be mentioned are too long for {ask.platform}."]
            if not fits(
                ask.platform, _least_caption(ask), [disclosure_for(ask.language).tag, *_asked_tags(ask)]
            )
            else []
        ),
    ]


def quoted(text: str) -> str:
    return plain.shortened(text, lambda head: len(head) <= 60)
