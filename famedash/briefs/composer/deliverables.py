"""What is handed over, per platform: pieces with format, length and ratio; more for a larger budget. Pure."""

from decimal import Decimal

from famedash.briefs.composer.bank import Bank
from famedash.briefs.model import Ask, Platform

_VERTICAL = "9:16 (1080 × 1920)"
_PIECES: dict[Platform, tuple[str, ...]] = {
    Platform.INSTAGRAM: (
        f"1 × Reel · 20–30 s · {_VERTICAL} · {{subtitles}}",
        f"3 × Story · 15 s · {_VERTICAL} · {{link}}",
        "1 × Carousel · 4:5 (1080 × 1350) · {stills}",
        f"1 × Reel · 10–15 s · {_VERTICAL} · {{second_hook}}",
    ),
    Platform.TIKTOK: (
        f"1 × TikTok · 20–35 s · {_VERTICAL} · {{subtitles}}",
        f"1 × TikTok · 10–15 s · {_VERTICAL} · {{answer}}",
        f"1 × TikTok · 20–35 s · {_VERTICAL} · {{second_hook}}",
    ),
    Platform.YOUTUBE: (
        f"1 × Short · 30–45 s · {_VERTICAL} · {{subtitles}}",
        f"1 × Short · 15–25 s · {_VERTICAL} · {{second_hook}}",
        "1 × Video · 60–90 s · 16:9 (1920 × 1080) · {link}",
    ),
    Platform.X: (
        "1 × Post + Video · 15–30 s · 1:1 (1080 × 1080) · {subtitles}",
        "1 × Post · 16:9 (1600 × 900) · {stills}",
        "1 × Thread · 3–4 Posts · {answer}",
    ),
    Platform.FACEBOOK: (
        f"1 × Reel · 20–40 s · {_VERTICAL} · {{subtitles}}",
        "1 × Post · 4:5 (1080 × 1350) · {stills}",
        f"3 × Story · 15 s · {_VERTICAL} · {{link}}",
    ),
    Platform.LINKEDIN: (
        "1 × Post + Video · 30–60 s · 4:5 (1080 × 1350) · {subtitles}",
        "1 × Document · 6 × 4:5 (1080 × 1350) · {stills}",
        "1 × Post · {answer}",
    ),
    Platform.PINTEREST: (
        "1 × Video Pin · 6–15 s · 2:3 (1000 × 1500) · {subtitles}",
        "2 × Pin · 2:3 (1000 × 1500) · {stills}",
        "1 × Video Pin · 15–30 s · 9:16 (1080 × 1920) · {second_hook}",
    ),
    Platform.SNAPCHAT: (
        f"1 × Spotlight · 10–20 s · {_VERTICAL} · {{subtitles}}",
        f"3 × Story · 10 s · {_VERTICAL} · {{link}}",
        f"1 × Spotlight · 10–20 s · {_VERTICAL} · {{second_hook}}",
    ),
    Platform.THREADS: (
        "1 × Post + Video · 15–30 s · 9:16 (1080 × 1920) · {subtitles}",
        "1 × Post · 4:5 (1080 × 1350) · {stills}",
        "1 × Thread · 3 Posts · {answer}",
    ),
    Platform.TWITCH: (
        "1 × Live · 15–20 min · 16:9 (1920 × 1080) · {link}",
        f"1 × Clip · 30–45 s · {_VERTICAL} · {{subtitles}}",
        f"2 × Clip · 15–30 s · {_VERTICAL} · {{second_hook}}",
    ),
}
_TIERS = (Decimal(500), Decimal(2_000), Decimal(10_000))
_PER_DOLLAR = {"INR": 90, "JPY": 150, "KRW": 1_400, "IDR": 16_000, "VND": 25_000, "HUF": 350, "CLP": 950}
"""Rough: it decides about a piece more or less. What is not here counts as a dollar."""


def deliverables(ask: Ask, bank: Bank) -> tuple[str, ...]:
    """Two pieces; one with a small budget, all and the raw footage with a large one."""
    pieces = list(_PIECES[ask.platform])
    tier = _tier(ask)
    pieces = pieces[: tier + 1]
    if tier == len(_TIERS):
        pieces.append("{raw}")
    return tuple(piece.format_map(bank.extras) for piece in pieces)


def _tier(ask: Ask) -> int:
    if ask.budget_amount is None:
        return 1
    amount = ask.budget_amount / _PER_DOLLAR.get(ask.budget_currency.upper(), 1)
    return sum(amount >= least for least in _TIERS)
