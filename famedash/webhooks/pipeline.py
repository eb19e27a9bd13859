"""One try across the network, with no transaction open: sign, post, judge, and say what to write down."""

from collections.abc import Callable
from datetime import datetime, timedelta

from famedash.infra.ids import uuid7
from famedash.webhooks import signing
from famedash.webhooks.model import Attempt, Delivered, GivenUp, RetryAt, Status, Target
from famedash.webhooks.schedule import Policy, judge
from famedash.webhooks.sender import Sender
from famedash.webhooks.settings import WebhookSettings
from famedash.webhooks.window import Note, Row, Taken

Clock = Callable[[], datetime]


async def try_once(
    sender: Sender, taken: Taken, target: Target, *, settings: WebhookSettings, clock: Clock
) -> Note:
    """Send once and say what follows. The attempt's id and time are those of before the send."""
    delivery, attempt_id, at = taken.delivery, uuid7(), clock()
    headers = dict(target.headers) | signing.headers(
        target.secrets,
        message_id=str(delivery.event_id),
        timestamp=int(at.timestamp()),
        body=delivery.body,
    )
    reply = await sender.post(target.url, delivery.body, headers, workspace=delivery.workspace)
    policy = Policy(settings.attempts, settings.backoff_seconds)
    answered_at = at + timedelta(milliseconds=reply.duration_ms)
    number = delivery.number
    match judge(reply, tries=delivery.tries, policy=policy, now=answered_at):
        case Delivered():
            attempt = Attempt(attempt_id, delivery, number, Status.DELIVERED, at, reply)
            return Note(taken, attempt, drop_row=taken.from_row)
        case RetryAt(due):
            attempt = Attempt(attempt_id, delivery, number, Status.RETRYING, at, reply, due)
            return Note(taken, attempt, row=Row(delivery.tries + 1, due))
        case GivenUp(gone):
            attempt = Attempt(attempt_id, delivery, number, Status.DEAD, at, reply)
            return Note(taken, attempt, drop_row=taken.from_row, letter_id=uuid7(), disables=gone)


def expire(taken: Taken, *, now: datetime) -> Note:
    """Owed to an endpoint that was disabled since: settled without a try (`attempt` = tries made)."""
    attempt = Attempt(uuid7(), taken.delivery, taken.delivery.number - 1, Status.EXPIRED, now)
    return Note(taken, attempt, drop_row=taken.from_row)


def suspect(taken: Taken, *, now: datetime) -> Note:
    """An owner that died may have sent it: say so before it is sent (again)."""
    return Note(taken, _interrupted(taken, now))


def interrupt(taken: Taken, *, now: datetime) -> Note:
    """It may have been sent and nobody knows the answer: it waits, due at once, under the same number."""
    return Note(taken, _interrupted(taken, now), row=Row(taken.delivery.tries, now))


def _interrupted(taken: Taken, now: datetime) -> Attempt:
    return Attempt(uuid7(), taken.delivery, taken.delivery.number, Status.INTERRUPTED, now)
