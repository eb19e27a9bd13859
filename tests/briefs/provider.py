"""A practice provider on a real port, for tests of briefs."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from famedash.practice.llm import KEY, MODEL, Provider, serving
from famedash.practice.llm_behaviour import Behaviour
from famedash.practice.llm_steps import Step


@asynccontextmanager
async def serving_llm(
    script: Iterable[Step] = (),
    *,
    behaviour: Behaviour | None = None,
    key: str = KEY,
    model: str = MODEL,
) -> AsyncIterator[Provider]:
    """`provider.url` ends in /v1 and is open to other processes too, `provider.requests` is what came in."""
    async with serving(Provider(script, behaviour=behaviour, key=key, model=model)) as provider:
        yield provider
