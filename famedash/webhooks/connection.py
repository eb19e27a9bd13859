"""One connection to a receiver: one exchange at a time, bounded in time and in bytes.

HTTP/1.1 of our own on httptools, because sending is most of what a delivery costs: 17 us a POST, aiohttp 90
(docs/benchmarks.md).
"""

import asyncio
from typing import cast

import httptools

READ_BYTES = 64 * 1024
KEPT_BYTES = 1024
REST_SECONDS = 4.0
"""A kept connection that nobody used for so long is closed: many servers close theirs after 5 s."""

Received = tuple[int, str | None, str]
"""Status, Retry-After, excerpt."""


class NoUsableAnswer(Exception):
    """The text is the error class."""


class Connection(asyncio.Protocol):
    """One exchange at a time; whatever is not a whole answer to it closes the connection."""

    def __init__(self) -> None:
        self.is_reusable = False
        self._is_lost = False
        self._answer: asyncio.Future[Received] | None = None
        self._rest: asyncio.TimerHandle | None = None

    async def exchange(self, request: bytes, seconds: float) -> Received:
        """Raises `NoUsableAnswer`; then, and when it is called off, the connection is closed."""
        if self._rest:
            self._rest.cancel()
        if self._is_lost:
            raise NoUsableAnswer("reset")
        loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._received, self._kept, self._retry_after = 0, b"", cast("str | None", None)
        self._has_head = self._has_length = self.is_reusable = False
        self._answer = answer = cast("asyncio.Future[Received]", loop.create_future())
        timer = loop.call_later(max(0.0, seconds), self._fail, "timeout")
        self._transport.write(request)
        try:
            return await answer
        finally:
            timer.cancel()
            self._answer = None
            if not self.is_reusable:
                self.abort()

    def rest(self) -> None:
        self._rest = asyncio.get_running_loop().call_later(REST_SECONDS, self.abort)

    def abort(self) -> None:
        self.is_reusable = False
        self._transport.abort()

    # --- called by the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass of asyncio's

    def data_received(self, data: bytes) -> None:
        if self._answer is None:
            self.abort()  # nobody asked
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.is_reusable = False
            self._fail("protocol")
        if self._received >= READ_BYTES:
            self._finish() if self._has_head else self._fail("protocol")

    def connection_lost(self, reason: Exception | None) -> None:
        self.is_reusable, self._is_lost = False, True
        if self._answer and self._has_head and not self._has_length and reason is None:
            self._finish()  # the end of the connection is the end of the body
        else:
            self._fail("reset")

    # --- called by the parser

    def on_message_begin(self) -> None:
        self.is_reusable = False  # a second message: nobody asked

    def on_header(self, name: bytes, value: bytes) -> None:
        match name.lower():
            case b"retry-after":
                self._retry_after = value.decode("latin-1")
            case b"content-length" | b"transfer-encoding":
                self._has_length = True

    def on_headers_complete(self) -> None:
        self._has_head = self._parser.get_status_code() >= 200  # 1xx: the answer is still to come

    def on_body(self, piece: bytes) -> None:
        if len(self._kept) < KEPT_BYTES:
            self._kept = (self._kept + piece)[:KEPT_BYTES]

    def on_message_complete(self) -> None:
        if self._has_head:
            self.is_reusable = self._parser.should_keep_alive()
            self._finish()

    def _finish(self) -> None:
        if self._answer and not self._answer.done():
            excerpt = self._kept.decode("utf-8", "replace").replace("\0", "\ufffd")
            self._answer.set_result((self._parser.get_status_code(), self._retry_after, excerpt))

    def _fail(self, error_class: str) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_exception(NoUsableAnswer(error_class))
