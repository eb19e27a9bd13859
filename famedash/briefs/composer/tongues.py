"""Which of our languages a sentence is in, by its small words. Pure; sure enough to choose what to quote."""

import re

_SMALL_WORDS = {
    "de": "der die das und ist sind mit für von aus ein eine einen wird werden im zum auf nicht seit bei wir",
    "en": "the and is are with for from of a an it its in on to by was were has have we our each every",
    "es": "el la los las y es son con para de del un una por en se hace su sus desde cada al",
    "fr": "le la les et est sont avec pour de du des un une par en dans se sa ses depuis chaque au aux nous",
    "it": "il lo la gli le e è sono con per di del della un una da in nel si ogni al dei delle",
    "pt": "o a os as e é são com para de do da dos das um uma por em no na se cada ao desde",
}
_WORDS = {language: frozenset(words.split()) for language, words in _SMALL_WORDS.items()}
_DEVANAGARI = re.compile(r"[\u0900-\u097f]")


def tongue_of(sentence: str) -> str | None:
    """None where two languages are as likely, or none is."""
    if len(_DEVANAGARI.findall(sentence)) * 2 > len(sentence):
        return "hi"
    words = re.findall(r"\w+", sentence.casefold())
    counts = {language: sum(word in small for word in words) for language, small in _WORDS.items()}
    first, second = sorted(counts, key=counts.__getitem__, reverse=True)[:2]
    return first if counts[first] > counts[second] else None
