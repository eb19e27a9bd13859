"""A draft made publishable, as far as that goes by taking away, naming and cutting. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from famedash.briefs.model import Ask, Brief, Draft, Platform
from famedash.briefs.rules import contacts, plain
from famedash.briefs.rules.disclosures import disclosure_for
from famedash.briefs.rules.framing import Frame
from famedash.briefs.rules.judging import (
    LETTER,
    LONGEST_CTA,
    LONGEST_HOOK,
    LONGEST_INPUT,
    LONGEST_ITEM,
    MOST_ITEMS,
    most_read,
    objections,
    undressed,
)
from famedash.briefs.rules.limits import fits
from famedash.briefs.rules.patterns import compiled
from famedash.briefs.rules.phrases import fold, holds

_ROUNDS = 8
_MOST_READ = 50
"""Items of a list."""
_TAG_LINES = compiled(rf"(?:(?:^|\s+)[#＃][\p{{L}}\p{{M}}\p{{N}}_{plain.MASKS}]+){{2,}}\s*\Z")
DELIVERABLES = {
    Platform.INSTAGRAM: "One Reel, 15-30 s, vertical 9:16",
    Platform.TIKTOK: "One video, 15-35 s, vertical 9:16",
    Platform.YOUTUBE: "One Short, up to 60 s, vertical 9:16",
    Platform.X: "One post with one picture or video, up to 60 s",
    Platform.FACEBOOK: "One Reel, 15-30 s, vertical 9:16",
    Platform.LINKEDIN: "One post with one picture or document",
    Platform.PINTEREST: "One Pin, vertical 2:3",
    Platform.SNAPCHAT: "One Spotlight video, 10-30 s, vertical 9:16",
    Platform.THREADS: "One post with one picture",
    Platform.TWITCH: "One live segment of 10 min, announced in the chat",
}


class Unmendable(Exception):
    """`violations` are sentences for the model, and for the ledger; they repeat nothing secret."""

    def __init__(self, violations: list[str]) -> None:
        super().__init__(" ".join(violations))
        self.violations = violations


def settled(draft: Draft, frame: Frame) -> Draft:
    """Taking away can bring something forth; so until nothing changes any more."""
    for _ in range(_ROUNDS):
        before, draft = draft, _mended(draft, frame)
        if draft == before:
            return draft
    raise Unmendable(["The draft does not settle: it holds one fault inside of another."])


def _mended(draft: Draft, frame: Frame) -> Draft:
    hooks = _distinct(_line("hookIdeas", hook, LONGEST_HOOK, frame) for hook in draft.hook_ideas)
    return replace(
        draft,
        caption=_caption(draft.caption, frame),
        hook_ideas=hooks[: frame.limits.most_hooks],
        hashtags=frame.tags,
        cta=_line("CTA", draft.cta, LONGEST_CTA, frame),
        do=_list("do", draft.do, frame),
        dont=_list("dont", draft.dont, frame),
        deliverables=_list("deliverables", draft.deliverables, frame),
    )


def brief_of(draft: Draft, frame: Frame) -> Brief:
    return Brief(
        caption=draft.caption,
        hook_ideas=draft.hook_ideas,
        hashtags=draft.hashtags,
        cta=draft.cta,
        tone=draft.tone,
        disclosure=disclosure_for(frame.ask.language),
        do=draft.do,
        dont=draft.dont,
        deliverables=draft.deliverables,
    )


def _caption(caption: str, frame: Frame) -> str:
    """Named, complete and within the limit; empty where nothing of the model's own words can stay."""
    body = _sound("caption", _TAG_LINES.sub("", caption[: most_read(frame)]), frame)
    whole = _composed(body, frame)
    if not LETTER.search(frame.masked.hide(body)):
        return ""
    if fits(frame.ask.platform, whole, frame.tags):
        return whole
    show = frame.masked.show
    head = plain.shortened(
        frame.masked.hide(body),
        lambda part: fits(frame.ask.platform, _composed(show(part), frame), frame.tags),
    )
    return _composed(show(head), frame) if head else ""


def _composed(body: str, frame: Frame) -> str:
    """With the brand before it and the mentions below, as far as the body does not say them itself."""
    named = body if holds(body, frame.brand) else f"{frame.brand}: {body}"
    return "\n".join([named, *(each for each in frame.mentions if not holds(named, each))])


def _list(name: str, items: Sequence[str], frame: Frame) -> tuple[str, ...]:
    own = _distinct(_line(name, item, LONGEST_ITEM, frame) for item in items[:_MOST_READ])
    return own[:MOST_ITEMS] or _distinct(
        _line(name, item, LONGEST_ITEM, frame) for item in _defaults(name, frame.ask)
    )


def _defaults(name: str, ask: Ask) -> tuple[str, ...]:
    tag = disclosure_for(ask.language).tag
    return {
        "do": (f"Show {tag} where it is seen without a tap", "Show the product in use"),
        "dont": ("Do not hide that the post is paid", "Do not promise results"),
        "deliverables": (DELIVERABLES[ask.platform],),
    }[name]


def _line(name: str, text: str, longest: int, frame: Frame) -> str:
    sound = plain.line(_sound(name, text[:LONGEST_INPUT], frame))
    show = frame.masked.show
    short = show(plain.shortened(frame.masked.hide(sound), lambda head: len(show(head)) <= longest))
    return short if LETTER.search(short) else ""


def _sound(name: str, text: str, frame: Frame) -> str:
    """Without mark-up, without the sentences that somebody would object to, and without strangers' addresses:
    with their sentences where others are left that say something, else alone."""
    hidden = frame.masked.hide(undressed(name, text, frame))
    told = [frame.masked.show(sentence) for sentence in plain.sentences(hidden)]
    kept = [sentence for sentence in told if not objections(name, sentence, frame)]
    clear = "".join(each for each in kept if not contacts.strange(each, frame.contacts))
    left = clear if LETTER.search(frame.masked.hide(clear)) else "".join(kept)
    return plain.clean(contacts.without(left, frame.contacts))


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    kept: dict[str, str] = {}
    for text in texts:
        if text:
            kept.setdefault(fold(text), text)
    return tuple(kept.values())
