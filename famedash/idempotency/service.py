"""The same request twice is one change and one answer, whatever happened to the first answer on its way."""

from collections.abc import Awaitable, Callable

from famedash.idempotency import model, store
from famedash.idempotency.model import Answer, Asked
from famedash.infra.database import Transaction


async def once(tx: Transaction, asked: Asked | None, perform: Callable[[], Awaitable[Answer]]) -> Answer:
    """Perform the request and keep its answer in the same transaction - or answer as it was answered.

    Without a key it is only performed. A twin in flight is waited for. A refusal (an exception of
    `perform`) rolls the claim back with everything else, so that only 2xx answers are kept and a crash
    leaves nothing to clean. Raises `KeyReused` when the key was used for another request.
    """
    if asked is None:
        return await perform()
    if await store.claim(tx, asked):
        answer = await perform()
        await store.keep(tx, asked, answer)
        return answer
    fingerprint, answer = await store.recall(tx, asked)
    if fingerprint != asked.fingerprint:
        raise model.KeyReused
    return model.replayed(answer)


async def prune(tx: Transaction, *, limit: int) -> int:
    """Forget at most `limit` keys that are past their 24 h; answers how many."""
    return await store.delete_old(tx, limit=limit)
