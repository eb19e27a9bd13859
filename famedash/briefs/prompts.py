"""What is said to a model: templates, one file a concern and platform, each with a version in its first line.

Whatever a stranger wrote is fenced: it stands between two marks that are new for every brief, so that no text
can pretend to have ended. Marks inside it are removed.
"""

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from famedash.briefs.model import Ask, Findings, Tone

_FOLDER = Path(__file__).parent / "templates"
_VERSION = re.compile(r"\{# version: (\d+) ")
_QUOTED = re.compile(r"“(.*)”", re.DOTALL)
"""From the first mark to the last: a text may hold such marks itself."""
LONGEST_DATA = 4000
"""Characters of one fenced text: a longer one is cut."""


@dataclass(frozen=True)
class Fence:
    """Two marks around what strangers wrote. `name` is random, and new for each brief."""

    name: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def open(self) -> str:
        return f"<<data {self.name}>>"

    @property
    def close(self) -> str:
        return f"<<end {self.name}>>"

    def around(self, text: str) -> str:
        inside = text.replace(self.name, "").replace("<<", "‹‹").replace(">>", "››")
        return f"{self.open}{inside[:LONGEST_DATA]}{self.close}"


@dataclass(frozen=True)
class Prompts:
    """The prompts of one brief. `canary`: a word that no answer may hold, because only our rules do."""

    ask: Ask
    context: str = ""
    fence: Fence = field(default_factory=Fence)
    canary: str = field(default_factory=lambda: f"zx{secrets.token_hex(6)}")

    @property
    def secrets(self) -> tuple[str, str]:
        """What no answer may repeat."""
        return self.canary, self.fence.name

    @property
    def system(self) -> str:
        return self._render("system", tones=[tone.value for tone in Tone])

    @property
    def consult(self) -> str:
        return self._render("consult")

    def write(self, findings: Findings, *, caption_characters: int, hooks: str) -> str:
        return self._render("write", findings=findings, caption_characters=caption_characters, hooks=hooks)

    def repair(self, reasons: Sequence[str]) -> str:
        """Reasons quote the request and the answer, so what stands in their quotes is fenced."""
        fenced = [_QUOTED.sub(lambda found: self.fence.around(found[1]), reason) for reason in reasons]
        return self._render("repair", reasons=fenced)

    def _render(self, name: str, **values: object) -> str:
        template = _environment().get_template(f"{name}.md.j2")
        return template.render(
            ask=self.ask,
            platform=NAMES[self.ask.platform],
            context=self.context,
            budget=_budget(self.ask),
            fence=self.fence,
            data=self.fence.around,
            canary=self.canary,
            **values,
        ).strip()


NAMES = {
    "instagram": "Instagram",
    "tiktok": "TikTok",
    "youtube": "YouTube",
    "x": "X",
    "facebook": "Facebook",
    "linkedin": "LinkedIn",
    "pinterest": "Pinterest",
    "snapchat": "Snapchat",
    "threads": "Threads",
    "twitch": "Twitch",
}


@cache
def bundle() -> str:
    """The version of all templates together, such as `1-3f2a91c0`: the highest number, and their hash."""
    return bundle_of(_FOLDER)


def bundle_of(folder: Path) -> str:
    texts = [path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.j2"))]
    newest = max(int(found[1]) for text in texts if (found := _VERSION.match(text)))
    return f"{newest}-{hashlib.sha256(chr(0).join(texts).encode()).hexdigest()[:8]}"


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_FOLDER),
        undefined=StrictUndefined,
        trim_blocks=True,
        auto_reload=False,
        autoescape=False,  # noqa: S701 - no HTML: strangers' text is fenced instead
    )


def _budget(ask: Ask) -> str:
    return f"{ask.budget_amount} {ask.budget_currency}".strip() if ask.budget_amount is not None else ""
