"""Which failure of a model server is worth another attempt, when, and what is said when there is none left.

Pure. One layer does all retrying, within one budget a brief: the SDK's own retries are off.
"""

from dataclasses import dataclass
from enum import StrEnum

from famedash.infra.errors import Refusal, Unavailable, UpstreamFailed, UpstreamTimeout

FIRST_BACKOFF_SECONDS = 0.25
LONGEST_BACKOFF_SECONDS = 4.0


class Trouble(StrEnum):
    """What went wrong with one attempt; a refusal to serve us is not a trouble of the moment."""

    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    BUSY = "busy"
    BROKEN = "broken"
    NONSENSE = "nonsense"
    REJECTED = "rejected"
    DECLINED = "declined"


PASSING = frozenset({Trouble.TIMEOUT, Trouble.UNREACHABLE, Trouble.BUSY, Trouble.BROKEN, Trouble.NONSENSE})


@dataclass(frozen=True, slots=True)
class Failed:
    """One attempt that failed. `retry_after_seconds`: when the server wants to be asked again."""

    trouble: Trouble
    retry_after_seconds: float | None = None


class ModelTimeout(UpstreamTimeout):
    problem = "model-timeout"
    title = "The model did not answer in time"


class ModelAway(Unavailable):
    problem = "model-unavailable"
    title = "The model is not available now"


class ModelUnusable(UpstreamFailed):
    problem = "model-unusable"
    title = "The model gave no usable brief"


class ModelRejected(UpstreamFailed):
    problem = "model-rejected"
    title = "The model server does not serve us"


class ModelDeclined(UpstreamFailed):
    problem = "model-declined"
    title = "The model declined to write this brief"


def pause(failed: Failed, attempt: int, *, attempts: int, left_seconds: float, luck: float) -> float | None:
    """Seconds to wait before the next attempt, or None for no other one.

    Full jitter: `luck` (0..1) of an interval that doubles. A Retry-After is kept where it leaves time.
    """
    if failed.trouble not in PASSING or attempt >= attempts:
        return None
    interval = min(FIRST_BACKOFF_SECONDS * 2 ** (attempt - 1), LONGEST_BACKOFF_SECONDS)
    wait = max(luck * interval, failed.retry_after_seconds or 0.0)
    return wait if wait < left_seconds else None


def refusal(failed: Failed) -> Refusal:
    """What the client is told at last; never a word of the server's."""
    match failed.trouble:
        case Trouble.TIMEOUT:
            return ModelTimeout("The language model did not answer in time: try again in a moment.")
        case Trouble.UNREACHABLE | Trouble.BROKEN:
            return ModelAway("The language model cannot be reached now: try again.", retry_after_seconds=5)
        case Trouble.BUSY:
            wait = min(max(int(failed.retry_after_seconds or 5), 1), 3600)
            return ModelAway("The language model takes no more requests now.", retry_after_seconds=wait)
        case Trouble.NONSENSE:
            return unusable()
        case Trouble.DECLINED:
            return ModelDeclined("The language model declined to write this: word the request differently.")
        case Trouble.REJECTED:
            return ModelRejected(
                "The language model's server refuses our requests: its settings (FAMEDASH_LLM_*) are wrong."
            )


def unusable() -> ModelUnusable:
    """The last answer was still no brief."""
    return ModelUnusable(
        "The language model gave no brief that holds the rules: try again, or reword the request."
    )
