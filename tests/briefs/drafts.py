"""Asks and drafts that are fine until a test spoils something."""

from typing import Any

from famedash.briefs.model import Ask, Draft, Findings, Platform, Tone, Trends

FINDINGS = Findings(trends=Trends(("#SkinTok", "#GlowUp", "#SelfCare"), "curated", "2026-11-01"))


def ask(**different: Any) -> Ask:
    fields: dict[str, Any] = {
        "brand": "Lumiario",
        "product": "Velvet Balm",
        "goal": "more sales",
        "platform": Platform.INSTAGRAM,
    }
    return Ask(**(fields | different))


def draft(**different: Any) -> Draft:
    fields: dict[str, Any] = {
        "caption": "Lumiario Velvet Balm keeps winter skin soft. Two minutes, every morning.",
        "hook_ideas": ("The one step I never skip", "Winter skin, solved?", "My bag has room for one balm"),
        "hashtags": ("#SkinTok", "#GlowUp", "#SelfCare"),
        "cta": "Try it tonight",
        "tone": Tone.WARM,
        "do": ("Show the texture in daylight",),
        "dont": ("Do not use a filter on skin",),
        "deliverables": ("One Reel of 20 s",),
    }
    return Draft(**(fields | different))
