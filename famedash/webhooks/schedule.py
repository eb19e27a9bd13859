"""When the next try is due, and when there is none. Delays are asserted on these values, never on a clock."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from famedash.webhooks.model import Answer, Delivered, GivenUp, Outcome, Reply, RetryAt

LONGEST_RETRY_AFTER_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Policy:
    """`attempts` tries in all; the pause after the n-th failure is `backoff_seconds * 2**(n-1)`."""

    attempts: int = 3
    backoff_seconds: float = 1.0


def judge(reply: Reply, *, tries: int, policy: Policy, now: datetime) -> Outcome:
    """What follows from `reply`, when `tries` tries were made before this one.

    2xx is delivered; 410 ends it at once; anything else, 3xx included, is a failed try.
    """
    if isinstance(reply, Answer) and 200 <= reply.http_status < 300:
        return Delivered()
    if isinstance(reply, Answer) and reply.http_status == 410:
        return GivenUp(gone=True)
    if tries + 1 >= policy.attempts:
        return GivenUp(gone=False)
    return RetryAt(now + timedelta(seconds=pause_seconds(reply, failures=tries + 1, policy=policy)))


def pause_seconds(reply: Reply, *, failures: int, policy: Policy) -> float:
    """The longer of our back-off and the receiver's Retry-After (believed up to 300 s)."""
    backoff = policy.backoff_seconds * 2.0 ** (failures - 1)
    wished = reply.retry_after_seconds if isinstance(reply, Answer) else None
    return max(backoff, min(wished or 0.0, LONGEST_RETRY_AFTER_SECONDS))
