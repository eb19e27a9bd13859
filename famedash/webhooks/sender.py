"""One POST to a receiver: bounded in time and in bytes, redirects not followed, nothing raised.

It says what came back; it decides nothing and writes nothing. HTTP/1.1 of our own on httptools, because
sending is most of what a delivery costs: 17 us a POST, aiohttp 90 (docs/benchmarks.md).
"""

import asyncio
import base64
import re
import ssl
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import cast
from urllib.parse import SplitResult, quote, unquote, urlsplit

import httptools
import structlog

from famedash.webhooks.addresses import Forbidden, Lookup, Networks, Place, look_up, place_of, resolve
from famedash.webhooks.model import Answer, NoAnswer, Reply

log = structlog.get_logger()

READ_BYTES = 64 * 1024
KEPT_BYTES = 1024
REST_SECONDS = 4.0
"""A kept connection that nobody used for so long is closed: many servers close theirs after 5 s."""
MOST_ADDRESSES = 4
"""Of a name that are tried, each for its share of the time."""
MOST_PLACES = 1000
"""URLs with connections at rest, above which those that were forgotten are looked for."""


class NoUsableAnswer(Exception):
    """The text is the error class."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads, and the head that every request to it begins with."""

    place: Place
    head: bytes


class Sender:
    """A pool of kept-alive connections for each URL; the caps are the lanes' business.

    Every new connection goes to an address that was just checked (`addresses.resolve`): a name that leads
    elsewhere by now is judged by where it leads now.
    """

    def __init__(self, *, timeout_seconds: float, allowed: Networks = (), lookup: Lookup = look_up) -> None:
        self._timeout_seconds = timeout_seconds
        self._allowed = allowed
        self._lookup = lookup
        self._looking: dict[Place, asyncio.Future[list[str]]] = {}
        self._tls = ssl.create_default_context()
        self._resting: dict[str, deque[Connection]] = {}

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> Reply:
        """POST once. The time-out covers name, connection, TLS, head and body together."""
        began = time.monotonic()
        try:
            target = _target(url)
            connection = self._rested(url) or await self._open(target.place)
            left = began + self._timeout_seconds - time.monotonic()
            status, retry_after, excerpt = await connection.exchange(_request(target, body, headers), left)
        except NoUsableAnswer as failure:
            return NoAnswer(str(failure), _milliseconds_since(began))
        except Forbidden as refusal:
            fields = {"host": _host_of(url), "address": refusal.address, "reason": str(refusal)}
            log.warning("webhook.forbidden_address", **fields)
            return NoAnswer("forbidden", _milliseconds_since(began))
        if connection.is_reusable:
            connection.rest()
            self._resting.setdefault(url, deque()).append(connection)
            if len(self._resting) > MOST_PLACES:
                self._forget_idle()
        return Answer(status, _retry_after_seconds(retry_after), excerpt, _milliseconds_since(began))

    def close(self) -> None:
        for looking in self._looking.values():
            looking.cancel()
        for connections in self._resting.values():
            for connection in connections:
                connection.abort()

    def _forget_idle(self) -> None:
        """URLs nobody posts to any more; a connection that rested for `REST_SECONDS` is closed."""
        for url, resting in list(self._resting.items()):
            if not any(connection.is_reusable for connection in resting):
                del self._resting[url]

    def _rested(self, url: str) -> "Connection | None":
        """The connection used last, if there is one that still stands."""
        resting = self._resting.get(url)
        while resting:
            connection = resting.pop()
            if connection.is_reusable:
                return connection
        return None

    async def _open(self, place: Place) -> "Connection":
        """To the first of the place's addresses that takes it; TLS is about its name."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._timeout_seconds
        try:
            async with asyncio.timeout_at(until):
                addresses = (await self._addresses(place))[:MOST_ADDRESSES]
                for left in range(len(addresses), 0, -1):
                    share = (until - loop.time()) / left if left > 1 else None
                    if connection := await self._connect(addresses[-left], place, share):
                        return connection
        except TimeoutError:
            raise NoUsableAnswer("timeout") from None
        except (OSError, ValueError):
            raise NoUsableAnswer("connect") from None
        raise NoUsableAnswer("connect")

    async def _connect(self, address: str, place: Place, seconds: float | None) -> "Connection | None":
        """None where nobody answers in time, so that the next address may."""
        loop, tls = asyncio.get_running_loop(), self._tls if place.tls else None
        name = place.host if place.tls else None
        try:
            async with asyncio.timeout(seconds):
                _, connection = await loop.create_connection(
                    Connection, address, place.port, ssl=tls, server_hostname=name
                )
        except ssl.SSLError:
            raise NoUsableAnswer("tls") from None
        except OSError:  # TimeoutError is one
            return None
        return connection

    async def _addresses(self, place: Place) -> list[str]:
        """One look-up of a place at a time: a slow name server holds one thread, however many tries wait."""
        looking = self._looking.get(place)
        if looking is None:
            found = resolve(place.host, place.port, self._allowed, tls=place.tls, lookup=self._lookup)
            looking = self._looking[place] = asyncio.ensure_future(found)
            looking.add_done_callback(lambda done: self._looked_up(place, done))
        return await asyncio.shield(looking)

    def _looked_up(self, place: Place, looking: asyncio.Future[list[str]]) -> None:
        del self._looking[place]
        if not looking.cancelled():
            looking.exception()  # noted, should nobody have waited so long


Received = tuple[int, str | None, str]
"""Status, Retry-After, excerpt."""


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


@asynccontextmanager
async def open_sender(
    *, timeout_seconds: float, allowed: Networks = (), lookup: Lookup = look_up
) -> AsyncIterator[Sender]:
    sender = Sender(timeout_seconds=timeout_seconds, allowed=allowed, lookup=lookup)
    try:
        yield sender
    finally:
        sender.close()


@lru_cache(maxsize=1024)
def _target(url: str) -> Target:
    """Raises `Forbidden` for an address that cannot be used."""
    place = place_of(url)
    return Target(place, _head(urlsplit(url), place.host).encode())


def _host_of(url: str) -> str | None:
    """For the log, where a URL must not stand: it may hold a secret."""
    with suppress(ValueError):
        return urlsplit(url).hostname
    return None


def _head(parts: SplitResult, host: str) -> str:
    """All but the lines that differ from POST to POST."""
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    name = f"[{host}]" if ":" in host else host
    lines = [
        f"POST {quote(path, safe=_AS_THEY_ARE)} HTTP/1.1",
        f"Host: {name}:{parts.port}" if parts.port else f"Host: {name}",
        "User-Agent: FameDash",
        "Accept: */*",
        "Accept-Encoding: identity",
        "Content-Type: application/json",
    ]
    if parts.username is not None:
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        lines.append(f"Authorization: Basic {base64.b64encode(user.encode()).decode()}")
    return "\r\n".join(lines) + "\r\n"


_AS_THEY_ARE = "/?%:@!$&'()*+,;=~-._"


def _request(target: Target, body: bytes, headers: dict[str, str]) -> bytes:
    own = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    return b"%b%bContent-Length: %d\r\n\r\n%b" % (target.head, own.encode("latin-1"), len(body), body)


def _retry_after_seconds(value: str | None) -> float | None:
    """Seconds, or an HTTP date (RFC 9110 10.2.3); anything else is as if it were not there."""
    if value is None:
        return None
    if re.fullmatch("[0-9]{1,9}", value.strip()):
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _milliseconds_since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
