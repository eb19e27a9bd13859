"""Claims that a paid post must not make: a small lexicon, reviewed by people, with a reason for each. Pure.

It goes by words, so it cannot tell a Christmas miracle from a miracle cure, and it refuses both. It looks for
an illness near *cure* and *heal*, so a cured ham, a gel that cures under a lamp and a cure for boredom pass.
What is claimed without these words passes too: a lexicon is a floor under review, not review.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from famedash.briefs.rules import plain
from famedash.briefs.rules.patterns import compiled
from famedash.briefs.rules.phrases import fold, holds

_ILLNESS = (
    r"(?:cancers?|tumou?rs?|diabetes|depression|anxiety|arthritis|acne|eczema|psoriasis|asthma|covid(?:-19)?|hiv|"
    r"aids|autism|adhd|alzheimer['’]?s?|dementia|insomnia|infections?|infertility|diseases?|illness(?:es)?|pains?|"
    r"migraines?|headaches?|hypertension|high blood pressure|heart disease|stroke|obesity|hair loss|baldness|"
    r"allerg(?:y|ies)|hangovers?|impotence|addiction)"
)
_GRAVE = (
    r"(?:cancers?|tumou?rs?|diabetes|covid(?:-19)?|hiv|aids|alzheimer['’]?s?|dementia|heart disease|strokes?)"
)
_MALADIES = (
    r"(?:krebs|diabetes|depression\w*|akne|arthrose|cancer|diabète|dépression|acné|arthrose|cáncer|depresión|"
    r"ansiedad|câncer|depressão|ansiedade|cancro|diabete|depressione|krankheit\w*|maladies?|enfermedad\w*|"
    r"doenças?|malatti[ae])"
)
_HUNDRED = r"(?:100\s?%|%\s?100|(?:one )?hundred percent|100 percent)"


@dataclass(frozen=True, slots=True)
class Claim:
    """`provable`: it may be true, so it is allowed where the knowledge states it."""

    pattern: re.Pattern[str]
    reason: str
    provable: bool = False


def _claim(reason: str, *alternatives: str, provable: bool = False) -> Claim:
    return Claim(compiled("|".join(alternatives)), reason, provable)


LEXICON = (
    _claim(
        "promises a cure",
        rf"\b(?:cure[sd]?|curing|heal(?:s|ed|ing)?)\s+(?:[\w'’-]+\s+){{0,3}}?{_ILLNESS}\b",
        rf"\b(?:revers(?:es?|ing)|eliminat(?:es?|ing))\s+(?:[\w'’-]+\s+){{0,3}}?{_ILLNESS}\b",
        rf"\b(?:treat(?:s|ed|ing)?|prevent(?:s|ed|ing)?)\s+(?:(?:your|my|the|all|any|severe|chronic)\s+)?{_ILLNESS}\b",
        rf"\bhelps?\s+(?:(?:you|to)\s+)?(?:with|against|fight|prevent|beat)\s+(?:\w+\s+)?{_GRAVE}\b",
        rf"\bcure\s+for\s+(?:\w+\s+){{0,2}}?{_ILLNESS}\b",
        r"\b(?:natural|instant|permanent|only|ultimate)\s+cure\b",
        rf"\b(?:heilt|heilen)\s+(?:\w+\s+){{0,3}}?{_MALADIES}\b",
        rf"\b(?:guérit|guérir|cura|curan|curar|guarisce|guarire)\s+(?:\w+\s+){{0,3}}?(?:[dl]['’])?{_MALADIES}\b",
        r"がんが治|病気が治|治愈|암을 치료|कैंसर ठीक|يعالج السرطان",
    ),
    _claim(
        "speaks of a miracle",
        r"\bmiracles?\b|\bmiraculous(?:ly)?\b|\bwunder(?:mittel|kur|heilung|pille)\b",
        r"\bmiraculeu(?:x|se)s?\b|\bmilagros?\b|\bmilagros[oa]s?\b|\bmilagres?\b|\bmiracol(?:o|i|os[oaie])\b",
        r"चमत्कार|معجزة|معجزه|奇跡の|奇迹|기적의",
    ),
    _claim(
        "guarantees a result",
        r"\bguaranteed\s+(?:\w+\s+)?(?:results?|success|approval|weight[- ]loss|improvement|winnings?)\b",
        r"\b(?:results?|success|improvement|satisfaction and results)\s+(?:is\s+|are\s+)?guaranteed\b",
        r"\bguarantees?\s+(?:you\s+)?(?:\w+\s+)?(?:results?|success)\b",
        r"\bgarantierte[nrsm]?\s+(?:ergebniss?e?|erfolge?)\b|\brésultats?\s+garantis?\b",
        r"\bresultados?\s+garantizados?\b|\bresultados?\s+garantidos?\b|\brisultat[oi]\s+garantit[oi]\b",
        r"गारंटीड परिणाम|نتائج مضمونة|効果保証|絶対に効|必ず痩せ|絶対に痩せ|효과 보장",
    ),
    _claim(
        "guarantees money",
        r"\bguaranteed\s+(?:\w+\s+)?(?:returns?|profits?|income|earnings|gains?)\b",
        r"\b(?:returns?|profits?|income|earnings)\s+(?:is\s+|are\s+)?guaranteed\b",
        r"\bdouble\s+your\s+(?:money|investment|savings|crypto)\b|\bget\s+rich\s+(?:quick|fast)",
        r"\b(?:earn|make)\s+[$€£₹]\s?\d[\d,.]*k?\s+(?:an?|per|every|each)\s+(?:day|week|month|hour)\b",
        r"\bgarantierte\s+(?:rendite|gewinne)\b|\b(?:gains?|rendements?)\s+garantis?\b",
        r"\b(?:ganancias?|rentabilidad)\s+garantizad[oa]s?\b",
        r"\b(?:lucros?|rendimentos?)\s+garantidos?\b|\bguadagn[oi]\s+garantit[oi]\b|أرباح مضمونة",
        r"必ず儲か|稳赚|수익 보장",
    ),
    _claim(
        "denies every risk",
        r"\brisk[- ]free\b(?![- ]trial)|\b(?:zero|no)\s+risks?\b|\bwithout\s+any\s+risk\b",
        rf"{_HUNDRED}\s+(?:safe|effective|harmless|risk[- ]free)\b",
        r"\b(?:completely|totally|absolutely)\s+safe\b",
        r"\b(?:no|zero|without)\s+side[- ]effects?\b|\bside[- ]effect[- ]free\b",
        r"\brisiko(?:frei|los)\w*|\bohne\s+(?:jedes\s+)?risiko\b|\bohne\s+nebenwirkungen\b",
        r"\bsans\s+(?:aucun\s+)?risques?\b",
        r"\bsans\s+effets?\s+secondaires?\b|\bsin\s+(?:ningún\s+)?riesgos?\b|\bsin\s+efectos\s+secundarios\b",
        r"\bsem\s+(?:nenhum\s+)?riscos?\b|\bsem\s+efeitos\s+colaterais\b",
        r"\bsenza\s+(?:alcun\s+)?risch(?:io|i)\b",
        rf"{_HUNDRED}\s+(?:sicher|wirksam|sûre?s?|efficaces?|segur[oa]s?)\b",
        rf"{_HUNDRED}\s+(?:efectiv[oa]s?|efica(?:z|ces)|sicur[oaie])\b",
        r"(?:100\s?%|१००\s?%)\s?सुरक्षित|जोखिम[- ]मुक्त|آمن\s+(?:بنسبة\s+)?100\s?%|بدون مخاطر",
        r"副作用なし|絶対安全|百分之百安全|부작용 없",
    ),
    _claim(
        "promises a loss of weight",
        r"\b(?:lose|drop|shed)\s+(?:up to\s+)?\d+\s*(?:lbs?|pounds?|kgs?|kilos?|stone|(?:dress\s+)?sizes?)\b",
        r"\b(?:lose|drop|shed)\s+(?:\w+\s+)?weight\s+(?:fast|quickly|overnight|instantly|without)\b",
        r"\b(?:melts?|burns?|blasts?)\s+(?:away\s+)?(?:\w+\s+)?fat\b",
        r"\b\d+\s*(?:kg|kilos?|pfund)\s+(?:abnehmen|abgenommen)\b|\bperd(?:ez|re)\s+\d+\s*(?:kg|kilos?)\b",
        r"\b(?:pierde|perder?|perca|perdi)\s+\d+\s*(?:kg|kilos?|quilos?)\b",
    ),
    _claim(
        "claims a proof",
        r"\b(?:clinically|scientifically|medically)\s+(?:proven|tested|shown|validated)\b",
        r"\b(?:dermatologist|doctor|dentist|vet|paediatrician)s?[- ](?:tested|approved|recommended)\b",
        r"\bFDA[- ](?:approved|cleared)\b|\bproven\s+by\s+science\b",
        r"\bklinisch\s+(?:bewiesen|erwiesen|getestet|geprüft)\w*",
        r"\bwissenschaftlich\s+(?:bewiesen|erwiesen)\w*",
        r"\bcliniquement\s+(?:prouvée?s?|testée?s?)\b|\bclínicamente\s+(?:probad|comprobad|testad)[oa]s?\b",
        r"\bclinicamente\s+(?:comprovad|testad|provat|testat)[oaie]s?\b|臨床的に証明|临床证明",
        r"임상적으로 입증|مثبت سريريا",
        provable=True,
    ),
)

_NEGATED = compiled(r"\b(?:no|not|never|avoid|don['’]t|do not|must not|nicht|nie|jamais|ne|nunca|não|mai)\b")


def banned(text: str, allowed_by: Iterable[str] = ()) -> list[str]:
    """Each claim of the (clean) text that is not allowed, with its reason: `“miracle” speaks of a miracle`.

    `allowed_by`: texts of knowledge; a sentence there that forbids the very words allows nothing.
    """
    texts = list(allowed_by)
    return [
        f"“{words}” {claim.reason}"
        for claim, words in _found(text)
        if not (claim.provable and _stated(words, texts))
    ]


@lru_cache(maxsize=1024)
def _found(text: str) -> tuple[tuple[Claim, str], ...]:
    return tuple((claim, found[0]) for claim in LEXICON for found in claim.pattern.finditer(text))


def _stated(words: str, texts: list[str]) -> bool:
    return any(
        holds(fold(sentence), words) and not _NEGATED.search(sentence)
        for text in texts
        for sentence in plain.sentences(plain.clean(text))
    )
