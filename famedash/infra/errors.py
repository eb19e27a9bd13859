"""Errors named for what the catcher does next. Only `infra.http` knows which status code a refusal is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class FieldError:
    """One field that was refused: where it is (`budget.amount`) and what to do about it."""

    field: str
    message: str


class Refusal(Exception):
    """Tell the caller: what was asked cannot be done as it stands. Never carries a driver's text."""

    problem: ClassVar[str] = "refused"
    title: ClassVar[str] = "The request was refused"

    def __init__(self, detail: str, *, fields: Sequence[FieldError] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.fields = tuple(fields)


class Malformed(Refusal):
    """The bytes are not what they claim to be (broken JSON)."""

    problem = "malformed"
    title = "The request could not be read"


class Invalid(Refusal):
    """It was read, but a field is not acceptable."""

    problem = "invalid"
    title = "A field is not valid"


class Unauthenticated(Refusal):
    """No token, or one that is not to be trusted."""

    problem = "unauthenticated"
    title = "A valid token is needed"


class Forbidden(Refusal):
    """A good token without the scope."""

    problem = "forbidden"
    title = "The token lacks a scope"


class NotFound(Refusal):
    """It does not exist, or belongs to another workspace: the caller cannot tell which."""

    problem = "not-found"
    title = "There is nothing here"


class Conflict(Refusal):
    """The present state does not allow it."""

    problem = "conflict"
    title = "The present state does not allow this"


class PreconditionFailed(Refusal):
    """`If-Match` named a version that is no longer the current one."""

    problem = "precondition-failed"
    title = "The version has moved on"


class TooLarge(Refusal):
    """More bytes or items than the bound."""

    problem = "too-large"
    title = "The request is too large"


class TooMany(Refusal):
    """More requests than this workspace may make; try again in a while."""

    problem = "too-many-requests"
    title = "Too many requests"

    def __init__(self, detail: str, *, retry_after_seconds: int = 1) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class Unavailable(Refusal):
    """A server we need does not answer; try again in a while."""

    problem = "unavailable"
    title = "Try again in a moment"

    def __init__(self, detail: str, *, retry_after_seconds: int = 1) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class UpstreamFailed(Refusal):
    """A stranger that we asked answered with something of no use, or would not answer us at all."""

    problem = "upstream-failed"
    title = "A service that we asked gave no usable answer"


class UpstreamTimeout(Refusal):
    """A stranger that we asked did not answer within our patience."""

    problem = "upstream-timeout"
    title = "A service that we asked did not answer in time"


class Postponed(Exception):
    """Again, later: a server is away or a lease is not ours; the step is repeated."""


class Unreadable(Exception):
    """Set it aside and go on: this piece of input will never be understood."""
