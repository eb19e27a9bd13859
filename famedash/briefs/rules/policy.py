"""What a brief must be, whoever wrote it: a draft is judged in words, and mended or refused. Pure.

`judge` looks, `mend` changes, and what `mend` returns is looked at again: nothing leaves that `check` would
object to. Names of the request (brand, product, what must be mentioned) are kept whole and out of every
filter's sight.
"""

from collections.abc import Sequence

from famedash.briefs.model import Ask, Brief, Draft, Findings
from famedash.briefs.rules import hashtags
from famedash.briefs.rules.disclosures import disclosure_for
from famedash.briefs.rules.framing import Frame, contradictions, framed
from famedash.briefs.rules.judging import faults, leaked, missing_trends
from famedash.briefs.rules.mending import Unmendable, brief_of, settled

__all__ = ["Unmendable", "as_draft", "check", "contradictions", "judge", "mend"]


def judge(
    draft: Draft,
    ask: Ask,
    findings: Findings,
    *,
    known: Sequence[str] = (),
    forbidden: Sequence[str] = (),
) -> list[str]:
    """What the model is asked to change: one sentence each, none when the draft may be mended and go.

    `known`: texts of the knowledge, whose links and proofs may be repeated. `forbidden`: what must never be
    seen outside, such as canaries of the prompt.
    """
    frame = framed(ask, findings, known, forbidden)
    return [*contradictions(ask, known=known), *faults(draft, frame), *missing_trends(draft, findings)]


def check(
    brief: Brief,
    ask: Ask,
    findings: Findings,
    *,
    known: Sequence[str] = (),
    forbidden: Sequence[str] = (),
) -> list[str]:
    """All that stands between a brief and its publication; empty for whatever `mend` returns."""
    return _left(brief, framed(ask, findings, known, forbidden))


def _left(brief: Brief, frame: Frame) -> list[str]:
    ask, wrong_tags = frame.ask, tuple(brief.hashtags) != frame.tags
    return [
        *contradictions(ask, known=frame.known),
        *faults(as_draft(brief), frame),
        *([f"The hashtags must be {' '.join(frame.tags)}."] if wrong_tags else []),
        *([] if all(hashtags.is_valid(tag) for tag in brief.hashtags) else ["A hashtag is malformed."]),
        *([] if brief.disclosure == disclosure_for(ask.language) else ["The disclosure is another's."]),
    ]


def mend(
    draft: Draft,
    ask: Ask,
    findings: Findings,
    *,
    known: Sequence[str] = (),
    forbidden: Sequence[str] = (),
) -> Brief:
    """Raises `Unmendable`. Mending what was mended changes nothing."""
    frame = framed(ask, findings, known, forbidden)
    refused = [*contradictions(ask, known=known), *leaked(draft, frame)]
    if refused:
        raise Unmendable(refused)
    brief = brief_of(settled(draft, frame), frame)
    if left := _left(brief, frame):
        raise Unmendable(left)
    return brief


def as_draft(brief: Brief) -> Draft:
    return Draft(
        caption=brief.caption,
        hook_ideas=brief.hook_ideas,
        hashtags=brief.hashtags,
        cta=brief.cta,
        tone=brief.tone,
        do=brief.do,
        dont=brief.dont,
        deliverables=brief.deliverables,
    )
