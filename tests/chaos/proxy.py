"""A wire that can be cut, or held, at an exact point of a conversation: a TCP proxy on loopback.

`arm` names what the client must say, in that order on one connection. When the last word passes, it still
reaches the server, but the server's answers no longer reach the client (unless `arm` is told otherwise).
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

_PARSE = re.compile(rb"P....(__asyncpg_\w+__)\0([^\0]+)\0", re.DOTALL)
_BIND = re.compile(rb"B....\0(__asyncpg_\w+__)\0", re.DOTALL)


@dataclass(eq=False)
class _Wire:
    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    heard: int = 0
    asked: bool = False
    muted: bool = False
    ended: bool = False
    kept: bytearray = field(default_factory=bytearray)
    statements: dict[bytes, bytes] = field(default_factory=dict)
    answered: asyncio.Event = field(default_factory=asyncio.Event)


class Proxy:
    """Passes bytes on until it is armed; fires once.

    `by_text`: a prepared statement is heard by its text whenever it runs, not only when it is prepared.
    """

    def __init__(self, target: str, *, by_text: bool = False) -> None:
        self.target = urlsplit(target)
        self.by_text = by_text
        self.fired = asyncio.Event()
        self._words: tuple[bytes, ...] = ()
        self._answer_word = b""
        self._lost = False
        self._late_seconds: float | None = None
        self._strike: Callable[[], None] | None = None
        self._wires: set[_Wire] = set()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """The target's address, through this wire."""
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        credentials = self.target.netloc.rpartition("@")[0]
        return urlunsplit(self.target._replace(netloc=f"{credentials}@127.0.0.1:{port}"))

    def arm(
        self,
        *words: bytes,
        answer: bytes = b"",
        lost: bool = False,
        late_seconds: float | None = None,
        strike: Callable[[], None] | None = None,
    ) -> None:
        """Hold the server's answers from the moment a client has said all `words` on one connection.

        `late_seconds`: lose the client's side at once instead, and let its last words arrive that much later.
        `lost`: close the connection before the last words reach the server. `answer`: let everything pass,
        and fire when the server's answer to the last words, which holds this, has been handed on.
        `strike` is called at that very moment.
        """
        self._words = words
        self._answer_word = answer
        self._lost = lost
        self._late_seconds = late_seconds
        self._strike = strike
        self.fired.clear()
        for wire in self._wires:
            wire.heard, wire.asked = 0, False

    async def cut(self) -> None:
        """Wait for it to fire and for the server's answer, then close that connection without it."""
        await asyncio.wait_for(self.fired.wait(), 20)
        for wire in [wire for wire in self._wires if wire.muted]:
            await asyncio.wait_for(wire.answered.wait(), 10)
            self._close(wire)

    def drop(self) -> None:
        """Close what is held, as a server that died does."""
        for wire in [wire for wire in self._wires if wire.muted]:
            self._close(wire)

    def release(self) -> None:
        """Let held answers through, late, and the server's farewell with them."""
        for wire in [wire for wire in self._wires if wire.muted]:
            wire.muted = False
            wire.client.write(bytes(wire.kept))
            wire.kept.clear()
            if wire.ended:
                self._close(wire)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            up, down = await asyncio.open_connection(self.target.hostname, self.target.port)
        except OSError:
            writer.close()
            return
        wire = _Wire(writer, down)
        self._wires.add(wire)
        await asyncio.gather(self._say(reader, wire), self._answer(up, wire))

    async def _say(self, reader: asyncio.StreamReader, wire: _Wire) -> None:
        while chunk := await _read(reader):
            was_muted = wire.muted
            self._listen(_spelled_out(chunk, wire) if self.by_text else chunk, wire)
            if wire.muted and not was_muted and self._lost:
                break
            if wire.muted and not was_muted and self._late_seconds is not None:
                wire.client.close()
                await asyncio.sleep(self._late_seconds)
            wire.server.write(chunk)
        if self._late_seconds is not None and wire.muted:
            await asyncio.wait_for(wire.answered.wait(), 10)
        self._close(wire)

    async def _answer(self, reader: asyncio.StreamReader, wire: _Wire) -> None:
        while chunk := await _read(reader):
            if wire.muted:
                wire.kept += chunk
                wire.answered.set()
            else:
                wire.client.write(chunk)
                if wire.asked and self._answer_word in chunk and not self.fired.is_set():
                    self._fire()
        wire.ended = True
        if not wire.muted:
            self._close(wire)

    def _listen(self, chunk: bytes, wire: _Wire) -> None:
        start = 0
        if wire.asked:
            wire.heard, wire.asked = 0, False
        while wire.heard < len(self._words) and not self.fired.is_set():
            found = chunk.find(self._words[wire.heard], start)
            if found < 0:
                return
            start = found + len(self._words[wire.heard])
            wire.heard += 1
            if wire.heard == len(self._words):
                wire.asked = bool(self._answer_word)
                wire.muted = not wire.asked
                if wire.muted:
                    self._fire()

    def _fire(self) -> None:
        self.fired.set()
        if self._strike is not None:
            self._strike()

    def _close(self, wire: _Wire) -> None:
        self._wires.discard(wire)
        wire.client.close()
        wire.server.close()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for wire in list(self._wires):
            self._close(wire)


def _spelled_out(chunk: bytes, wire: _Wire) -> bytes:
    """Every prepared statement that runs, followed by its text."""
    wire.statements.update(_PARSE.findall(chunk))
    return _BIND.sub(lambda found: found[0] + wire.statements.get(found[1], b""), chunk)


async def _read(reader: asyncio.StreamReader) -> bytes:
    """Empty at the end, also where the other side died: what it left must be closed, or its locks stay."""
    with suppress(OSError):
        return await reader.read(65536)
    return b""


@asynccontextmanager
async def proxied(target: str, *, by_text: bool = False) -> AsyncIterator[Proxy]:
    proxy = Proxy(target, by_text=by_text)
    await proxy.open()
    try:
        yield proxy
    finally:
        proxy.close()
