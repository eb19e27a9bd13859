"""Announce what happened, or nothing: events are written in the transaction of the change itself."""

from famedash.infra.database import Transaction
from famedash.outbox import store
from famedash.outbox.model import DomainEvent
from famedash.outbox.store import Unpublished, forget, unpublished

__all__ = ["WAKE_RELAY", "Unpublished", "append", "forget", "unpublished"]

WAKE_RELAY = "outbox"


async def append(tx: Transaction, event: DomainEvent) -> None:
    """Commit `event` with the change it tells of; the relay publishes it after the commit.

    The caller holds the campaign's row lock.
    """
    await store.insert(tx, event)
    tx.signal(WAKE_RELAY)
