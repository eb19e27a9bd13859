"""A creative angle: a form for the post, the fact it stands on, and what did well before. Pure.

A fact is a sentence of retrieved knowledge, word for word, and only if it is short, plain and claims nothing
that a paid post must not claim. Orders are no facts: knowledge is written by strangers, too.
"""

import re
from collections.abc import Iterable, Sequence
from statistics import median

from famedash.briefs.composer.bank import Bank, Picker, bank_of
from famedash.briefs.model import Angle, Ask, Objective, Passage, Performer, Persona
from famedash.briefs.rules import claims, contacts, leaks, plain
from famedash.briefs.rules.patterns import compiled
from famedash.briefs.rules.phrases import fold, holds

_BY_OBJECTIVE = {
    Objective.AWARENESS: ("first_try", "three_things", "day_in_life"),
    Objective.ENGAGEMENT: ("ask_the_people", "myth_check", "first_try"),
    Objective.TRAFFIC: ("three_things", "myth_check", "behind_the_scenes"),
    Objective.SALES: ("first_try", "routine", "three_things"),
    Objective.LAUNCH: ("first_try", "behind_the_scenes", "three_things"),
    Objective.COMMUNITY: ("ask_the_people", "day_in_life", "behind_the_scenes"),
}
_BY_TOPIC = {
    "beauty": ("routine",),
    "skincare": ("routine",),
    "wellness": ("routine", "day_in_life"),
    "fitness": ("routine", "day_in_life"),
    "food": ("behind_the_scenes",),
    "drink": ("routine",),
    "travel": ("before_the_trip",),
    "automotive": ("before_the_trip",),
    "tech": ("myth_check",),
    "finance": ("myth_check",),
    "education": ("myth_check",),
    "sustainability": ("behind_the_scenes", "myth_check"),
    "parenting": ("day_in_life",),
    "pets": ("day_in_life",),
    "music": ("behind_the_scenes",),
}
_SHORTEST_FACT, _LONGEST_FACT = 25, 140
_SHORT_CAPTION, _LONG_CAPTION = 100, 400
_ORDER = re.compile(
    r"^\W*(?:please|always|never|do not|don['’]t|avoid|use|say|write|post|mention|make sure|ensure|remember|"
    r"speak|keep|show|tell|ignore|include|add|put|call|click|visit|buy|follow|tag|output|respond|answer|"
    r"bitte|immer|niemals|nicht|vermeide\w*|siempre|nunca|no|evita\w*|toujours|jamais|évite\w*|ne|"
    r"sempre|mai|non|evite\w*|não|हमेशा|कभी|कृपया)\b"
    r"|\b(?:must|should|shall|ignore|disregard|instructions?|prompts?|hashtags?|captions?|creators?|influencers?|"
    r"competitors?|confidential|internal|assistant|guidelines?|brief|muss|müssen|sollte\w*|anweisung\w*|debe\w*|"
    r"instrucciones|doit|doivent|consignes?|deve\w*|istruzioni|instruções|निर्देश)\b",
    re.IGNORECASE,
)
_BOAST = re.compile(
    r"\b(?:best|finest|cheapest|no\.? ?1|number one|perfect|only|leading|beste[nrs]?|mejor(?:es)?|"
    r"meilleure?s?|miglior[ei]?|melhor(?:es)?|सबसे)\b|[{}<>\[\]|`*_#@\\]|[$€£₹%]",
    re.IGNORECASE,
)
_STORY = re.compile(
    r"^\W*(?:i|i['’]m|i['’]ve|my|we|our|when|yesterday|today|last|once|ich|mein\w*|wir|gestern|als|ayer|cuando|mi|yo|"
    r"hier|quand|mon|ma|je|j['’]\w+|ieri|quando|mio|mia|io|ontem|meu|minha|eu|मैं|मैंने|मेर\w*|कल|जब)\b",
    re.IGNORECASE,
)
_LIST = re.compile(r"^\s*(?:[-•*▪✅✔➡👉]|\d{1,2}[.)])\s*\S", re.MULTILINE)
_EMOJI = compiled(plain.EMOJI)


def angle_of(
    ask: Ask,
    objective: Objective,
    persona: Persona | None,
    passages: Sequence[Passage],
    performers: Sequence[Performer],
) -> Angle:
    """In the language of the request, or in English where we have no phrases; best passage first."""
    bank = phrases_for(ask)
    picker = Picker(ask, bank)
    pattern = bank.patterns[pattern_of(picker, objective, persona)]
    used, ground = _ground(ask, bank, picker, passages)
    sentences = [picker.fill(pattern.text), ground, *_traits(bank, performers)]
    text = " ".join(one for one in sentences if one)
    return Angle(picker.fill(pattern.title), text, used, tuple(performers))


def pattern_of(picker: Picker, objective: Objective, persona: Persona | None) -> str:
    """Which form: those of the topic count as much as those of the objective."""
    topic = persona.topic if persona else "general"
    names = (*_BY_OBJECTIVE[objective], *_BY_TOPIC.get(topic, ()))
    return min(dict.fromkeys(names), key=lambda name: picker.rank("pattern", name))


def phrases_for(ask: Ask) -> Bank:
    try:
        return bank_of(ask.language)
    except LookupError:
        return bank_of("en")


def fact_of(ask: Ask, passages: Iterable[Passage]) -> tuple[str, Passage] | None:
    """The first short, plain sentence that may be quoted, and where it stands."""
    for passage in passages:
        for sentence in plain.sentences(plain.clean(passage.text)):
            fact = plain.line(sentence)
            if _is_fact(fact) and not any(holds(fold(fact), fold(word)) for word in ask.must_avoid):
                return fact, passage
    return None


def traits_of(captions: Sequence[str]) -> list[str]:
    """What at least half of the captions have in common, at most two: how they open, then how they look."""
    openings = [_opening(caption) for caption in captions]
    opening = max(sorted(set(openings) - {""}), key=openings.count, default="")
    found = [opening] if opening and 2 * openings.count(opening) >= len(captions) else []
    if captions and 2 * sum(bool(_EMOJI.search(one)) for one in captions) > len(captions):
        found.append("emoji")
    if captions:
        found += _lengths(median(len(one) for one in captions))
    return found[:2]


def _ground(
    ask: Ask, bank: Bank, picker: Picker, passages: Sequence[Passage]
) -> tuple[tuple[Passage, ...], str]:
    """The passages, the one that is quoted in front, and the sentence that names it."""
    found = fact_of(ask, passages)
    if found:
        fact, source = found
        others = tuple(one for one in passages if one is not source)
        return (source, *others), picker.told(bank.build_on, {"fact": fact})
    titled = next((one for one in passages if _is_title(one.title) and not picker.avoids(one.title)), None)
    return tuple(passages), picker.told(bank.read_first, {"title": titled.title}) if titled else ""


def _traits(bank: Bank, performers: Sequence[Performer]) -> list[str]:
    captions = [each.caption for each in performers if each.caption.strip()]
    return [bank.traits[one] for one in traits_of(captions)]


def _lengths(characters: float) -> list[str]:
    if characters <= _SHORT_CAPTION:
        return ["short"]
    return ["long"] if characters >= _LONG_CAPTION else []


def _opening(caption: str) -> str:
    first = re.split(r"(?<=[.!?…।؟？])\s|\n", caption.strip(), maxsplit=1)[0]
    if first.rstrip(' "”’»)').endswith(("?", "؟", "？")):
        return "question"
    if len(_LIST.findall(caption)) >= 2:
        return "list"
    if re.search(r"\d", first):
        return "number"
    return "story" if _STORY.search(first) else ""


def _is_fact(sentence: str) -> bool:
    return (
        _SHORTEST_FACT <= len(sentence) <= _LONGEST_FACT
        and sentence.endswith((".", "।"))
        and not sentence[0].islower()
        and not (_ORDER.search(sentence) or _BOAST.search(sentence))
        and not (contacts.found(sentence) or leaks.found(sentence) or claims.banned(sentence))
    )


def _is_title(title: str) -> bool:
    return 0 < len(title) <= 80 and not (
        _ORDER.search(title) or _BOAST.search(title) or contacts.found(title) or leaks.found(title)
    )
