"""Texts are embedded once, and the vectors that ship with us are the ones their embedder would make."""

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest

from famedash.briefs import classifier, personas
from famedash.briefs.classifier import Personas, Remembering
from famedash.briefs.knowledge.embedder import MiniLM
from famedash.briefs.knowledge.model import Vectors
from famedash.briefs.model import Platform
from famedash.infra.errors import Unavailable
from tests.briefs.grounds import Words

TEXTS = ["#skincare", "#glow", "morning routine"]


class Counting(Words):
    """Says what it was asked, and waits for a sign where it is told to."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.waits: asyncio.Event | None = None
        self.is_away = False

    async def embed(self, texts: Sequence[str]) -> Vectors:
        self.asked.append(list(texts))
        if self.is_away:
            raise Unavailable("Away.")
        if self.waits:
            await self.waits.wait()
        return await super().embed(texts)


@pytest.fixture
def inner() -> Counting:
    return Counting()


async def test_a_text_is_embedded_once_and_its_vector_stays_the_same(inner: Counting) -> None:
    remembering = Remembering(inner)

    first = await remembering.embed(TEXTS)
    again = await remembering.embed([*reversed(TEXTS), TEXTS[0]])

    assert inner.asked == [TEXTS]
    assert np.array_equal(first, await Words().embed(TEXTS))
    assert np.array_equal(again, np.stack([*reversed(first), first[0]]))
    assert (remembering.id, remembering.dimensions) == (inner.id, inner.dimensions)


async def test_only_what_is_new_is_asked_and_each_text_once(inner: Counting) -> None:
    remembering = Remembering(inner)
    await remembering.embed(TEXTS[:1])

    found = await remembering.embed([TEXTS[1], TEXTS[0], TEXTS[1]])

    assert inner.asked == [TEXTS[:1], TEXTS[1:2]]
    assert np.array_equal(found, await Words().embed([TEXTS[1], TEXTS[0], TEXTS[1]]))


async def test_nothing_is_remembered_of_an_embedder_that_was_away(inner: Counting) -> None:
    remembering = Remembering(inner)
    inner.is_away = True
    with pytest.raises(Unavailable):
        await remembering.embed(TEXTS)

    inner.is_away = False

    assert len(await remembering.embed(TEXTS)) == 3


async def test_what_is_asked_for_again_outlives_what_is_not(
    inner: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classifier, "MOST_REMEMBERED", 2)
    remembering = Remembering(inner)
    for text in ("hot", "one", "hot", "two", "hot", "three"):
        await remembering.embed([text])
    asked = len(inner.asked)

    await remembering.embed(["hot"])
    assert len(inner.asked) == asked
    await remembering.embed(["one"])
    assert len(inner.asked) == asked + 1


async def test_what_others_make_us_forget_meanwhile_is_answered_all_the_same(
    inner: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PROMISE: a full memory costs time and never an answer.

    Breaks if what was known before a wait is looked up after it.
    """
    monkeypatch.setattr(classifier, "MOST_REMEMBERED", 1)
    remembering = Remembering(inner)
    await remembering.embed(["old"])
    inner.waits = asyncio.Event()
    slow = asyncio.create_task(remembering.embed(["old", "slow"]))
    await asyncio.sleep(0)
    waits, inner.waits = inner.waits, None
    await remembering.embed(["new"])
    waits.set()

    assert np.array_equal(await slow, await Words().embed(["old", "slow"]))


async def test_more_texts_than_can_be_remembered_are_all_answered(
    inner: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classifier, "MOST_REMEMBERED", 1)

    assert np.array_equal(await Remembering(inner).embed(TEXTS), await Words().embed(TEXTS))


async def test_the_examples_are_embedded_once_however_many_ask_first(inner: Counting) -> None:
    people = Personas(inner)

    await asyncio.gather(*(people.warm() for _ in range(5)))
    await people.classify("a sunscreen", Platform.INSTAGRAM)

    assert [len(texts) for texts in inner.asked] == [len(personas.LABELLED), 1]


async def test_an_embedder_that_was_away_at_first_is_asked_again(inner: Counting) -> None:
    people = Personas(inner)
    inner.is_away = True
    with pytest.raises(Unavailable):
        await people.classify("a sunscreen", Platform.INSTAGRAM)

    inner.is_away = False

    assert (await people.classify("a sunscreen", Platform.INSTAGRAM)).name


async def test_a_slow_embedder_is_learned_from_though_nobody_waits_so_long(inner: Counting) -> None:
    """PROMISE: a call that gives up does not throw away what was learned for the next one.

    Breaks if the examples are embedded within the call: a server slower than that never gets there.
    """
    people = Personas(inner)
    inner.waits = asyncio.Event()
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(people.classify("a sunscreen", Platform.INSTAGRAM), 0.01)

    inner.waits.set()

    assert (await people.classify("a sunscreen", Platform.INSTAGRAM)).name
    assert [len(texts) for texts in inner.asked] == [len(personas.LABELLED), 1]


async def test_what_is_being_learned_is_given_up_at_the_end(inner: Counting) -> None:
    people = Personas(inner)
    inner.waits = asyncio.Event()
    asking = asyncio.create_task(people.warm())
    await asyncio.sleep(0)

    await people.close()

    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_minilm_finds_its_vectors_shipped(inner: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Counting, "id", MiniLM.id)

    await Personas(inner).warm()

    assert inner.asked == []


def test_the_shipped_vectors_are_of_the_examples_as_they_stand() -> None:
    """Fails after a change of personas.json: run tools/embed_personas.py."""
    vectors = personas.embedded(MiniLM.id)

    assert vectors is not None
    assert vectors.shape == (len(personas.LABELLED), MiniLM.dimensions)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_vectors_of_another_embedder_are_not_taken_for_ours() -> None:
    assert personas.embedded("words@256") is None


@pytest.mark.skipif(not MiniLM.is_installed(), reason="the extra minilm is not installed")
async def test_the_shipped_vectors_are_what_minilm_makes_of_the_examples() -> None:
    shipped = personas.embedded(MiniLM.id)
    places = range(0, len(personas.LABELLED), len(personas.LABELLED) // 10)
    minilm = MiniLM()

    anew = await minilm.embed([personas.LABELLED[place].text for place in places])
    minilm.close()

    assert shipped is not None
    assert len(places) >= 10
    assert (np.einsum("ij,ij->i", shipped[list(places)], anew) > 0.995).all()
