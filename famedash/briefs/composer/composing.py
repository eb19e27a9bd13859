"""The composer: a draft from our own phrases, without a model; the same request gets the same draft. Pure.

It says what is shown and how, and what the brand's own knowledge states; of the product it claims nothing.
"""

from itertools import product

from famedash.briefs.composer.angles import fact_of, pattern_of
from famedash.briefs.composer.bank import LANGUAGES, Picker, UnknownLanguage, bank_of, group_of
from famedash.briefs.composer.deliverables import deliverables
from famedash.briefs.composer.tongues import tongue_of
from famedash.briefs.curated import GENERAL, curated
from famedash.briefs.model import Ask, Draft, Findings, Objective, Platform, Tone
from famedash.briefs.rules.limits import length

__all__ = ["LANGUAGES", "UnknownLanguage", "compose"]

_SHORT = {Platform.X: 150, Platform.SNAPCHAT: 150}
"""Units of the platform beside the brand: hashtags and the disclosure need the rest."""
_HOOKS = 4
_BARE_HOOKS = ("0–1 s → {both}", "0–2 s → {both}", "0–3 s → {both}")
_TONES = {
    Objective.AWARENESS: Tone.INSPIRING,
    Objective.ENGAGEMENT: Tone.PLAYFUL,
    Objective.TRAFFIC: Tone.EDUCATIONAL,
    Objective.SALES: Tone.HONEST,
    Objective.LAUNCH: Tone.BOLD,
    Objective.COMMUNITY: Tone.WARM,
}
_CALM_OBJECTIVES = (Objective.AWARENESS, Objective.TRAFFIC, Objective.SALES)
"""Where the topic may set the tone."""
_SEPARATOR = " · "
_TOPIC_TONES = {
    "wellness": Tone.CALM,
    "skincare": Tone.HONEST,
    "finance": Tone.HONEST,
    "education": Tone.EDUCATIONAL,
    "business": Tone.CONFIDENT,
    "tech": Tone.CONFIDENT,
    "parenting": Tone.WARM,
    "pets": Tone.PLAYFUL,
    "gaming": Tone.PLAYFUL,
}


def compose(ask: Ask, findings: Findings, objective: Objective) -> Draft:
    """Raises `UnknownLanguage` for a language without phrases. What a tool did not find is done without."""
    picker = Picker(ask, bank_of(ask.language))
    cta = picker.pick("cta", picker.bank.ctas[objective], otherwise="→ {both}")
    short = ask.platform in _SHORT
    return Draft(
        caption=_short(picker, objective) if short else _caption(picker, findings, objective, cta),
        hook_ideas=_hooks(picker, findings),
        hashtags=_hashtags(ask, findings),
        cta=cta,
        tone=_tone(ask, findings, objective),
        do=_do(picker, findings),
        dont=_dont(picker),
        deliverables=deliverables(ask, picker.bank),
    )


def _caption(picker: Picker, findings: Findings, objective: Objective, cta: str) -> str:
    bank = picker.bank
    opening = picker.pick("opening", _with_brand(bank.openings[objective]), otherwise="{both}")
    line = picker.pick("line", bank.patterns[_pattern(picker, findings, objective)].lines)
    scene = picker.pick("scene", bank.scenes[group_of(picker.ask.platform)])
    fact = _quotable(picker.ask, findings)
    paragraphs = (opening, _joined(line, fact), scene, _joined(_mention(picker), cta))
    return "\n\n".join(one for one in paragraphs if one)


def _short(picker: Picker, objective: Objective) -> str:
    """The first opening and call that fit beside what must be mentioned; else the name, and that alone."""
    ask, mention = picker.ask, _mention(picker)
    room = _SHORT[ask.platform] + length(ask.platform, ask.brand)
    for values in ({}, {"both": ask.brand, "product": ask.brand}):
        for opening, call in _pairs(picker, objective):
            text = _joined(picker.fill(opening, values), mention, picker.fill(call, values))
            if length(ask.platform, text) <= room:
                return text
    return _joined(ask.brand + ":" if mention else ask.brand, mention)


def _pairs(picker: Picker, objective: Objective) -> list[tuple[str, str]]:
    """Openings with a call, in order of choice; then those without one."""
    openings = picker.ranked("opening", _with_brand(picker.bank.openings[objective])) or ["{both}"]
    calls = picker.ranked("cta", picker.bank.ctas[objective])
    return [*product(openings, calls), *((opening, "") for opening in openings)]


def _with_brand(phrases: tuple[str, ...]) -> list[str]:
    return [phrase for phrase in phrases if "{both}" in phrase or "{brand}" in phrase]


def _pattern(picker: Picker, findings: Findings, objective: Objective) -> str:
    """The form of the angle that was found, known by its title; one of our own choice otherwise."""
    title = findings.angle.title if findings.angle else ""
    by_title = {pattern.title: name for name, pattern in picker.bank.patterns.items()}
    return by_title.get(title) or pattern_of(picker, objective, findings.persona)


def _hooks(picker: Picker, findings: Findings) -> tuple[str, ...]:
    """One for the topic, one for the platform, and the rest for this kind of platform."""
    bank, group = picker.bank, group_of(picker.ask.platform)
    themed = bank.topic_hooks.get(_topic(findings), ()) if group != "text" else ()
    own = bank.platform_hooks[picker.ask.platform]
    chosen = [*picker.ranked("hook", themed)[:1], *picker.ranked("hook", own)[:1]]
    chosen = [*chosen, *picker.ranked("hook", bank.hooks[group])][:_HOOKS]
    chosen += _BARE_HOOKS[: max(0, len(_BARE_HOOKS) - len(chosen))]
    return tuple(picker.fill(hook) for hook in chosen)


def _hashtags(ask: Ask, findings: Findings) -> tuple[str, ...]:
    return findings.trends.hashtags if findings.trends else curated(ask.platform, _topic(findings))[:3]


def _topic(findings: Findings) -> str:
    return findings.persona.topic if findings.persona else GENERAL


def _tone(ask: Ask, findings: Findings, objective: Objective) -> Tone:
    tone = _TONES[objective]
    if objective in _CALM_OBJECTIVES:
        tone = _TOPIC_TONES.get(_topic(findings), tone)
    return Tone.CONFIDENT if ask.platform is Platform.LINKEDIN and tone is Tone.PLAYFUL else tone


def _do(picker: Picker, findings: Findings) -> tuple[str, ...]:
    ask, bank = picker.ask, picker.bank
    mentions = picker.told(bank.say, {"mentions": _SEPARATOR.join(ask.must_mention)})
    own = picker.ranked("do", [bank.platform_do[group_of(ask.platform)]])
    advice = [picker.fill(one) for one in (*own, *picker.ranked("do", bank.do)[:2])]
    grounds = (_fact_to_show(picker, findings), _whom(picker, findings))
    return tuple(one for one in (mentions if ask.must_mention else "", *advice, *grounds) if one)


def _fact_to_show(picker: Picker, findings: Findings) -> str:
    found = fact_of(picker.ask, findings.angle.passages) if findings.angle else None
    return picker.told(picker.bank.show_fact, {"fact": found[0]}) if found else ""


def _whom(picker: Picker, findings: Findings) -> str:
    """Personas are described in English: other languages have no phrase for it."""
    persona = findings.persona
    if persona is None or picker.avoids(f"{persona.name} {persona.description}"):
        return ""
    return picker.told(picker.bank.speak_to, {"persona": persona.name, "description": persona.description})


def _dont(picker: Picker) -> tuple[str, ...]:
    chosen = [picker.fill(one) for one in picker.ranked("dont", picker.bank.dont)[:3]]
    if picker.ask.must_avoid:
        words = _SEPARATOR.join(picker.ask.must_avoid)
        chosen.append(picker.fill(picker.bank.leave_out, {"words": words}))
    return tuple(chosen)


def _quotable(ask: Ask, findings: Findings) -> str:
    """A fact in the language of the caption; in another language it is told to the creator only."""
    found = fact_of(ask, findings.angle.passages) if findings.angle else None
    return found[0] if found and tongue_of(found[0]) == ask.language.split("-", 1)[0] else ""


def _mention(picker: Picker) -> str:
    if not picker.ask.must_mention:
        return ""
    values = {"mentions": _SEPARATOR.join(picker.ask.must_mention)}
    return picker.told(picker.bank.mention, values) or picker.fill("{mentions}.", values)


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)
