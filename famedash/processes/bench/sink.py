"""A receiver that is not the bottleneck: takes POSTs, answers 200, remembers the id and time of each.

`python -m famedash.processes.bench.sink` prints its port and runs until its standard input closes.
`GET /count` answers how many there were, `GET /seen` a line `id seconds` for each (the monotonic clock).
"""

import asyncio
import sys
import time
from typing import cast

import uvloop

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Sink(asyncio.Protocol):
    """Reads no more of a request than its length and its id; no body here is worth a parser."""

    def __init__(self, seen: list[tuple[bytes, float]]) -> None:
        self._seen = seen
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
        if head.startswith(b"post "):
            self._seen.append((_value(head, b"\r\nwebhook-id:"), time.monotonic()))
            self._transport.write(ANSWER)
        else:
            body = self._seen_lines() if b"/seen" in head else str(len(self._seen)).encode()
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    def _seen_lines(self) -> bytes:
        return b"\n".join(b"%b %.6f" % each for each in self._seen)


def _value(head: bytes, name: bytes) -> bytes:
    at = head.find(name)
    return head[at + len(name) : head.find(b"\r", at + len(name))].strip() if at >= 0 else b""


async def main() -> None:
    loop = asyncio.get_running_loop()
    seen: list[tuple[bytes, float]] = []
    server = await loop.create_server(lambda: Sink(seen), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    uvloop.run(main())
