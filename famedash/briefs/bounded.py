"""A transport for HTTP that stops reading an answer that does not end.

It asks for answers that are not packed, and takes no others: a few packed kilobytes can hold gigabytes.
"""

from collections.abc import AsyncIterator

import httpx2

MOST_BYTES = 2_000_000
PLAIN = "identity"


class Bounded(httpx2.AsyncBaseTransport):
    """Raises `httpx2.ReadError` for a packed answer, and at the first byte beyond the bound.

    The connection is closed then.
    """

    def __init__(self, inner: httpx2.AsyncBaseTransport, most_bytes: int = MOST_BYTES) -> None:
        self._inner = inner
        self._most_bytes = most_bytes

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        request.headers["Accept-Encoding"] = PLAIN
        response = await self._inner.handle_async_request(request)
        if response.headers.get("Content-Encoding", PLAIN).strip().lower() not in ("", PLAIN):
            await response.aclose()
            raise httpx2.ReadError("The answer is packed, though that was not asked for.")
        response.stream = _Counted(response.stream, self._most_bytes)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Counted(httpx2.AsyncByteStream):
    def __init__(self, stream: object, most_bytes: int) -> None:
        assert isinstance(stream, httpx2.AsyncByteStream)  # noqa: S101 - of an async transport
        self._stream = stream
        self._left = most_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for block in self._stream:
            self._left -= len(block)
            if self._left < 0:
                raise httpx2.ReadError("The answer does not end.")
            yield block

    async def aclose(self) -> None:
        await self._stream.aclose()
