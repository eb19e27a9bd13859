"""What every request leaves behind: an id, one log line, two numbers, and an answer even to our own faults.

Pure ASGI and outermost. Query strings are never logged, because they may hold secrets.
"""

import os
from time import perf_counter

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from famedash.infra.database import GONE
from famedash.infra.errors import Postponed, Unavailable
from famedash.infra.http.problems import crashed, from_refusal
from famedash.infra.http.traffic import note
from famedash.infra.logging import REQUEST
from famedash.infra.sealing import Unsealable

CLIENT_GONE = 499
"""nginx's code for a caller who left before the answer."""

_log = structlog.get_logger()


class Watch:
    """Logs success at debug and refusals at info; a fault once, with its traceback, at error."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = os.urandom(8).hex()
        REQUEST.set(request)
        began = perf_counter()
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message["headers"], (b"x-request-id", request.encode())]}
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except ClientDisconnect:
            pass
        except Exception as error:
            answer = _answer(error, request)
            if not status:
                await answer(scope, receive, sending)
        finally:
            _leave(scope, status or CLIENT_GONE, perf_counter() - began)


def _answer(error: Exception, request: str) -> ASGIApp:
    """503 when a server of ours is away, else 500; logged here, and only here."""
    if isinstance(error, Unsealable):
        _log.error("http.unsealable", error=str(error))
        return from_refusal(Unavailable(str(error)))
    if _is_away(error):
        _log.warning("http.server_away", error=repr(error))
        return from_refusal(Unavailable("A server that we need does not answer: try again in a moment."))
    _log.error("http.request_failed", exc_info=error)
    return crashed(f"/requests/{request}")


def _is_away(error: Exception) -> bool:
    """asyncpg calls a value that it cannot encode an `InterfaceError` too: that is a fault of ours."""
    return isinstance(error, (*GONE, Postponed)) and not isinstance(error, ValueError)


def _leave(scope: Scope, status: int, seconds: float) -> None:
    note(scope, status, seconds)
    say = _log.debug if status < 400 else _log.info
    say(
        "http.request",
        method=scope["method"],
        path=scope["path"],
        status=status,
        milliseconds=round(seconds * 1000, 2),
    )
