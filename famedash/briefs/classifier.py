"""Which persona a text speaks to: the embedder's view of it, against our labelled examples.

The examples are embedded once a process, at the first question; for MiniLM their vectors ship with us.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence

import numpy as np

from famedash.briefs import personas
from famedash.briefs.knowledge.embedder import Embedder
from famedash.briefs.knowledge.model import Vector, Vectors
from famedash.briefs.model import Persona, Platform

MOST_REMEMBERED = 5_000


class Remembering:
    """An embedder that remembers the vectors of short texts: hashtags come again and again."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: OrderedDict[str, Vector] = OrderedDict()

    @property
    def id(self) -> str:
        return self._embedder.id

    @property
    def dimensions(self) -> int | None:
        return self._embedder.dimensions

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """What is known is taken first: while we wait for the rest, others may make it be forgotten."""
        found = {text: self._known[text] for text in texts if text in self._known}
        new = [text for text in dict.fromkeys(texts) if text not in found]
        if new or not texts:
            vectors = await self._embedder.embed(new)
            found |= dict(zip(new, vectors, strict=True))
        self._remember(found)
        return np.stack([found[text] for text in texts]) if texts else vectors

    def _remember(self, found: Mapping[str, Vector]) -> None:
        """The ones that are asked for again stay; what nobody came back for is forgotten first."""
        for text, vector in found.items():
            self._known[text] = vector
            self._known.move_to_end(text)
        while len(self._known) > MOST_REMEMBERED:
            self._known.popitem(last=False)


class Personas:
    """Raises `Unavailable` while the embedder is away; the next question tries again."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._learning: asyncio.Task[personas.Classifier] | None = None
        self._classifier: personas.Classifier | None = None

    async def classify(self, text: str, platform: Platform) -> Persona:
        classifier = await self.warm()
        vector = (await self._embedder.embed([text]))[0]
        return classifier.classify(vector, platform)

    async def warm(self) -> personas.Classifier:
        """Embed the examples, if that has not been done.

        It goes on when the one who asked gives up: on a slow server it takes longer than any call may.
        """
        if self._classifier is None:
            if self._learning is None or self._learning.done():
                self._learning = asyncio.create_task(self._learn())
            self._classifier = await asyncio.shield(self._learning)
        return self._classifier

    async def close(self) -> None:
        """Give up what is still being learned."""
        if self._learning is not None:
            self._learning.cancel()
            await asyncio.wait({self._learning})

    async def _learn(self) -> personas.Classifier:
        vectors = personas.embedded(self._embedder.id)
        if vectors is None:
            vectors = await self._embedder.embed([one.text for one in personas.LABELLED])
        return personas.Classifier(vectors)
