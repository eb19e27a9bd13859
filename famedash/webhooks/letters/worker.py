"""Replays of many: a job of the `tend` process, batch by batch."""

import structlog

from famedash.infra.database import Database
from famedash.webhooks.letters import queries, service

_log = structlog.get_logger()


async def replay_some(database: Database, *, default_points: bool, limit: int = service.BATCH) -> int:
    """A batch of every job that is not finished, each in a transaction; answers how many batches.

    Safe with replicas: a job that another process is at is passed over. After a crash a job goes on behind
    its last whole batch. `default_points`: FAMEDASH_WEBHOOK_URL is set.
    """
    batches = 0
    for workspace, replay_id in await queries.unfinished(database):
        async with database.transaction() as tx:
            replay = await service.go_on(tx, workspace, replay_id, default_points=default_points, limit=limit)
        batches += replay is not None
        if replay and replay.finished_at:
            _log.info(
                "replay.finished",
                workspace=workspace,
                replay=str(replay_id),
                replayed=replay.replayed,
                skipped=replay.skipped,
            )
    return batches
