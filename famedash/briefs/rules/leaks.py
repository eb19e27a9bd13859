"""A model's talk of itself and of its instructions, which no caption has any business with. Pure."""

from functools import lru_cache

from famedash.briefs.rules.patterns import compiled

_IGNORE = r"(?:ignore|disregard|forget|override|bypass)"
_EARLIER = r"(?:all|any|the|my|your|these|those|of|previous|prior|above|earlier|preceding|system|other)"
_ORDERS = r"(?:instructions?|prompts?|rules|guidelines|directions)"
_LEAK = compiled(
    "|".join(
        (
            rf"\b{_IGNORE}\s+(?:{_EARLIER}\s+){{1,4}}{_ORDERS}\b",
            r"\bas an? (?:ai|artificial intelligence)\b(?![- ]?(?:powered|driven|based|company))",
            r"\bas an? (?:large )?language model\b",
            r"\b(?:i am|i['’]m|you are) (?:now )?(?:an? )?(?:ai assistant|ai model|chatgpt|language model)\b",
            r"\bsystem (?:prompt|message|instructions?)\b|\bdeveloper (?:message|mode)\b|\bjailbreak",
            r"\b(?:my|your|the) (?:hidden |secret |original )?(?:instructions|prompt) (?:is|are|says?)\b",
            r"\b(?:reveal|print|repeat|show|output)\b[^.!?\n]{0,40}\b(?:instructions|prompt)\b",
            r"\bi (?:cannot|can['’]t|am unable to|won['’]t) (?:help|assist|comply|fulfil+|create|write)\b",
            r"\bhere(?: is|['’]s) (?:the|your|a) (?:brief|caption|json|draft)\b",
            r"\b(?:trendFetcher|personaClassifier|creativeAngle|hookIdeas|final_result)\b",
            r"<\|[a-z_]{2,30}\|>|\[/?INST\]|<</?SYS>>|\bBEGIN_[A-Z_]+\b",
            r"\bals (?:eine )?ki(?:-modell| modell)?\b(?=[ ,])|\b(?:vorherige|bisherige)n? anweisungen\b",
            r"\ben tant qu[’']?e? ?(?:ia|intelligence artificielle)\b|\binstructions précédentes\b",
            r"\bcomo (?:una )?(?:ia|inteligencia artificial)\b|\binstrucciones (?:anteriores|previas)\b",
            r"\bcomo (?:uma )?(?:ia|inteligência artificial)\b|\binstruções anteriores\b",
            r"\bistruzioni precedenti\b|\bпредыдущие инструкции\b|पिछले निर्देश|التعليمات السابقة",
            r"以前の指示|前の指示|之前的指令|忽略.{0,6}指令",
            r"이전 지시|시스템 프롬프트|システムプロンプト|系统提示",
        )
    )
)


@lru_cache(maxsize=1024)
def found(text: str) -> tuple[str, ...]:
    """The tell-tale words in a (clean) text."""
    return tuple(leak[0] for leak in _LEAK.finditer(text))
