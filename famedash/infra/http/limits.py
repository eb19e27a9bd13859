"""What is refused before any route sees it: a body beyond the bound, U+0000 in an address."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from famedash.infra.errors import Invalid, TooLarge
from famedash.infra.http.problems import from_refusal


class Limits:
    """Pure ASGI. A declared length beyond the bound is refused unread; a chunked body while it is read."""

    def __init__(self, app: ASGIApp, *, max_body_bytes: int) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif "\0" in scope["path"] or b"%00" in scope["query_string"]:
            await from_refusal(Invalid("An address must not contain U+0000."))(scope, receive, send)
        elif _declared(scope) > self._max_body_bytes:
            await from_refusal(too_large(self._max_body_bytes))(scope, receive, send)
        else:
            await self._app(scope, self._counted(receive), send)

    def _counted(self, receive: Receive) -> Receive:
        """Raises an HTTP exception, because FastAPI lets no other through while it reads a body."""
        taken = 0

        async def count() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._max_body_bytes:
                raise HTTPException(413, too_large(self._max_body_bytes).detail)
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
