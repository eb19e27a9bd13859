"""What the practice provider can be told to do, one step an answer, good and bad. Pure."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

SECRET = "PROVIDER-SECRET-TEXT"  # noqa: S105 - a mark to look for, it opens nothing  # pragma: allowlist secret
"""Stands in every error of the provider; whoever shows it to a client has leaked."""


@dataclass(frozen=True, slots=True)
class Good:
    """What a capable model answers. `texts` go over those of the behaviour, for this answer."""

    texts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """Call one tool. `arguments`: a dict, or any text (such as broken JSON); None: fitting ones."""

    name: str
    arguments: dict[str, Any] | str | None = None


@dataclass(frozen=True, slots=True, init=False)
class Calls:
    """Several calls in one answer: `Calls(Call("a"), Call("b"))`."""

    calls: tuple[Call, ...]

    def __init__(self, *calls: Call) -> None:
        object.__setattr__(self, "calls", calls)


@dataclass(frozen=True, slots=True)
class Skip:
    """Text, though tools were offered."""

    text: str = "I did not need a tool for that."


@dataclass(frozen=True, slots=True)
class Text:
    """This content, as it is."""

    content: str


@dataclass(frozen=True, slots=True)
class Status:
    """An error. `retry_after` in seconds or as text; `body` instead of an error in OpenAI's form."""

    code: int
    retry_after: float | str | None = None
    body: str | None = None


@dataclass(frozen=True, slots=True)
class Hang:
    """Never a byte."""


@dataclass(frozen=True, slots=True)
class Drip:
    """A good answer, byte by byte."""

    seconds_per_byte: float


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection is reset instead of an answer."""


@dataclass(frozen=True, slots=True)
class CutOff:
    """The connection ends in the middle of a good answer."""


@dataclass(frozen=True, slots=True)
class InvalidJson:
    """200 with a body that is no JSON."""


@dataclass(frozen=True, slots=True)
class WrongShape:
    """200 with JSON that is no completion."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """`finish_reason`: stop (the model refuses) or content_filter (its guard did)."""

    text: str = f"I cannot help with that. {SECRET}"
    finish_reason: str = "stop"


@dataclass(frozen=True, slots=True)
class Truncated:
    """Half of a good answer, and `finish_reason` length."""


@dataclass(frozen=True, slots=True)
class Huge:
    """A content of so many bytes; None: without end."""

    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class EndlessTools:
    """From here on, calls every offered tool again and again."""


@dataclass(frozen=True, slots=True)
class After:
    """The step, but so many seconds later."""

    seconds: float
    step: "Step"


@dataclass(frozen=True, slots=True)
class Always:
    """The step, from here on for every answer."""

    step: "Step"


Said: TypeAlias = Good | Call | Calls | Skip | Text | Refusal | Truncated | EndlessTools
"""What the model says, over a connection that works."""

Step: TypeAlias = (
    Said | Status | Hang | Drip | Reset | CutOff | InvalidJson | WrongShape | Huge | After | Always
)


class Script:
    """Steps, taken in turn; when they are over, `Good()` for ever."""

    def __init__(self, steps: Iterable[Step] = ()) -> None:
        self._steps = deque(steps)

    def next(self) -> Step:
        if not self._steps:
            return Good()
        match self._steps[0]:
            case Always(step):
                return step
            case EndlessTools() as step:
                return step
        return self._steps.popleft()

    @property
    def left(self) -> int:
        return len(self._steps)
