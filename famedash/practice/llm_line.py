"""A request as the practice provider remembers it, and the way back to its client, which can also break."""

import asyncio
import os
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from starlette.types import Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from famedash.practice.llm_requests import Json

CONNECTION = "famedash.connection"


@dataclass
class Asked:
    """One request as it came. `at`: seconds of the monotonic clock. `body` is None where it was no JSON.

    `status`: None until something was answered; `answered`: to the end that was meant, so also after a reset;
    `left`: the client went away before that.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    at: float
    status: int | None = None
    answered: bool = False
    left: bool = False

    @property
    def tools(self) -> list[str]:
        """The names of the tools that were offered."""
        return [tool["function"]["name"] for tool in self.body.get("tools") or ()]

    @property
    def messages(self) -> list[Json]:
        return list(self.body["messages"])

    @property
    def results(self) -> dict[str, str]:
        """What tools have answered so far: tool call id -> content."""
        return {m["tool_call_id"]: str(m["content"]) for m in self.messages if m["role"] == "tool"}


@dataclass
class Line:
    """Sends one answer. `broken`: we ended the connection before the answer's end."""

    scope: Scope
    send: Send
    asked: Asked
    broken: bool = False

    async def whole(self, body: bytes, media_type: str, *, status: int = 200, **headers: str) -> None:
        """`headers` with `_` for `-`."""
        more = {name.replace("_", "-"): text for name, text in headers.items()}
        await self._start(status, {"content-type": media_type, "content-length": f"{len(body)}"} | more)
        await self._end(body)

    async def parts(self, content: Iterable[bytes], media_type: str, *, pause: float = 0.0) -> None:
        """Without a length, with a pause of so many seconds behind each part."""
        await self._start(200, {"content-type": media_type})
        for part in content:
            await self._send(part)
            await asyncio.sleep(pause)
        await self._end(b"")

    async def half(self, whole: bytes, media_type: str) -> None:
        """Half of what the headers promise, then the connection's regular end."""
        await self._start(200, {"content-type": media_type, "content-length": f"{len(whole)}"})
        await self._send(whole[: len(whole) // 2])
        self.asked.answered = self.broken = True
        self._transport.close()

    def reset(self) -> None:
        """What a client sees as `connection reset by peer`."""
        self.asked.answered = self.broken = True
        if self._transport.is_closing():
            return
        number = self._transport.get_extra_info("socket").fileno()
        with socket.socket(fileno=os.dup(number)) as same:
            same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    async def _start(self, status: int, headers: dict[str, str]) -> None:
        self.asked.status = status
        raw = [(name.encode(), text.encode()) for name, text in headers.items()]
        await self.send({"type": "http.response.start", "status": status, "headers": raw})

    async def _send(self, part: bytes) -> None:
        await self.send({"type": "http.response.body", "body": part, "more_body": True})

    async def _end(self, last: bytes) -> None:
        await self.send({"type": "http.response.body", "body": last, "more_body": False})
        self.asked.answered = True

    @property
    def _transport(self) -> asyncio.Transport:
        transport: asyncio.Transport = self.scope["extensions"][CONNECTION]["transport"]
        return transport


class Protocol(HttpToolsProtocol):
    """Lets the app reach its connection, which ASGI hides."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {CONNECTION: {"transport": self.transport}}
