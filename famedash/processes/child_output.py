"""What a child prints: read from a pipe of our own, line by line, and printed behind the child's name.

Of our own, because asyncio's `wait()` would also wait for a grandchild that keeps the child's pipe open.
"""

import asyncio
import os
from asyncio import StreamReader, StreamReaderProtocol
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Self

LINE_BYTES = 1 << 20

Say = Callable[[str, str], None]


class Output:
    """One pipe. `writing_end` is for the child, and ours only until `pass_on`."""

    def __init__(self, reader: StreamReader, transport: asyncio.ReadTransport, writing_end: int) -> None:
        self._reader, self._transport, self.writing_end = reader, transport, writing_end
        self._passing_on: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls) -> Self:
        """A new pipe; `close` it whatever happens."""
        reading_end, writing_end = os.pipe()
        reader = StreamReader(limit=LINE_BYTES)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: StreamReaderProtocol(reader), os.fdopen(reading_end, "rb", 0)
        )
        return cls(reader, transport, writing_end)

    def pass_on(self, say: Callable[[str], None]) -> None:
        """Once the child has the writing end: hand on its lines from now on."""
        self._give_up_writing_end()
        self._passing_on = asyncio.create_task(_pass_on(self._reader, say))

    async def close(self, last_words_seconds: float) -> None:
        """Wait so long for what was printed last, then close."""
        self._give_up_writing_end()
        if self._passing_on is not None:
            await asyncio.wait([self._passing_on], timeout=last_words_seconds)
            self._passing_on.cancel()
        self._transport.close()

    def _give_up_writing_end(self) -> None:
        if self.writing_end >= 0:
            os.close(self.writing_end)
            self.writing_end = -1


def say_lines(names: Sequence[str]) -> Say:
    """Prints `name | line`, the names padded to one width. A closed terminal does not stop the children."""
    width = max(map(len, names), default=0)

    def say(name: str, line: str) -> None:
        with suppress(OSError, UnicodeEncodeError):
            print(f"{name:<{width}} | {line}", flush=True)

    return say


async def _pass_on(reader: StreamReader, say: Callable[[str], None]) -> None:
    while True:
        try:
            line = await reader.readline()
        except ValueError:
            say(f"(a line of more than {LINE_BYTES} bytes is left out)")
            continue
        if not line:
            return
        say(line.decode(errors="replace").rstrip())
