"""One POST to a receiver: bounded in time and in bytes, redirects not followed, nothing raised.

It says what came back; it decides nothing and writes nothing.
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
from urllib.parse import SplitResult, quote, unquote, urlsplit

import structlog

from famedash.webhooks.addresses import Forbidden, Lookup, Networks, Place, look_up, place_of
from famedash.webhooks.connection import Connection, NoUsableAnswer
from famedash.webhooks.lookups import Lookups
from famedash.webhooks.model import Answer, NoAnswer, Reply

log = structlog.get_logger()

MOST_ADDRESSES = 4
"""Of a name that are tried, each for its share of the time."""
MOST_PLACES = 1000
"""URLs with connections at rest, above which those that were forgotten are looked for."""


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
        self._lookups = Lookups(allowed, lookup)
        self._tls = ssl.create_default_context()
        self._resting: dict[str, deque[Connection]] = {}

    async def post(self, url: str, body: bytes, headers: dict[str, str], *, workspace: str) -> Reply:
        """POST once, for a workspace. The time-out covers name, connection, TLS, head and body together."""
        began = time.monotonic()
        try:
            target = _target(url)
            connection = self._rested(url) or await self._open(target.place, workspace)
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
        self._lookups.close()
        for connections in self._resting.values():
            for connection in connections:
                connection.abort()

    def _forget_idle(self) -> None:
        """URLs nobody posts to any more; a connection that rested for `REST_SECONDS` is closed."""
        for url, resting in list(self._resting.items()):
            if not any(connection.is_reusable for connection in resting):
                del self._resting[url]

    def _rested(self, url: str) -> Connection | None:
        """The connection used last, if there is one that still stands."""
        resting = self._resting.get(url)
        while resting:
            connection = resting.pop()
            if connection.is_reusable:
                return connection
        return None

    async def _open(self, place: Place, workspace: str) -> Connection:
        """To the first of the place's addresses that takes it; TLS is about its name."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._timeout_seconds
        try:
            async with asyncio.timeout_at(until):
                addresses = (await self._lookups.addresses(place, workspace))[:MOST_ADDRESSES]
                for left in range(len(addresses), 0, -1):
                    share = (until - loop.time()) / left if left > 1 else None
                    if connection := await self._connect(addresses[-left], place, share):
                        return connection
        except TimeoutError:
            raise NoUsableAnswer("timeout") from None
        except (OSError, ValueError):
            raise NoUsableAnswer("connect") from None
        raise NoUsableAnswer("connect")

    async def _connect(self, address: str, place: Place, seconds: float | None) -> Connection | None:
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
