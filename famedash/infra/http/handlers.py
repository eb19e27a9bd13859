"""Which answer FastAPI gives to which exception. What is not listed here is a fault: `watch` answers it."""

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from famedash.infra.errors import Malformed, NotFound, Refusal, TooLarge
from famedash.infra.http.problems import from_refusal, plain, problem
from famedash.infra.http.suggestions import methods, near, templates
from famedash.infra.http.validation import refusal_of


def install(app: FastAPI) -> None:
    """Make every expected error of `app` a problem document."""
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _not_valid)
    app.add_exception_handler(HTTPException, _http)


async def _refused(_: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refusal)  # noqa: S101 - Starlette's type of a handler is wider than its use
    return from_refusal(refusal)


async def _not_valid(_: Request, found: Exception) -> Response:
    assert isinstance(found, RequestValidationError)  # noqa: S101
    return from_refusal(refusal_of(found.errors()))


async def _http(request: Request, error: Exception) -> Response:
    """What Starlette and FastAPI raise by themselves."""
    assert isinstance(error, HTTPException)  # noqa: S101
    match error.status_code:
        case 400:
            return from_refusal(Malformed("The body could not be read: send valid JSON in UTF-8."))
        case 404:
            return from_refusal(NotFound(_unknown_path(request)))
        case 405:
            return _not_allowed(request)
        case 413:
            return from_refusal(TooLarge(error.detail))
    return plain(error.status_code, error.headers)


def _unknown_path(request: Request) -> str:
    meant = near(request.url.path, templates(request.app))
    return f"There is no such path: did you mean {meant}?" if meant else "There is no such path: see /docs."


def _not_allowed(request: Request) -> Response:
    allowed = ", ".join(methods(request.app, request.url.path))
    return problem(
        405,
        "method-not-allowed",
        "This cannot be done here",
        f"{request.method} is not possible at this path; possible: {allowed}.",
        headers={"Allow": allowed},
    )
