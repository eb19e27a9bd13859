"""A provider of models in small, over HTTP as OpenAI's API speaks it: checks, answers, fails when told to.

It remembers every request. A `Script` says what becomes of each; when it is over, a capable model answers.
`serving` runs it on a port of its own, where it can also break connections.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from famedash.practice.llm_behaviour import Behaviour
from famedash.practice.llm_line import Asked, Protocol
from famedash.practice.llm_playing import JSON, Content, Played
from famedash.practice.llm_requests import (
    Json,
    Rejected,
    check_chat,
    check_embeddings,
    check_key,
    check_model,
    error,
)
from famedash.practice.llm_steps import Script, Step
from famedash.practice.llm_wire import embeddings, encoded, models

MODEL, EMBEDDING_MODEL = "practice-1", "practice-embedding-1"
KEY = "practice-key"
CHAT, EMBEDDINGS = "/v1/chat/completions", "/v1/embeddings"


class Provider:
    """`url` is set by `serving`, and ends in /v1. `requests` are all that came, also those it refused."""

    def __init__(
        self,
        script: Iterable[Step] = (),
        *,
        behaviour: Behaviour | None = None,
        key: str = KEY,
        model: str = MODEL,
    ) -> None:
        self.behaviour = behaviour or Behaviour()
        self.key, self.model, self.embedding_model = key, model, EMBEDDING_MODEL
        self.url = ""
        self.requests: list[Asked] = []
        self.closing = asyncio.Event()
        self._scripts = {CHAT: Script(script), EMBEDDINGS: Script()}

    @property
    def chats(self) -> list[Asked]:
        """The requests for a completion."""
        return [each for each in self.requests if each.path == CHAT]

    @property
    def steps_left(self) -> int:
        return self._scripts[CHAT].left

    def script(self, *steps: Step) -> None:
        """From now on these steps; what was left of the script before is forgotten."""
        self._scripts[CHAT] = Script(steps)

    def script_embeddings(self, *steps: Step) -> None:
        """The same for requests for embeddings, where a model has nothing to say: `Good` and failures."""
        self._scripts[EMBEDDINGS] = Script(steps)

    async def complete(self, request: Request) -> Response:
        """A completion. A malformed request is refused, and costs no step of the script."""
        asked = await self._record(request)
        check_chat(check_model(asked.body, self.model))
        return self._played(asked)

    async def embed(self, request: Request) -> Response:
        """Unit vectors in which texts with words in common are near each other."""
        asked = await self._record(request)
        body = check_model(asked.body, self.embedding_model)
        return self._played(asked, encoded(embeddings(check_embeddings(body), body)))

    async def list_models(self, request: Request) -> Response:
        asked = await self._record(request)
        asked.status, asked.answered = 200, True
        return _json(models((self.model, self.embedding_model)))

    async def refuse(self, request: Request, reason: Exception) -> Response:
        """An error in OpenAI's form, for what was malformed or leads nowhere."""
        asked: Asked | None = getattr(request.state, "asked", None)
        status, document = _as_error(reason)
        if asked:
            asked.status, asked.answered = status, True
        return _json(document, status)

    def _played(self, asked: Asked, fixed: bytes | None = None) -> Response:
        content = Content(asked, self.behaviour, len(self.requests), fixed)
        return Played(self._scripts[asked.path].next(), content, self.closing)

    async def _record(self, request: Request) -> Asked:
        asked = Asked(request.method, request.url.path, dict(request.headers), None, time.monotonic())
        request.state.asked = asked
        self.requests.append(asked)
        try:
            asked.body = json.loads(await request.body() or b"null")
        except ClientDisconnect:
            asked.left = True
        except ValueError:
            asked.body = None
        check_key(asked.headers.get("authorization", ""), self.key)
        return asked


def create_app(provider: Provider) -> Starlette:
    """`POST /v1/chat/completions`, `POST /v1/embeddings`, `GET /v1/models`."""
    return Starlette(
        routes=[
            Route(CHAT, provider.complete, methods=["POST"]),
            Route(EMBEDDINGS, provider.embed, methods=["POST"]),
            Route("/v1/models", provider.list_models, methods=["GET"]),
        ],
        exception_handlers={Rejected: provider.refuse, HTTPException: provider.refuse},
    )


@asynccontextmanager
async def serving(provider: Provider, *, port: int = 0) -> AsyncIterator[Provider]:
    """On a port of 127.0.0.1, in this loop, for the block's duration; sets `provider.url`."""
    server = _Server(
        uvicorn.Config(
            create_app(provider),
            host="127.0.0.1",
            port=port,
            http=Protocol,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
    )
    task = asyncio.create_task(server.serve())
    while not server.started:
        if task.done():
            raise RuntimeError("the practice provider did not start")
        await asyncio.sleep(0.005)
    provider.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"
    try:
        yield provider
    finally:
        provider.closing.set()
        server.should_exit = True
        await task


class _Server(uvicorn.Server):
    """Leaves signals alone."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _as_error(reason: Exception) -> tuple[int, Json]:
    if isinstance(reason, Rejected):
        return reason.status, reason.as_json()
    status = reason.status_code if isinstance(reason, HTTPException) else 500
    return status, error("Invalid URL.")


def _json(document: Json, status: int = 200) -> Response:
    return Response(encoded(document), status, media_type=JSON)
