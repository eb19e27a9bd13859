"""What is wrong with a draft, in sentences that a model can be told. Pure."""

from collections.abc import Sequence

from famedash.briefs.model import Draft, Findings
from famedash.briefs.rules import claims, contacts, leaks, plain
from famedash.briefs.rules.framing import Frame, quoted
from famedash.briefs.rules.limits import fits, length, post_text
from famedash.briefs.rules.patterns import compiled
from famedash.briefs.rules.phrases import fold, holds

LONGEST_HOOK, LONGEST_CTA, LONGEST_ITEM, MOST_ITEMS = 200, 150, 200, 8
LONGEST_INPUT = 2_000
"""Characters of a line that are read; of a caption, twice what its platform takes: no filter bears more."""
LISTS = ("do", "dont", "deliverables")
LETTER = compiled(r"\p{L}")
_INLINE_TAG = compiled(rf"[#＃](?=[\p{{L}}\p{{M}}\p{{N}}_{plain.MASKS}]*[\p{{L}}{plain.MASKS}])")


def faults(draft: Draft, frame: Frame) -> list[str]:
    """A draft that leaks is not quoted."""
    return leaked(draft, frame) or [
        *_caption_faults(draft.caption, frame),
        *_hook_faults(draft.hook_ideas, frame),
        *_line_faults("CTA", draft.cta, LONGEST_CTA, frame),
        *([] if LETTER.search(draft.cta) else ["The CTA has no word in it."]),
        *(fault for name in LISTS for fault in _list_faults(name, getattr(draft, name), frame)),
        *_tag_faults(frame),
    ]


def leaked(draft: Draft, frame: Frame) -> list[str]:
    """Spelt with blanks or invisible characters between, it is still there."""
    fields = {
        "caption": [draft.caption],
        "hookIdeas": draft.hook_ideas,
        "hashtags": draft.hashtags,
        "CTA": [draft.cta],
        **{name: getattr(draft, name) for name in LISTS},
    }
    return [
        f"The field {name} repeats something of the instructions."
        for name, texts in fields.items()
        if any(_solid(secret) in _solid(fold(text)) for text in texts for secret in frame.forbidden)
    ]


def _solid(text: str) -> str:
    return "".join(text.split())


def missing_trends(draft: Draft, findings: Findings) -> list[str]:
    written = {tag.casefold() for tag in draft.hashtags}
    trends = findings.trends.hashtags if findings.trends else ()
    return [f"The hashtags lack {tag}." for tag in trends if tag.casefold() not in written]


def _tag_faults(frame: Frame) -> list[str]:
    return [
        f"The hashtag {tag} holds “{phrase}”, which must be avoided."
        for tag in frame.tags
        for phrase in frame.avoided
        if holds(tag, phrase)
    ]


def _caption_faults(caption: str, frame: Frame) -> list[str]:
    if not LETTER.search(frame.masked.hide(plain.clean(caption[: most_read(frame)]))):
        return ["The caption says nothing of its own that can stay and has room beside names and hashtags."]
    whole = length(frame.ask.platform, post_text(caption, frame.tags))
    room = frame.limits.caption_characters
    return [
        *_text_faults("caption", caption, frame),
        *([] if holds(caption, frame.brand) else [f"The caption does not name “{quoted(frame.brand)}”."]),
        *(f"The caption lacks “{quoted(each)}”." for each in frame.mentions if not holds(caption, each)),
        *(
            [f"The caption and its hashtags have {whole} of at most {room} {frame.limits.counting}."]
            if not fits(frame.ask.platform, caption, frame.tags)
            else []
        ),
    ]


def _hook_faults(hooks: Sequence[str], frame: Frame) -> list[str]:
    least, most = frame.limits.least_hooks, frame.limits.most_hooks
    distinct = len({fold(hook) for hook in hooks if LETTER.search(hook)})
    return [
        *(fault for hook in hooks for fault in _line_faults("hookIdeas", hook, LONGEST_HOOK, frame)),
        *(
            []
            if len(hooks) == distinct
            else ["The field hookIdeas repeats itself, or has an idea without words."]
        ),
        *([] if least <= distinct <= most else [f"The field hookIdeas must have {least} to {most} ideas."]),
    ]


def _list_faults(name: str, items: Sequence[str], frame: Frame) -> list[str]:
    distinct = len({fold(item) for item in items if LETTER.search(item)})
    return [
        *(fault for item in items for fault in _line_faults(name, item, LONGEST_ITEM, frame)),
        *(
            []
            if len(items) == distinct
            else [f"The field {name} repeats itself, or has an item without words."]
        ),
        *([] if len(items) <= MOST_ITEMS else [f"The field {name} has more than {MOST_ITEMS} items."]),
    ]


def _line_faults(name: str, text: str, longest: int, frame: Frame) -> list[str]:
    return [
        *_text_faults(name, text, frame),
        *([f"The field {name} must stay on one line."] if "\n" in text.strip() else []),
        *([f"The field {name} is longer than {longest} characters."] if len(text) > longest else []),
    ]


def _text_faults(name: str, text: str, frame: Frame) -> list[str]:
    text = text[: most_read(frame)]
    strange = contacts.strange(text, frame.contacts)
    return [
        *(
            []
            if undressed(name, text, frame) == text
            else [f"The field {name} holds mark-up or unseen characters."]
        ),
        *(f"The field {name} holds “{one}”, which nobody gave." for one in strange),
        *(f"The field {name}: {fault}." for fault in objections(name, text, frame)),
    ]


def objections(name: str, text: str, frame: Frame) -> list[str]:
    """What one cannot take away from a sentence without taking the sentence."""
    hidden = frame.masked.hide(text)
    return [
        *(f"“{phrase}” must be avoided" for phrase in frame.avoided if holds(text, phrase)),
        *(f"“{leak}” speaks of the instructions, not of the product" for leak in leaks.found(hidden)),
        *(claims.banned(hidden, frame.known) if name != "dont" else ()),
    ]


def undressed(name: str, text: str, frame: Frame) -> str:
    """Plain text; in what is posted a `#` would count as one more hashtag, so the word stays without it."""
    hidden = plain.unmarked(frame.masked.hide(plain.clean(text)))
    posted = name in ("caption", "CTA")
    return plain.clean(frame.masked.show(_INLINE_TAG.sub("", hidden) if posted else hidden))


def most_read(frame: Frame) -> int:
    return max(LONGEST_INPUT, 2 * frame.limits.caption_characters)
