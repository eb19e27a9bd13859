"""Vectors from any OpenAI-compatible server of embeddings. Talks to strangers."""

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
from openai import AsyncOpenAI, OpenAIError

from famedash.briefs.knowledge.model import Vectors
from famedash.infra.errors import Unavailable

TEXTS_IN_A_REQUEST = 64


class RemoteEmbedder:
    """Any server that speaks OpenAI's `/embeddings`. `dimensions` asks for shorter vectors where it can."""

    def __init__(
        self,
        base_url: str,
        *,
        model: str,
        api_key: str = "",
        dimensions: int | None = None,
        timeout_seconds: float = 10.0,
    ) -> None:
        self.id = f"openai:{model}@{dimensions or 'native'}"
        self.dimensions = dimensions
        self._model = model
        self._options: dict[str, Any] = {} if dimensions is None else {"dimensions": dimensions}
        self._timeout_seconds = timeout_seconds
        self._client = AsyncOpenAI(
            base_url=base_url, api_key=api_key or "none", max_retries=0, timeout=timeout_seconds
        )

    async def embed(self, texts: Sequence[str]) -> Vectors:
        rows: list[list[float]] = []
        for start in range(0, len(texts), TEXTS_IN_A_REQUEST):
            rows += await self._ask(list(texts[start : start + TEXTS_IN_A_REQUEST]))
        return self._of_length_one(rows)

    async def close(self) -> None:
        await self._client.close()

    async def _ask(self, texts: list[str]) -> list[list[float]]:
        """The whole answer has to be there in time, however slowly it drips."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                answer = await self._client.embeddings.create(
                    model=self._model, input=texts, encoding_format="float", **self._options
                )
        except (OpenAIError, TimeoutError, ValueError) as failure:
            raise Unavailable("The embeddings server does not answer as it should.") from failure
        return _rows_of(answer, len(texts))

    def _of_length_one(self, rows: list[list[float]]) -> Vectors:
        """Raises `Unavailable` for what is no set of vectors, or not of the dimension that was agreed."""
        try:
            vectors = np.array(rows, np.float32)
            lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        except (TypeError, ValueError) as failure:
            raise _not_vectors() from failure
        agreed = self.dimensions or vectors.shape[1]
        if vectors.shape[1] != agreed or not np.isfinite(lengths).all() or not lengths.all():
            raise _not_vectors()
        self.dimensions = agreed
        unit: Vectors = vectors / lengths
        return unit


def _rows_of(answer: Any, texts: int) -> list[list[float]]:
    try:
        ordered = sorted(answer.data, key=lambda each: each.index)
        rows = [each.embedding for each in ordered]
    except (AttributeError, TypeError) as failure:
        raise _not_vectors() from failure
    if [each.index for each in ordered] != list(range(texts)):
        raise _not_vectors()
    return rows


def _not_vectors() -> Unavailable:
    return Unavailable("The embeddings server answered something else than one vector for each text.")
