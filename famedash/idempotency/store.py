"""Rows of answered requests. Opened only by the service."""

import json

from famedash.idempotency.model import Answer, Asked
from famedash.infra.database import Transaction


async def claim(tx: Transaction, asked: Asked) -> bool:
    """Make the key ours until the transaction ends, or answer False: it has its answer already.

    A twin that holds the key is waited for, by the primary key: after its rollback the key is ours, after
    its commit it is not. A key older than 24 h counts as absent. When False, the row is locked.
    """
    claimed = await tx.fetchval(
        """
        insert into idempotency_keys (workspace_id, key, fingerprint) values ($1, $2, $3)
        on conflict (workspace_id, key) do update
            set fingerprint = excluded.fingerprint, status = null, headers = null, body = null,
                created_at = clock_timestamp()
            where idempotency_keys.created_at <= clock_timestamp() - interval '24 hours'
        returning true
        """,
        asked.workspace,
        asked.key,
        asked.fingerprint,
    )
    return claimed is True


async def recall(tx: Transaction, asked: Asked) -> tuple[bytes, Answer]:
    """(fingerprint, answer) of a key that `claim` found taken and locked."""
    row = await tx.fetchrow(
        """
        select fingerprint, status, headers, body from idempotency_keys
        where workspace_id = $1 and key = $2
        """,
        asked.workspace,
        asked.key,
    )
    assert row is not None  # noqa: S101 - `claim` holds its lock
    return row["fingerprint"], Answer(row["status"], json.loads(row["headers"]), row["body"])


async def keep(tx: Transaction, asked: Asked, answer: Answer) -> None:
    """Write the answer beside the key that this transaction claimed."""
    await tx.execute(
        """
        update idempotency_keys set status = $3, headers = $4, body = $5
        where workspace_id = $1 and key = $2
        """,
        asked.workspace,
        asked.key,
        answer.status,
        json.dumps(dict(answer.headers)),
        answer.body,
    )


async def delete_old(tx: Transaction, *, limit: int) -> int:
    """Delete at most `limit` keys past their 24 h, oldest first; a key that a request holds is skipped."""
    deleted = await tx.fetch(
        """
        delete from idempotency_keys
        where (workspace_id, key) in (
            select workspace_id, key from idempotency_keys
            where created_at <= now() - interval '24 hours'
            order by created_at
            limit $1
            for update skip locked
        )
        returning true
        """,
        limit,
    )
    return len(deleted)
