"""The job of replays: whole batches or nothing, once each, whoever else is at it."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from famedash.infra.database import Database, open_database
from famedash.webhooks.letters import queries, service, store
from famedash.webhooks.letters.model import Filters, Replay
from famedash.webhooks.letters.worker import replay_some
from famedash.webhooks.model import Status
from tests.webhooks.letters.builders import Dead, again, bury, dead_versions, tried, waiting


async def begin(database: Database, *, workspace: str = "acme", **filters: Any) -> UUID:
    async with database.transaction() as tx:
        return (await service.begin(tx, workspace, Filters(**filters), forced=False, actor="ada")).id


async def some(database: Database) -> int:
    return await replay_some(database, default_points=True, limit=3)


async def all_of_it(database: Database) -> None:
    while await some(database):
        pass


async def standing(database: Database, replay_id: UUID) -> Replay:
    replay = await queries.replay(database, "acme", replay_id)
    assert replay
    return replay


async def owed(database: Database) -> list[int]:
    return [row["version"] for row in await waiting(database)]


async def forget_waiting(database: Database, dead: Sequence[Dead] = ()) -> None:
    """A worker took them all, and these died again."""
    async with database.transaction() as tx:
        await tx.execute("delete from webhook_waiting")
    await bury(database, *(again(one, attempts=6) for one in dead))


async def test_a_job_goes_on_behind_its_last_batch_oldest_first(database: Database) -> None:
    await dead_versions(database, 7)
    replay_id = await begin(database)

    after_each = []
    while await some(database):
        after_each.append(await owed(database))

    assert after_each == [[1, 2, 3], [1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6, 7]]
    done = await standing(database, replay_id)
    assert (done.replayed, done.skipped, done.finished_at is not None) == (7, 0, True)


async def test_a_job_waits_while_many_replays_are_on_the_way(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PROMISE: live events of the endpoint do not wait behind a hundred thousand replays."""
    monkeypatch.setattr(service, "MOST_ON_THE_WAY", 3)
    dead = await dead_versions(database, 5)
    await begin(database)

    await all_of_it(database)
    assert await owed(database) == [1, 2, 3]
    await forget_waiting(database, dead[:3])
    await all_of_it(database)

    assert await owed(database) == [4, 5]


async def test_a_batch_that_fails_half_way_leaves_nothing_behind(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PROMISE: rows, letters and the job's position are one commit.

    Breaks if the position is saved apart: a crash between would replay a batch twice, or never.
    """
    dead = await dead_versions(database, 5)
    replay_id = await begin(database)
    await some(database)

    async def crash(*_: object) -> None:
        raise RuntimeError("killed here")

    with monkeypatch.context() as patch:
        patch.setattr(store, "save_progress", crash)
        with pytest.raises(RuntimeError):
            await some(database)
    half = (await owed(database), (await standing(database, replay_id)).position)
    await forget_waiting(database)
    await all_of_it(database)

    assert half == ([1, 2, 3], dead[2].id)
    assert await owed(database) == [4, 5]
    assert (await standing(database, replay_id)).replayed == 5


async def test_two_processes_at_once_replay_each_letter_once(database: Database, database_url: str) -> None:
    """PROMISE: `tend` may run twice. Breaks if a job is not held while one of them works on it."""
    await dead_versions(database, 60)
    await dead_versions(database, 20, workspace="rival")
    replay_id, _ = await begin(database), await begin(database, workspace="rival")

    async with open_database(database_url, application="twin") as twin:

        async def work(own: Database) -> None:
            while (await standing(own, replay_id)).finished_at is None:
                await some(own)

        await asyncio.gather(work(database), work(twin))
        await all_of_it(database)

    assert len(await waiting(database)) == 80
    done = await standing(database, replay_id)
    assert (done.replayed, done.skipped) == (60, 0)


async def test_two_jobs_and_a_single_replay_of_the_same_letters_owe_each_once(database: Database) -> None:
    dead = await dead_versions(database, 10)
    jobs = [await begin(database), await begin(database)]

    async def single() -> None:
        async with database.transaction() as tx:
            await service.replay(tx, "acme", dead[8].id, forced=True, default_points=True)

    await asyncio.gather(single(), all_of_it(database), all_of_it(database))

    assert await owed(database) == list(range(1, 11))
    assert sum([(await standing(database, job)).replayed for job in jobs]) <= 10


async def test_what_dies_after_the_job_began_is_not_part_of_it(database: Database) -> None:
    """PROMISE: a job ends. Breaks if it takes up what its own replays left behind when they died again."""
    dead = await dead_versions(database, 4)
    replay_id = await begin(database)
    await some(database)
    await forget_waiting(database, dead[:3])
    await bury(database, Dead(version=9))

    await all_of_it(database)

    assert await owed(database) == [4]
    done = await standing(database, replay_id)
    assert (done.replayed, done.skipped) == (4, 0)


async def test_a_letter_with_an_old_id_that_died_later_is_not_part_of_it(database: Database) -> None:
    """The id is of the worker's clock, which may be behind: the time of death is the database's."""
    late, *_ = letters = [Dead(version=version) for version in (3, 4, 5)]
    await bury(database, *letters[1:])
    replay_id = await begin(database)
    began = (await standing(database, replay_id)).created_at
    await bury(database, Dead(version=3, id=late.id, died_at=began + timedelta(milliseconds=1)))

    await all_of_it(database)

    assert await owed(database) == [4, 5]


async def test_of_several_letters_of_a_delivery_only_the_newest_is_replayed(database: Database) -> None:
    (dead,) = await dead_versions(database, 1)
    await bury(database, again(dead, attempts=6))
    replay_id = await begin(database)

    await all_of_it(database)

    assert [row["tries_before"] for row in await waiting(database)] == [6]
    done = await standing(database, replay_id)
    assert (done.replayed, done.skipped) == (1, 1)


async def test_what_was_replayed_before_is_replayed_again_only_where_it_is_asked_for(
    database: Database,
) -> None:
    """Such as what expired in its replay. Once a job, although the job itself makes it replayed."""
    dead = await dead_versions(database, 7)
    await begin(database, campaign_id="summer")
    await all_of_it(database)
    await forget_waiting(database)
    await tried(database, dead[1], Status.DELIVERED, 4)

    plain, asked = await begin(database), await begin(database, replayed=True)
    await all_of_it(database)

    assert await owed(database) == [1, 3, 4, 5, 6, 7]
    assert (await standing(database, plain)).replayed == 0
    done = await standing(database, asked)
    assert (done.replayed, done.skipped) == (6, 1)


async def test_the_jobs_of_two_workspaces_take_turns(database: Database) -> None:
    """Breaks if a small job waits for the end of a great one that is not even its workspace's."""
    await dead_versions(database, 9)
    await dead_versions(database, 2, workspace="rival")
    await begin(database)
    await begin(database, workspace="rival")

    batches = await some(database)

    assert batches == 2
    assert [row["workspace_id"] for row in await waiting(database)] == ["acme"] * 3 + ["rival"] * 2
