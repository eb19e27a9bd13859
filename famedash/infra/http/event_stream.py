"""Server-sent events as an answer: opened when it begins, closed when it ends or the client is gone."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

MEDIA_TYPE = "text/event-stream"

_headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

OpenStream = Callable[[], AbstractAsyncContextManager[AsyncIterator[bytes]]]


class EventStream(Response):
    """Sends what `opened` gives until it ends or the client leaves; a refusal to open is answered as one."""

    def __init__(self, opened: OpenStream) -> None:
        super().__init__(media_type=MEDIA_TYPE)
        self._opened = opened

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._opened() as events:
            await StreamingResponse(events, headers=_headers, media_type=MEDIA_TYPE)(scope, receive, send)
