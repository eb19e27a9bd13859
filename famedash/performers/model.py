"""What a performance file holds, what becomes of its lines, and how creators are ranked. Pure."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from famedash.infra.errors import Refusal

IDS = ("campaignId", "influencerId")
COUNTS = ("views", "likes", "comments", "shares")
TEXTS = ("platform", "caption")
REQUIRED = (*IDS, *COUNTS)

PARSER_VERSION = 1
"""Raised when the same file would be read differently: only then is a loaded file loaded again."""

LONGEST_ID = 200
LARGEST_COUNT = 10**12
LONGEST_RECORD = 1 << 20
"""Bytes; no row of numbers and a caption is longer."""

LONGEST_RAW = 2_000
"""Bytes that are kept of a rejected line."""

LONGEST_PLATFORM = 200
LONGEST_CAPTION = 4_000
"""Characters kept of a caption (no platform allows more); the rest is cut off."""


class Reason(StrEnum):
    """Why a line was rejected. The codes are stable."""

    TOO_LONG = "too_long"
    INVALID_UTF8 = "invalid_utf8"
    STRAY_QUOTE = "stray_quote"
    UNBALANCED_QUOTE = "unbalanced_quote"
    FIELD_COUNT = "field_count"
    BLANK_ID = "blank_id"
    ID_TOO_LONG = "id_too_long"
    ID_CONTROL_CHARACTER = "id_control_character"
    ID_EXPONENT_FORM = "id_exponent_form"
    BLANK_COUNT = "blank_count"
    NOT_A_NUMBER = "not_a_number"
    HUMAN_NUMBER = "human_number"
    NOT_WHOLE = "not_whole"
    NEGATIVE = "negative"
    TOO_LARGE = "too_large"
    ZERO_VIEWS = "zero_views"


MEANING = {
    Reason.TOO_LONG: f"the line has more than {LONGEST_RECORD:,} bytes",
    Reason.INVALID_UTF8: "its bytes are not UTF-8",
    Reason.STRAY_QUOTE: "a quote stands where none may: quote the whole field and double the quotes in it",
    Reason.UNBALANCED_QUOTE: "a quote opens and does not close before the next row",
    Reason.FIELD_COUNT: "it has more or fewer fields than the header",
    Reason.BLANK_ID: "an id is empty",
    Reason.ID_TOO_LONG: f"an id has more than {LONGEST_ID} characters",
    Reason.ID_CONTROL_CHARACTER: "an id has a control character in it",
    Reason.ID_EXPONENT_FORM: "a spreadsheet has turned the id into a number such as 7.5e+18: it is lost",
    Reason.BLANK_COUNT: "a number is empty",
    Reason.NOT_A_NUMBER: "a count is not made of the digits 0 to 9",
    Reason.HUMAN_NUMBER: "a count is written for people (541.2K or 12,345): load with --human-numbers",
    Reason.NOT_WHOLE: "a count is not a whole number",
    Reason.NEGATIVE: "a count is negative",
    Reason.TOO_LARGE: f"a count is above {LARGEST_COUNT:,}",
    Reason.ZERO_VIEWS: "no views: a rate over zero views does not exist",
}


@dataclass(frozen=True, slots=True)
class Columns:
    """Where the fields of a row lie. `size` counts all columns of the header, the ignored ones too."""

    size: int
    ids: tuple[int, int]
    counts: tuple[int, int, int, int]
    platform: int | None = None
    caption: int | None = None

    @property
    def texts(self) -> tuple[int | None, int | None]:
        return self.platform, self.caption


class UnreadableFile(Refusal):
    """The file as a whole cannot be loaded; nothing was."""

    problem = "unreadable-file"
    title = "The file cannot be read"


class TooManyRejects(Refusal):
    """More lines were rejected than the caller allows; nothing was loaded."""

    problem = "too-many-rejects"
    title = "Too many lines were rejected"


class CalledOff(Exception):
    """Nobody waits for the load any more."""


@dataclass(frozen=True, slots=True)
class Row:
    """One accepted record; `lines` counts the physical lines it takes. Its counts are `COUNTS`."""

    campaign_id: str
    influencer_id: str
    counts: tuple[int, int, int, int]
    platform: str | None = None
    caption: str | None = None
    lines: int = 1

    @property
    def is_flagged(self) -> bool:
        views, likes, comments, shares = self.counts
        return likes + comments + shares > views


@dataclass(frozen=True, slots=True)
class Reject:
    """Why a record is not one; `column` by its name here, where one is to blame."""

    reason: Reason
    column: str | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that was set aside: its number (the header is line 1) and its first bytes."""

    line: int
    reject: Reject
    raw: bytes

    @property
    def shown(self) -> str:
        """The bytes as text; what is no UTF-8 or cannot be printed is escaped."""
        text = self.raw.decode(errors="backslashreplace")
        return text if text.isprintable() else "".join(map(_printable, text))


COUNTED = ("lines", "header", "accepted", "continuation", "blank", "flagged")


@dataclass(slots=True)
class Tally:
    """Every physical line is one of five: `lines` is their sum, by construction of nothing but counting."""

    lines: int = 0
    header: int = 0
    accepted: int = 0
    continuation: int = 0
    blank: int = 0
    flagged: int = 0
    rejected: Counter[Reason] = field(default_factory=Counter)

    @property
    def rejects(self) -> int:
        return self.rejected.total()

    @property
    def is_whole(self) -> bool:
        """lines = header + accepted + continuation + rejected + blank."""
        return self.lines == self.header + self.accepted + self.continuation + self.rejects + self.blank

    def add(self, other: "Tally") -> None:
        for name in COUNTED:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.rejected.update(other.rejected)


def _printable(each: str) -> str:
    return each if each.isprintable() else each.encode("unicode_escape").decode()


@dataclass(slots=True)
class Progress:
    """How far a load is: written by the one that loads, read by everybody who shows it."""

    step: str = "waiting"
    bytes_total: int = 0
    bytes_done: int = 0
    tally: Tally = field(default_factory=Tally)
    is_called_off: bool = False

    def advance(self, bytes_done: int) -> None:
        """Raises `CalledOff` once it is."""
        self.bytes_done = bytes_done
        self.go_on()

    def go_on(self) -> None:
        """Raises `CalledOff` once it is."""
        if self.is_called_off:
            raise CalledOff


@dataclass(frozen=True, slots=True)
class Options:
    """How a file is to be loaded."""

    human_numbers: bool = False
    most_rejects_percent: float = 100.0


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a load. `same_as`: the load before it, which had the same content: nothing was to do."""

    tally: Tally
    pairs: int
    inserted: int
    updated: int
    same_as: UUID | None
    warnings: tuple[str, ...]


def engagement_rate(views: int, likes: int, comments: int, shares: int) -> float:
    """(likes + comments + shares) / views x 100, in percent of `views`, which is above 0."""
    return float(likes + comments + shares) * 100 / float(views)
