"""From what a model wrote to a draft: whatever a person would still read as one is read as one. Pure.

Nothing is evaluated, nothing is guessed: what is not there is named, in words that the model can be told.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from famedash.briefs.model import Draft, Tone
from famedash.briefs.rules import hashtags, plain
from famedash.briefs.rules.patterns import compiled
from famedash.briefs.rules.phrases import fold

LONGEST_BYTES = 64 * 1024
DEEPEST = 16
MOST_ITEMS = 50
_MOST_OBJECTS = 20
_WRAPPERS = 4

_FIELDS = {
    "caption": ("caption", "captions", "captiontext", "posttext", "post"),
    "hookIdeas": ("hookideas", "hooks", "hook", "hookidea"),
    "hashtags": ("hashtags", "hashtag", "tags"),
    "CTA": ("cta", "ctas", "calltoaction", "callstoaction"),
    "tone": ("tone", "toneofvoice", "voice", "tones"),
    "do": ("do", "dos"),
    "dont": ("dont", "donts", "donot", "donots"),
    "deliverables": ("deliverables", "deliverable"),
}
_NAMES = {alias: name for name, aliases in _FIELDS.items() for alias in aliases}
_REQUIRED = ("caption", "hookIdeas", "hashtags", "CTA", "tone")
_TEXTS = ("text", "value", "content", "idea", "hook", "title", "description", "name", "tag", "hashtag")

_FENCE = compiled(r"^[ ]*(?:```|~~~)[^\n]*\n([\s\S]*?)^[ ]*(?:```|~~~)")
_OPENING = compiled(r"(?<=[{\[,:])(\s*)[“”„‟«»]")
_CLOSING = compiled(r"[“”„‟«»](?=\s*[,:}\]])")
_OPENING_SINGLE = compiled(r"(?<=[{\[,:])(\s*)[‘’']")
_CLOSING_SINGLE = compiled(r"[‘’'](?=\s*(?:[:}\]]|,\s*[\n‘’'\"{\[]))")
_STRING = r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)'
"""One that is never closed ends with the text: looked for once, not from each of its quotes."""
_TRAILING = re.compile(rf"({_STRING})|,(?=\s*[}}\]])", re.DOTALL)
_LITERALS = re.compile(rf"({_STRING})|\b(None|True|False|undefined)\b", re.DOTALL)
_NUMBERED = compiled(r"^\s*(?:[-*•–—▪]|\(?\d{1,2}[.):]|#\d{1,2}[.):]?)\s+")
_INLINE_NUMBERS = compiled(r"(?:^|\s)\(?\d{1,2}[.)]\s+")
_KEY_SIGNS = compiled(r"[^\p{L}\p{N}]")
_WORDS = compiled(r"[\p{L}\p{M}]+")


class NotADraft(Exception):
    """`reasons` are sentences for the model: they hold nothing of what it wrote."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = reasons


def read(text: str) -> Draft:
    """Raises `NotADraft`."""
    if len(text.encode("utf-8", "surrogatepass")) > LONGEST_BYTES:
        raise NotADraft(["The answer is longer than 64 KiB."])
    fields = _best(text)
    reasons = [f"The field {name} is missing." for name in _REQUIRED if fields.get(name) in (None, "")]
    if reasons:
        raise NotADraft(reasons)
    return _draft(fields)


def tone_of(text: str) -> Tone | None:
    """The first word that names a tone, or is another word for one."""
    words = _WORDS.findall(fold(text[:200]))
    return next((_TONES[word] for word in words if word in _TONES), None)


def _draft(fields: dict[str, Any]) -> Draft:
    reasons: list[str] = []
    draft = Draft(
        caption=_text(fields, "caption", reasons),
        hook_ideas=_list(fields, "hookIdeas", reasons),
        hashtags=_tags(fields, reasons),
        cta=_first(fields, "CTA", reasons),
        tone=_tone(fields, reasons),
        do=_list(fields, "do", reasons),
        dont=_list(fields, "dont", reasons),
        deliverables=_list(fields, "deliverables", reasons),
    )
    if reasons:
        raise NotADraft(reasons)
    return draft


def _best(text: str) -> dict[str, Any]:
    """The object in the text that has most of the fields."""
    found = [fields for value in _values(text) if (fields := _fields(value))]
    if not found:
        cut = "{" in text and text.count("{") > text.count("}")
        raise NotADraft([_CUT_OFF if cut else "The answer holds no JSON object with the fields asked for."])
    return max(found, key=len)


_CUT_OFF = "The JSON is cut off before it ends."


def _values(text: str) -> Iterator[Any]:
    """Whatever in the text is JSON, or is after a repair: all of it, fenced, or amid prose."""
    whole = text.strip().removeprefix("\ufeff").strip()
    for candidate in [whole, *_FENCE.findall(whole)[:_MOST_OBJECTS], *_objects(whole)]:
        yield from _parsed(candidate)


def _parsed(candidate: str) -> Iterator[Any]:
    for repaired in _repairs(candidate):
        try:
            value = json.loads(repaired, strict=False, parse_constant=lambda _: None)
        except (ValueError, RecursionError):
            continue
        if _depth(value) <= DEEPEST:
            yield value
        return


def _repairs(text: str) -> Iterator[str]:
    yield text
    for opening, closing in ((_OPENING, _CLOSING), (_OPENING_SINGLE, _CLOSING_SINGLE)):
        text = closing.sub('"', opening.sub(r'\1"', text))
        yield _tidy(text)


def _tidy(text: str) -> str:
    """Without trailing commas, and with JSON's words for Python's."""
    text = _TRAILING.sub(lambda found: found[1] or "", text)
    return _LITERALS.sub(lambda found: found[1] or _JSON_WORDS[found[2]], text)


_JSON_WORDS = {"None": "null", "undefined": "null", "True": "true", "False": "false"}


def _objects(text: str) -> Iterator[str]:
    """What stands between matching braces, outermost first; quotes are looked at only inside of one."""
    at, found = text.find("{"), 0
    while at >= 0 and found < _MOST_OBJECTS:
        end = _end(text, at)
        if end:
            yield text[at:end]
        at, found = text.find("{", end or at + 1), found + 1


def _end(text: str, start: int) -> int:
    """Behind the brace that closes the one at `start`; 0 when none does."""
    depth, quoted, skip = 0, False, False
    for at in range(start, len(text)):
        one = text[at]
        if skip:
            skip = False
        elif one == "\\":
            skip = quoted
        elif one == '"':
            quoted = not quoted
        elif not quoted and one in "{}":
            depth += 1 if one == "{" else -1
            if depth == 0:
                return at + 1
    return 0


def _depth(value: Any) -> int:
    """By levels: no recursion that a model could drive."""
    level, depth = [value], 0
    while level and depth <= DEEPEST:
        inner = [one for one in level if isinstance(one, dict | list)]
        level = [each for one in inner for each in (one.values() if isinstance(one, dict) else one)]
        depth += 1
    return depth


def _fields(value: Any, wrapped: int = 0) -> dict[str, Any]:
    """By their wire names, unwrapped: `{"brief": {…}}`, a list of one, JSON inside of a string."""
    if wrapped > _WRAPPERS:
        return {}
    if isinstance(value, str) and "{" in value:
        return max((_fields(each, wrapped + 1) for each in _parsed(value)), key=len, default={})
    if isinstance(value, list):
        return max((_fields(each, wrapped + 1) for each in value[:MOST_ITEMS]), key=len, default={})
    if not isinstance(value, dict):
        return {}
    named = _named(value)
    if "caption" in named or len(named) > 1:
        return named
    return max((_fields(each, wrapped + 1) for each in value.values()), key=len, default={}) or named


def _named(value: dict[str, Any]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for key, each in value.items():
        if _key(key) in ("dodont", "dosanddonts", "dodonts", "doanddont") and isinstance(each, dict):
            named.update({name: one for name, one in _named(each).items() if name in ("do", "dont")})
        elif (name := _NAMES.get(_key(key))) and (each is not None or name not in named):
            named[name] = each
    return named


def _key(key: str) -> str:
    return _KEY_SIGNS.sub("", key.casefold())


def _plain_text(value: Any) -> str | None:
    """None when no text can be made of it."""
    if isinstance(value, str):
        return plain.unescaped(value).strip()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, dict):
        lower = {_key(key): each for key, each in value.items()}
        texts = [lower[key] for key in _TEXTS if isinstance(lower.get(key), str)]
        return plain.unescaped(texts[0]).strip() if texts else None
    return None


def _texts(value: Any) -> list[str] | None:
    if isinstance(value, list):
        texts = [_plain_text(each) for each in value[:MOST_ITEMS] if each is not None]
        return None if None in texts else [text for text in texts if text]
    text = _plain_text(value)
    return None if text is None else [text] if text else []


def _text(fields: dict[str, Any], name: str, reasons: list[str]) -> str:
    texts = _texts(fields[name])
    if not texts:
        reasons.append(f"The field {name} is empty." if texts == [] else f"The field {name} must be a text.")
    return "\n".join(texts or ())


def _first(fields: dict[str, Any], name: str, reasons: list[str]) -> str:
    """Of a list the first: one call to action is asked for."""
    return (_text(fields, name, reasons).splitlines() or [""])[0].strip()


def _list(fields: dict[str, Any], name: str, reasons: list[str]) -> tuple[str, ...]:
    value = fields.get(name)
    texts = [] if value is None else _texts(value)
    if texts is None:
        reasons.append(f"The field {name} must be a list of texts.")
        return ()
    items = [_unnumbered(text) for text in texts] if isinstance(value, list) else _items("\n".join(texts))
    return tuple(item for item in items if item)[:MOST_ITEMS]


def _items(text: str) -> list[str]:
    """Of one text: its lines, or what stands between its numbers."""
    lines = [_unnumbered(line) for line in text.splitlines()]
    if len(lines) > 1:
        return lines
    numbered = [piece.strip(" ;,") for piece in _INLINE_NUMBERS.split(text)]
    return numbered if len(numbered) > 2 else [piece.strip() for piece in re.split(r"[;|]\s", text)]


def _unnumbered(text: str) -> str:
    return _NUMBERED.sub("", text).strip()


def _tags(fields: dict[str, Any], reasons: list[str]) -> tuple[str, ...]:
    texts = _texts(fields["hashtags"])
    if texts is None:
        reasons.append("The field hashtags must be a list of texts.")
    return hashtags.unique(tag for text in texts or () for tag in _split(text))[:MOST_ITEMS]


def _split(text: str) -> list[str]:
    """One tag may be written as words (`summer glow`); several have signs or commas between them."""
    one = not any(sign in text.lstrip("#＃") for sign in "#＃,;、，\n")
    tag = hashtags.from_text(text) if one else None
    return [tag] if tag else hashtags.split(text)


def _tone(fields: dict[str, Any], reasons: list[str]) -> Tone:
    tone = next((tone for text in _texts(fields["tone"]) or () if (tone := tone_of(text))), None)
    if tone is None:
        reasons.append(f"The field tone must be one of: {', '.join(Tone)}.")
    return tone or Tone.HONEST


_SYNONYMS = {
    Tone.WARM: (
        "friendly caring heartfelt cosy cozy welcoming kind empathetic conversational "
        "casual herzlich warmherzig chaleureux cálido"
    ),
    Tone.PLAYFUL: "fun cheeky lighthearted light cheerful youthful upbeat joyful verspielt ludique juguetón",
    Tone.BOLD: "daring edgy energetic exciting dynamic vibrant provocative urgent mutig audacieux atrevido",
    Tone.CONFIDENT: (
        "professional expert authoritative assertive persuasive trustworthy selbstbewusst confiant seguro"
    ),
    Tone.CALM: "relaxed relaxing soothing gentle serene peaceful minimalist ruhig calme tranquilo",
    Tone.INSPIRING: (
        "inspirational motivational motivating uplifting empowering aspirational "
        "inspirierend inspirant inspirador"
    ),
    Tone.EDUCATIONAL: (
        "informative informational instructive helpful explanatory educative lehrreich éducatif educativo"
    ),
    Tone.HONEST: "authentic genuine transparent sincere candid relatable real ehrlich honnête honesto",
    Tone.LUXURIOUS: (
        "luxury luxe elegant premium sophisticated exclusive refined chic luxuriös luxueux lujoso"
    ),
    Tone.HUMOROUS: "funny witty humor humour comedic sarcastic hilarious humorvoll drôle divertido",
}
_TONES = {tone.value: tone for tone in Tone} | {
    fold(word): tone for tone, words in _SYNONYMS.items() for word in words.split()
}
