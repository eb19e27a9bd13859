"""A load generator that costs little: POSTs on kept-alive connections, one in flight on each.

`python -m famedash.processes.bench.load PORT PATH CONNECTIONS SECONDS TOKEN` takes the body from its standard
input and prints one JSON line: requests per second, median and 99th percentile in ms, how many were answered,
and how many of them not with 2xx. Neither rate nor times count the first second.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from math import nan
from typing import cast
from uuid import uuid4

import httptools
import uvloop

WARM_UP_SECONDS = 1.0


Request = Callable[[int], bytes]
"""The bytes of a connection's nth request."""


class Connection(asyncio.Protocol):
    """Sends the next request when the last one was answered, until `until` (monotonic)."""

    def __init__(self, request: Request, until: float) -> None:
        self.taken: list[tuple[float, float, int]] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._request, self._until = request, until
        self._number = 0
        self._parser = httptools.HttpResponseParser(self)
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass of asyncio's
        self._send()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        now = time.monotonic()
        self.taken.append((now, now - self._sent_at, self._parser.get_status_code()))
        if now < self._until:
            self._parser = httptools.HttpResponseParser(self)
            self._send()
        else:
            self.done.set_result(None)
            self._transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(ConnectionError("the server closed a connection under load"))

    def _send(self) -> None:
        self._number += 1
        self._sent_at = time.monotonic()
        self._transport.write(self._request(self._number))


def post(port: int, path: str, token: str, body: bytes) -> Request:
    """A POST with another idempotency key each time."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"Idempotency-Key: {uuid4().hex}-"
    ).encode()
    return lambda number: head + b"%d\r\n\r\n" % number + body


async def press(port: int, requests: Sequence[Request], seconds: float) -> dict[str, float]:
    """What is printed; one connection for each of `requests`. `answered` counts the first second too."""
    began = time.monotonic()
    until = began + WARM_UP_SECONDS + seconds
    loop = asyncio.get_running_loop()
    opened = [
        await loop.create_connection(partial(Connection, request, until), "127.0.0.1", port)
        for request in requests
    ]
    await asyncio.gather(*(connection.done for _, connection in opened))
    taken = [each for _, connection in opened for each in connection.taken]
    counted = [each for each in taken if began + WARM_UP_SECONDS <= each[0] < until]
    times = sorted(took for _, took, _ in counted) or [nan]
    return {
        "per_second": len(counted) / seconds,
        "p50_ms": times[len(times) // 2] * 1000,
        "p99_ms": times[len(times) * 99 // 100] * 1000,
        "answered": len(taken),
        "failed": sum(not 200 <= status < 300 for _, _, status in taken),
    }


if __name__ == "__main__":
    _, port, path, connections, seconds, token = sys.argv
    body = sys.stdin.buffer.read()
    requests = [post(int(port), path, token, body) for _ in range(int(connections))]
    print(json.dumps(uvloop.run(press(int(port), requests, float(seconds)))))
