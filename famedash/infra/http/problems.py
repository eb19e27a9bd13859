"""Every error as RFC 9457 `application/problem+json`: a stable type, a sentence a person can act on.

The only place that knows which status code a refusal is. Shows no exception's text, ever.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from starlette.responses import Response

from famedash.infra import json
from famedash.infra.auth.tokens import MissingScope, MissingToken
from famedash.infra.errors import (
    Conflict,
    FieldError,
    Forbidden,
    Invalid,
    Malformed,
    NotFound,
    PreconditionFailed,
    Refusal,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unavailable,
    UpstreamFailed,
    UpstreamTimeout,
)

MEDIA_TYPE = "application/problem+json"

_status_of: Mapping[type[Refusal], int] = {
    Malformed: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    PreconditionFailed: 412,
    TooLarge: 413,
    Invalid: 422,
    TooMany: 429,
    UpstreamFailed: 502,
    Unavailable: 503,
    UpstreamTimeout: 504,
}


def problem(
    status: int,
    kind: str,
    title: str,
    detail: str,
    *,
    fields: Sequence[FieldError] = (),
    instance: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem document; `kind` becomes the stable `type` `/problems/{kind}`, `fields` become `errors`."""
    document: dict[str, object] = {
        "type": f"/problems/{kind}",
        "title": title,
        "status": status,
        "detail": detail,
    }
    if instance:
        document["instance"] = instance
    if fields:
        document["errors"] = [{"field": each.field, "message": each.message} for each in fields]
    return Response(json.encode(document), status_code=status, headers=headers, media_type=MEDIA_TYPE)


def from_refusal(refusal: Refusal) -> Response:
    """The answer to a refusal of ours; a subclass keeps its kind's status, with its own `type` and title."""
    return problem(
        status_of(refusal),
        refusal.problem,
        refusal.title,
        refusal.detail,
        fields=refusal.fields,
        headers=_headers(refusal),
    )


def status_of(refusal: Refusal) -> int:
    """The status code of the refusal's kind; 400 for one that is of no kind."""
    return next((_status_of[kind] for kind in type(refusal).__mro__ if kind in _status_of), 400)


def crashed(instance: str) -> Response:
    """The answer when our own code failed; `instance` is what the log line carries too."""
    return problem(
        500,
        "internal",
        "Something failed on our side",
        "The request was not completed because of a fault on our side. Trying again is safe with the same"
        " Idempotency-Key; tell us the instance if it goes on.",
        instance=instance,
    )


def plain(status: int, headers: Mapping[str, str] | None = None) -> Response:
    """A problem for a bare status code, in the words of the HTTP standard."""
    phrase = HTTPStatus(status).phrase
    return problem(status, phrase.lower().replace(" ", "-"), phrase, f"{phrase}.", headers=headers)


def _headers(refusal: Refusal) -> dict[str, str] | None:
    match refusal:
        case Unauthenticated():
            return {"WWW-Authenticate": _challenge(refusal)}
        case MissingScope():
            missing = f'error="insufficient_scope", scope="{refusal.scope}"'
            return {"WWW-Authenticate": f'Bearer realm="famedash", {missing}'}
        case Unavailable() | TooMany():
            return {"Retry-After": str(refusal.retry_after_seconds)}
    return None


def _challenge(refusal: Unauthenticated) -> str:
    """RFC 6750, section 3: no error code where no token was sent."""
    if isinstance(refusal, MissingToken):
        return 'Bearer realm="famedash"'
    return f'Bearer realm="famedash", error="invalid_token", error_description="{refusal.detail}"'
