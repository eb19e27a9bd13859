"""A customer's system in small: takes webhooks at `/campaign`, verifies them, shows them, fails when told to.

It keeps what it received in memory and knows nothing of the sender but the shared secret.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from famedash.receiver import Refused, verify

KEPT = 1000


class Behaviour(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """How to answer: the first tries of each event get `answers` in turn, every later one gets `then`.

    `secrets`: of further endpoints that point here, whose deliveries shall verify too.
    """

    answers: list[int] = []
    then: int = 200
    delay_seconds: float = 0.0
    retry_after_seconds: int | None = None
    secrets: list[str] = []


class Received(msgspec.Struct, rename="camel"):
    """One POST as it came in. `refused`: why it did not verify."""

    webhook_id: str
    received_at: float
    attempt: int
    verified: bool
    refused: str | None
    answered: int
    event: msgspec.Raw


@dataclass
class Receiver:
    secret: str
    behaviour: Behaviour = field(default_factory=Behaviour)
    received: deque[Received] = field(default_factory=lambda: deque(maxlen=KEPT))
    tries: Counter[str] = field(default_factory=Counter)

    async def take(self, request: Request) -> Response:
        """A webhook: 401 when its signature does not verify, else what the behaviour says."""
        body = await request.body()
        webhook_id = request.headers.get("webhook-id", "")
        self.tries[webhook_id] += 1
        attempt, refused = self.tries[webhook_id], self._refused(request.headers, body)
        status = 401 if refused else self._status(attempt)
        self.received.append(
            Received(webhook_id, time.time(), attempt, refused is None, refused, status, _as_json(body))
        )
        if self.behaviour.delay_seconds:
            await asyncio.sleep(self.behaviour.delay_seconds)
        retry_after = self.behaviour.retry_after_seconds
        headers = {"Retry-After": str(retry_after)} if retry_after is not None and status >= 400 else {}
        return Response(f"practice receiver: {status}\n", status, headers)

    async def show(self, request: Request) -> Response:
        """What was received, newest first."""
        return _json({"behaviour": self.behaviour, "received": list(reversed(self.received))})

    async def forget(self, request: Request) -> Response:
        self.received.clear()
        self.tries.clear()
        return Response(status_code=204)

    async def behave(self, request: Request) -> Response:
        """Take a new behaviour, such as `{"answers": [503, 503]}`; `{}` is well-behaved again."""
        try:
            behaviour = msgspec.json.decode(await request.body() or b"{}", type=Behaviour)
        except msgspec.MsgspecError as reason:
            return _json({"detail": f'{reason}. Example: {{"answers": [503, 503], "then": 200}}'}, 422)
        if not all(200 <= status <= 599 for status in (*behaviour.answers, behaviour.then)):
            return _json({"detail": "answers and then are HTTP status codes, 200 to 599"}, 422)
        if wrong := self._wrong(behaviour.secrets):
            return _json({"detail": f"secrets: {wrong}"}, 422)
        self.behaviour = behaviour
        self.tries.clear()
        return _json(behaviour)

    def _status(self, attempt: int) -> int:
        answers = self.behaviour.answers
        return answers[attempt - 1] if attempt <= len(answers) else self.behaviour.then

    def _wrong(self, secrets: list[str]) -> str | None:
        """What is wrong with these."""
        try:
            verify([self.secret, *secrets], {}, b"")
        except Refused:
            return None
        except ValueError as reason:
            return str(reason)
        return None

    def _refused(self, headers: Mapping[str, str], body: bytes) -> str | None:
        try:
            verify([self.secret, *self.behaviour.secrets], headers, body)
        except Refused as reason:
            return str(reason)
        return None


def create_app(secret: str) -> Starlette:
    """`POST /campaign` takes webhooks, `/received` shows and forgets them, `PUT /behaviour` teaches."""
    receiver = Receiver(secret)
    app = Starlette(
        routes=[
            Route("/campaign", receiver.take, methods=["POST"]),
            Route("/received", receiver.show, methods=["GET"]),
            Route("/received", receiver.forget, methods=["DELETE"]),
            Route("/behaviour", receiver.behave, methods=["PUT"]),
        ]
    )
    app.state.receiver = receiver
    return app


def _as_json(body: bytes) -> msgspec.Raw:
    try:
        msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return msgspec.Raw(b"null")
    return msgspec.Raw(body)


def _json(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")
