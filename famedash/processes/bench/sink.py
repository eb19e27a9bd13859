"""A receiver that is not the bottleneck: takes POSTs, answers 200, remembers id, time and path of each.

`python -m famedash.processes.bench.sink` prints its port and runs until its standard input closes.
`GET /count` answers how many there were (`/count/PATH`: to this path), `GET /seen` a line `id seconds path`
for each (the monotonic clock). After `GET /hang/PATH` that path is taken and never answered, until
`GET /answer`.
"""

import asyncio
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import cast

import uvloop

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class Received:
    """`held` are the connections that wait for an answer."""

    seen: list[tuple[bytes, float, bytes]] = field(default_factory=list)
    counts: Counter[bytes] = field(default_factory=Counter)
    hanging: set[bytes] = field(default_factory=set)
    held: list[asyncio.Transport] = field(default_factory=list)

    def shown(self, what: bytes, path: bytes) -> bytes:
        match what:
            case b"seen":
                return b"\n".join(b"%b %.6f %b" % each for each in self.seen)
            case b"count":
                return b"%d" % (self.counts[path] if path else len(self.seen))
            case b"hang":
                self.hanging.add(path)
            case b"answer":
                self._let_go()
        return b""

    def _let_go(self) -> None:
        self.hanging.clear()
        for transport in self.held:
            if not transport.is_closing():
                transport.write(ANSWER)
        self.held.clear()


class Sink(asyncio.Protocol):
    """Reads no more of a request than its path, length and id; no body here is worth a parser."""

    def __init__(self, received: Received) -> None:
        self._received = received
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass of asyncio's

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower() + b"\r\n"
            after = end + 4 + int(_value(head, b"\r\ncontent-length:") or 0)
            if len(self._buffer) < after:
                return
            self._buffer = self._buffer[after:]
            self._answer(head)

    def _answer(self, head: bytes) -> None:
        assert self._transport is not None  # noqa: S101
        method, path, _ = head.split(b" ", 2)
        if method == b"post":
            self._take(self._transport, _value(head, b"\r\nwebhook-id:"), path)
        else:
            what, _, of = path[1:].partition(b"/")
            body = self._received.shown(what, of and b"/" + of)
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    def _take(self, transport: asyncio.Transport, event_id: bytes, path: bytes) -> None:
        received = self._received
        received.seen.append((event_id, time.monotonic(), path))
        received.counts[path] += 1
        if path in received.hanging:
            received.held.append(transport)
        else:
            transport.write(ANSWER)


def _value(head: bytes, name: bytes) -> bytes:
    at = head.find(name)
    return head[at + len(name) : head.find(b"\r", at + len(name))].strip() if at >= 0 else b""


async def main() -> None:
    loop = asyncio.get_running_loop()
    received = Received()
    server = await loop.create_server(lambda: Sink(received), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    uvloop.run(main())
