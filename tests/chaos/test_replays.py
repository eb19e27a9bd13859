"""kill -9 in the middle of a replay of many: it goes on where it stood, and nothing is sent twice."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from famedash.infra.database import open_database
from famedash.webhooks.letters.service import BATCH
from tests.chaos.town import WORKSPACE, Town, until
from tests.webhooks.letters.builders import Dead, bury

pytestmark = [pytest.mark.chaos, pytest.mark.asyncio(loop_scope="session")]

CAMPAIGNS, VERSIONS = 50, 40


async def buried(town: Town) -> list[Dead]:
    dead = [
        Dead(f"campaign-{campaign}", version, workspace=WORKSPACE)
        for version in range(1, VERSIONS + 1)
        for campaign in range(CAMPAIGNS)
    ]
    async with open_database(town.database_url, application="test") as database:
        await bury(database, *dead)
    return dead


@asynccontextmanager
async def obstacle(town: Town, letter: Dead) -> AsyncIterator[None]:
    """Somebody holds this letter: the batch that it is in can be begun, and not be ended."""
    connection = await asyncpg.connect(town.database_url)
    try:
        async with connection.transaction():
            await connection.execute(
                "select from webhook_dead_letters where workspace_id = $1 and id = $2 for update",
                WORKSPACE,
                letter.id,
            )
            yield
    finally:
        await connection.close()


async def stuck(town: Town, batches: int) -> None:
    """The job has done so many whole batches, and is in the middle of the next one."""

    async def in_the_middle() -> bool:
        (job,) = await town.fetch("select replayed from webhook_replays")
        waits = await town.fetch(
            "select from pg_stat_activity where datname = current_database()"
            " and application_name = 'famedash tend' and wait_event_type = 'Lock'"
        )
        return job["replayed"] == batches * BATCH and len(waits) > 0

    await until(in_the_middle, 30, f"the job is stuck behind {batches} batches")


async def test_a_replay_of_many_that_is_killed_again_and_again_ends_with_every_letter_sent_once(
    town: Town,
) -> None:
    """PROMISE: a job survives kill -9 in the middle of a batch, and replays no letter twice.

    Breaks if rows, letters and the job's position are not one commit, or if two processes share a batch.
    """
    dead, *_ = await asyncio.gather(buried(town), town.start("api"), town.start("deliver"))
    await town.ready()
    job = (await town.api.post({}, path="/dead-letters/replays")).headers["Location"]

    for batches in (1, 4, 8):
        async with obstacle(town, dead[batches * BATCH + 100]):
            tend = await town.start("tend")
            await stuck(town, batches)
            await tend.kill()
    await asyncio.gather(town.start("tend"), town.start("tend"))

    async def all_arrived() -> bool:
        return {post.webhook_id for post in town.receiver.posts} == {str(one.event_id) for one in dead}

    await until(all_arrived, 90, "every letter arrives")
    await until(lambda: _finished(town, job), 20, "the job is finished")
    await until(lambda: _nothing_waits(town), 20, "every outcome is on record")
    shown = (await town.api.get(job)).json
    assert (shown["replayed"], shown["skipped"]) == (len(dead), 0)
    assert set(Counter(post.webhook_id for post in town.receiver.posts).values()) == {1}
    tries = await town.fetch(
        "select attempt, status, count(*) from webhook_attempts group by 1, 2 order by 1"
    )
    assert {tuple(row) for row in tries} == {(3, "dead", len(dead)), (4, "delivered", len(dead))}


async def _finished(town: Town, job: str) -> bool:
    return bool((await town.api.get(job)).json["status"] == "finished")


async def _nothing_waits(town: Town) -> bool:
    return not await town.fetch("select from webhook_waiting limit 1")
