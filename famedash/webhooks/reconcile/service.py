"""What a look concludes, in one transaction."""

from collections.abc import Sequence

from famedash.infra.database import Transaction
from famedash.outbox import service as outbox_service
from famedash.webhooks.reconcile import store


async def conclude(tx: Transaction, *, proven: int, again: Sequence[int]) -> None:
    """Every event up to the seq `proven` is settled; those of `again` are published once more."""
    if again:
        await outbox_service.publish_again(tx, again)
    await store.prove(tx, proven)
