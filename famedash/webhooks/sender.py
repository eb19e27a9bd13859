"""One POST to a receiver: bounded in time and in bytes, redirects not followed, nothing raised.

It says what came back; it decides nothing and writes nothing.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime

import aiohttp

from famedash.webhooks.model import Answer, NoAnswer, Reply

READ_BYTES = 64 * 1024
KEPT_BYTES = 1024


class Sender:
    """A pool of kept-alive connections; the caps are the lanes' business."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> Reply:
        """POST once. The session's total time-out covers connect, TLS, head and body."""
        began = time.monotonic()
        try:
            async with self.session.post(url, data=body, headers=headers, allow_redirects=False) as response:
                excerpt = await _read(response)
                return Answer(
                    response.status,
                    _retry_after_seconds(response.headers.get("Retry-After")),
                    excerpt,
                    _milliseconds_since(began),
                )
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as failure:
            return NoAnswer(_error_class(failure), _milliseconds_since(began))


@asynccontextmanager
async def open_sender(*, timeout_seconds: float) -> AsyncIterator[Sender]:
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=10),
        timeout=aiohttp.ClientTimeout(total=timeout_seconds),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": "FameDash", "Content-Type": "application/json", "Accept-Encoding": "identity"},
        auto_decompress=False,
    ) as session:
        yield Sender(session)


async def _read(response: aiohttp.ClientResponse) -> str:
    """At most 64 KiB are read, so that the connection can be used again; a longer body costs it."""
    kept = b""
    total = 0
    async for chunk in response.content.iter_any():
        kept = (kept + chunk)[:KEPT_BYTES] if len(kept) < KEPT_BYTES else kept
        total += len(chunk)
        if total >= READ_BYTES:
            response.close()
            break
    return kept.decode("utf-8", "replace").replace("\0", "\ufffd")


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


def _error_class(failure: Exception) -> str:
    match failure:
        case asyncio.TimeoutError():
            return "timeout"
        case aiohttp.ClientSSLError():
            return "tls"
        case aiohttp.ClientConnectorError():
            return "connect"
        case aiohttp.ServerDisconnectedError() | ConnectionError() | aiohttp.ClientOSError():
            return "reset"
        case _:
            return "protocol"


def _milliseconds_since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
