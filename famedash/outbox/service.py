"""Announce what happened, or nothing: events are written in the transaction of the change itself."""

from collections.abc import Sequence

from famedash.infra.database import Transaction
from famedash.outbox import store
from famedash.outbox.model import DomainEvent
from famedash.outbox.store import Unpublished, forget, unpublished

__all__ = ["WAKE_RELAY", "Unpublished", "append", "forget", "unpublished"]

WAKE_RELAY = "outbox"


async def append(tx: Transaction, event: DomainEvent) -> None:
    """Commit `event` with the change it tells of; the relay publishes it after the commit.

    Who announces a campaign's version holds that campaign's row lock, so that `seq` order is version order.
    """
    await append_all(tx, [event])


async def append_all(tx: Transaction, events: Sequence[DomainEvent]) -> None:
    """The same for several events, in their order."""
    await store.insert(tx, events)
    tx.signal(WAKE_RELAY)


async def publish_again(tx: Transaction, seqs: Sequence[int]) -> None:
    """The relay takes these like new ones; readers absorb what they have settled."""
    await store.note_unpublished(tx, seqs)
    tx.signal(WAKE_RELAY)
