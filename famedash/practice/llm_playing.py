"""A step of the script, played over the connection of the request that it is for."""

import asyncio
import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, repeat

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from famedash.practice.llm_behaviour import Behaviour, answer
from famedash.practice.llm_line import Asked, Line
from famedash.practice.llm_requests import Json, error
from famedash.practice.llm_steps import (
    SECRET,
    After,
    Always,
    CutOff,
    Drip,
    Good,
    Hang,
    Huge,
    InvalidJson,
    Reset,
    Said,
    Status,
    Step,
    Text,
    WrongShape,
)
from famedash.practice.llm_wire import completion, encoded, events

JSON, EVENTS = "application/json", "text/event-stream"
PIECE = b"a" * (1 << 16)
INVALID = f'{{"id": {SECRET}, "choices": [{{'
WRONG = json.dumps({"hello": SECRET, "choices": "none"})
KINDS = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


@dataclass(frozen=True, slots=True)
class Content:
    """What a good answer to a request consists of. `fixed`: that, whatever is said (no completion)."""

    asked: Asked
    behaviour: Behaviour
    number: int
    fixed: bytes | None = None

    @property
    def streams(self) -> bool:
        return bool(self.asked.body.get("stream"))

    @property
    def media_type(self) -> str:
        return EVENTS if self.streams else JSON

    def pieces(self, step: Said) -> Iterable[bytes]:
        if self.fixed is not None:
            return [self.fixed]
        said = answer(step, self.asked.body, self.behaviour)
        if self.streams:
            return events(said, self.asked.body, self.number)
        return [encoded(completion(said, self.asked.body, self.number))]

    def whole(self, step: Said) -> bytes:
        return b"".join(self.pieces(step))

    def framed(self, text: str) -> bytes:
        return (f"data: {text}\n\n" if self.streams else text).encode()


class Played(Response):
    """Ends when the step is over, when the client has left, or when `closing` is set."""

    def __init__(self, step: Step, content: Content, closing: asyncio.Event) -> None:
        self._step, self._content, self._closing = step, content, closing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        line = Line(scope, send, self._content.asked)
        delay = self._content.behaviour.delay_seconds
        await self._watched(asyncio.create_task(play(After(delay, self._step), self._content, line)), receive)
        if not (line.asked.answered or line.asked.left):
            line.reset()
        if line.broken:
            await _left(receive)

    async def _watched(self, work: asyncio.Task[None], receive: Receive) -> None:
        leaving, closing = asyncio.create_task(_left(receive)), asyncio.create_task(self._closing.wait())
        try:
            await asyncio.wait({work, leaving, closing}, return_when=asyncio.FIRST_COMPLETED)
            self._content.asked.left = leaving.done() and not self._content.asked.answered
        finally:
            for task in (leaving, closing, work):
                task.cancel()
        with suppress(asyncio.CancelledError):
            await work


async def play(step: Step, content: Content, line: Line) -> None:
    """Answer as the step says; returns when there is nothing more to send, so never for `Hang`."""
    match step:
        case After(seconds, then):
            await asyncio.sleep(seconds)
            await play(then, content, line)
        case Always(then):
            await play(then, content, line)
        case Hang():
            await asyncio.Event().wait()
        case Reset():
            line.reset()
        case CutOff():
            await line.half(content.whole(Good()), content.media_type)
        case Drip(seconds):
            whole = content.whole(Good())
            each = (whole[at : at + 1] for at in range(len(whole)))
            await line.parts(each, content.media_type, pause=seconds)
        case Status():
            await _fail(step, line)
        case InvalidJson():
            await line.whole(content.framed(INVALID), content.media_type)
        case WrongShape():
            await line.whole(content.framed(WRONG), content.media_type)
        case Huge(size_bytes):
            await line.parts(_flood(size_bytes, content), content.media_type)
        case _:
            await _say(step, content, line)


async def _say(step: Said, content: Content, line: Line) -> None:
    if not content.streams:
        await line.whole(content.whole(step), JSON)
        return
    await line.parts(content.pieces(step), EVENTS, pause=content.behaviour.piece_seconds)


async def _fail(step: Status, line: Line) -> None:
    body = encoded(_error(step.code)) if step.body is None else step.body.encode()
    headers = {} if step.retry_after is None else {"retry_after": f"{step.retry_after}"}
    await line.whole(body, JSON, status=step.code, **headers)


def _error(code: int) -> Json:
    kind = KINDS.get(code, "server_error" if code >= 500 else "invalid_request_error")
    return error(f"The practice provider was told to answer {code}.", kind=kind)


def _flood(size_bytes: int | None, content: Content) -> Iterator[bytes]:
    """A completion whose text has so many bytes (rounded up to whole pieces), or does not end."""
    before, _, after = content.whole(Text("@@")).partition(b"@@")
    times = [] if size_bytes is None else [-(-size_bytes // len(PIECE))]
    if not content.streams:
        return chain([before], repeat(PIECE, *times), [after])
    begun, head, opening = before.rpartition(b"data: ")
    closing, _, ended = after.partition(b"\n\n")
    event = head + opening + PIECE + closing + b"\n\n"
    return chain([begun], repeat(event, *times), [ended])


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
