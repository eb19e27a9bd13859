"""What is refused before any route sees it: a body beyond the bound, U+0000 in an address."""

from collections.abc import Mapping
from types import MappingProxyType

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from famedash.infra.errors import Invalid, TooLarge
from famedash.infra.http.problems import from_refusal


class Limits:
    """Pure ASGI. A declared length beyond the bound is refused unread; a chunked body while it is read.

    `bound_of` holds the bounds of single paths that have one of their own, such as `/events`.
    """

    def __init__(
        self, app: ASGIApp, *, max_body_bytes: int, bound_of: Mapping[str, int] = MappingProxyType({})
    ) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._bound_of = bound_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif "\0" in scope["path"] or b"%00" in scope["query_string"]:
            await from_refusal(Invalid("An address must not contain U+0000."))(scope, receive, send)
        else:
            bound = self._bound_of.get(scope["path"], self._max_body_bytes)
            if _declared(scope) > bound:
                await from_refusal(too_large(bound))(scope, receive, send)
            else:
                await self._app(scope, _counted(receive, bound), send)


def _counted(receive: Receive, bound: int) -> Receive:
    """Raises an HTTP exception, because FastAPI lets no other through while it reads a body."""
    taken = 0

    async def count() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > bound:
            raise HTTPException(413, too_large(bound).detail)
        return message

    return count


def too_large(max_body_bytes: int) -> TooLarge:
    return TooLarge(f"A body may have at most {max_body_bytes:,} bytes: send less at a time.")


def _declared(scope: Scope) -> int:
    """Content-Length, which the server's parser has checked; 0 where there is none."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value)
    return 0
