"""How far the proof came."""

from famedash.infra.database import Transaction


async def prove(tx: Transaction, seq: int) -> None:
    """Never back: what has a final state keeps it."""
    await tx.execute("update webhook_reconciliation set seq = $1 where seq < $1", seq)
