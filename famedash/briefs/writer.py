"""The one door to language models: any OpenAI-compatible server, through pydantic-ai.

All retrying happens here, in one layer and within the budget of the brief. What a provider says in an error
is logged by its kind only, and never passed on.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx2
import structlog
from openai import AsyncOpenAI
from pydantic_ai.direct import model_request, model_request_stream
from pydantic_ai.exceptions import (
    ContentFilterError,
    ModelAPIError,
    ModelConnectionError,
    ModelHTTPError,
    ModelQuotaExceededError,
    ModelRateLimitError,
    ModelRequestRejectedError,
    ModelRequestTimeout,
    ModelServerError,
    ModelTimeoutError,
    ModelUnavailableError,
    UnexpectedModelBehavior,
)
from pydantic_ai.messages import (
    ModelMessage,
    ModelResponse,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
)
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.profiles.openai import OpenAIModelProfile
from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider
from pydantic_ai.settings import ModelSettings

from famedash.briefs.bounded import Bounded
from famedash.briefs.emulated import EmulatedCalls
from famedash.briefs.patience import Failed, Trouble, pause, refusal
from famedash.briefs.settings import Calling, ModelServer, Shape

MOST_TOKENS = 4000
"""Of one answer, thoughts of a reasoning model included."""
_PASSING_STATUS = frozenset({408, 409, 425, 429})
_MISREAD = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
"""What the library raises, beside its own errors, on an answer that is no completion."""

log = structlog.get_logger()

OnText = Callable[[str], None]
"""Told what of the answer has come so far, each time more of it comes."""


@dataclass
class Spent:
    """What one brief has cost so far."""

    input_tokens: int = 0
    output_tokens: int = 0
    requests: int = 0
    attempts: int = 0


@dataclass
class Writer:
    """A model for one brief, with its budget. `ask` is one request, however many attempts it takes."""

    model: Model
    attempts: int
    timeout_seconds: float
    deadline: float
    """time.monotonic() at which the brief has to be there."""
    gate: asyncio.Semaphore | None = None
    counts_tokens: bool = True
    repetition_penalty: float = 0.0
    spent: Spent = field(default_factory=Spent)

    async def ask(
        self,
        messages: Sequence[ModelMessage],
        parameters: ModelRequestParameters,
        settings: ModelSettings,
        on_text: OnText | None = None,
    ) -> ModelResponse:
        """The model's answer. Raises the refusal that the client is to get."""
        attempt = 0
        while True:
            attempt += 1
            outcome = await self._attempt(messages, parameters, settings, on_text)
            if isinstance(outcome, ModelResponse):
                return self._count(outcome)
            luck = random.random()  # noqa: S311
            wait = pause(outcome, attempt, attempts=self.attempts, left_seconds=self._left, luck=luck)
            log.warning("brief.attempt_failed", attempt=attempt, trouble=outcome.trouble, wait_seconds=wait)
            if wait is None:
                raise refusal(outcome)
            await asyncio.sleep(wait)

    async def _attempt(
        self,
        messages: Sequence[ModelMessage],
        parameters: ModelRequestParameters,
        settings: ModelSettings,
        on_text: OnText | None,
    ) -> ModelResponse | Failed:
        self.spent.attempts += 1
        try:
            async with _through(self.gate, self._left):
                answer = await self._answer(messages, parameters, settings, on_text)
        except _Crowded:
            return Failed(Trouble.BUSY)
        except TimeoutError:
            return Failed(Trouble.TIMEOUT)
        except (ModelAPIError, UnexpectedModelBehavior, httpx2.HTTPError, *_MISREAD) as error:
            return _judged(error)
        return Failed(Trouble.DECLINED) if _declined(answer) else answer

    @property
    def _left(self) -> float:
        return self.deadline - time.monotonic()

    async def _answer(
        self,
        messages: Sequence[ModelMessage],
        parameters: ModelRequestParameters,
        settings: ModelSettings,
        on_text: OnText | None,
    ) -> ModelResponse:
        async with asyncio.timeout(min(self.timeout_seconds, self._left)):
            if on_text is not None:
                return await self._streamed(messages, parameters, settings, on_text)
            return await model_request(
                self.model, messages, model_settings=settings, model_request_parameters=parameters
            )

    async def _streamed(
        self,
        messages: Sequence[ModelMessage],
        parameters: ModelRequestParameters,
        settings: ModelSettings,
        on_text: OnText,
    ) -> ModelResponse:
        text = ""
        async with model_request_stream(
            self.model, messages, model_settings=settings, model_request_parameters=parameters
        ) as stream:
            async for event in stream:
                match event:
                    case PartStartEvent(part=TextPart(content=more)):
                        text += more
                    case PartDeltaEvent(delta=TextPartDelta(content_delta=more)):
                        text += more
                    case _:
                        continue
                on_text(text)
        return stream.get()

    def _count(self, answer: ModelResponse) -> ModelResponse:
        self.spent.requests += 1
        if self.counts_tokens:
            self.spent.input_tokens += answer.usage.input_tokens
            self.spent.output_tokens += answer.usage.output_tokens
        return answer


@asynccontextmanager
async def open_model(server: ModelServer) -> AsyncIterator[Model]:
    """The model of this server; its connections close with it."""
    transport = Bounded(
        httpx2.AsyncHTTPTransport(limits=httpx2.Limits(max_connections=4 * server.most_at_once))
    )
    async with httpx2.AsyncClient(
        transport=transport, timeout=httpx2.Timeout(server.timeout_seconds)
    ) as http:
        client = AsyncOpenAI(
            base_url=server.base_url, api_key=server.api_key or "none", http_client=http, max_retries=0
        )
        provider = OpenAICompatibleProvider("model-server", openai_client=client)
        model: Model = OpenAIChatModel(server.model, provider=provider, profile=_profile(server))
        yield EmulatedCalls(model) if server.calling is Calling.EMULATED else model


def _profile(server: ModelServer) -> OpenAIModelProfile:
    return OpenAIModelProfile(
        supports_json_schema_output=server.shape in (Shape.JSON_SCHEMA, Shape.GRAMMAR),
        supports_json_object_output=server.shape is Shape.JSON_OBJECT,
        openai_chat_supports_max_completion_tokens="api.openai.com" in server.base_url,
    )


def _judged(error: Exception) -> Failed:  # noqa: PLR0911 - a table
    """The kind of a failure; nothing of its text."""
    match error:
        case ContentFilterError():
            return Failed(Trouble.DECLINED)
        case ModelTimeoutError() | ModelRequestTimeout() | httpx2.TimeoutException():
            return Failed(Trouble.TIMEOUT)
        case ModelRateLimitError() | ModelUnavailableError():
            return Failed(Trouble.BUSY, error.retry_after)
        case ModelHTTPError(status_code=status) if status >= 500 or status in _PASSING_STATUS:
            return Failed(Trouble.BROKEN, error.retry_after)
        case ModelServerError():
            return Failed(Trouble.BROKEN)
        case ModelHTTPError() | ModelRequestRejectedError() | ModelQuotaExceededError():
            log.error("brief.model_server_rejects_us", status=getattr(error, "status_code", None))
            return Failed(Trouble.REJECTED)
        case ModelConnectionError() | httpx2.HTTPError():
            return Failed(Trouble.UNREACHABLE)
    return Failed(Trouble.NONSENSE)  # also a plain `ModelAPIError`: success, said by what is no completion


def _declined(answer: ModelResponse) -> bool:
    return answer.finish_reason == "content_filter" or "refusal" in (answer.provider_details or {})


class _Crowded(Exception):
    """There was no room at the gate before the deadline."""


@asynccontextmanager
async def _through(gate: asyncio.Semaphore | None, seconds: float) -> AsyncIterator[None]:
    """The wait at the gate is no attempt's: who is next stays next. Raises `_Crowded`."""
    if gate is None:
        yield
        return
    try:
        async with asyncio.timeout(seconds):
            await gate.acquire()
    except TimeoutError as late:
        raise _Crowded from late
    try:
        yield
    finally:
        gate.release()
