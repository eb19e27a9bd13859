"""One change and one answer, in a real PostgreSQL: twins, crashes, age."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from famedash.idempotency import model, service, worker
from famedash.idempotency.model import Answer, Asked
from famedash.infra.database import Database
from famedash.infra.errors import Conflict

BODY = b'{"odd":  "spacing and \xc3\xa9 stay"}'


def asked(key: str = "k", *, body: bytes = b"{}", workspace: str = "acme") -> Asked:
    found = model.asked(workspace, key, method="POST", path="/x", if_match=None, body=body)
    assert found is not None
    return found


class Work:
    """Counts how often it was done; may be slow, may be refused."""

    def __init__(self, *, seconds: float = 0, refusals: int = 0) -> None:
        self.done = 0
        self.seconds = seconds
        self.refusals = refusals

    async def __call__(self) -> Answer:
        await asyncio.sleep(self.seconds)
        if self.refusals:
            self.refusals -= 1
            raise Conflict("not now")
        self.done += 1
        return Answer(201, {"ETag": f'"{self.done}"', "Location": "/x/é"}, BODY)


async def ask(database: Database, asked: Asked | None, work: Callable[[], Awaitable[Answer]]) -> Answer:
    async with database.transaction() as tx:
        return await service.once(tx, asked, work)


async def test_without_a_key_every_request_is_performed(database: Database) -> None:
    work = Work()

    for _ in range(2):
        await ask(database, None, work)

    assert work.done == 2
    assert await database.fetchval("select count(*) from idempotency_keys") == 0


async def test_the_same_request_again_gets_the_same_bytes_and_says_so(database: Database) -> None:
    work = Work()
    first = await ask(database, asked(), work)

    again = await ask(database, asked(), work)

    assert (again.status, again.body) == (first.status, first.body) == (201, BODY)
    assert again.headers == {**first.headers, "Idempotent-Replayed": "true"}
    assert "Idempotent-Replayed" not in first.headers
    assert work.done == 1


async def test_another_request_under_the_key_is_refused_and_the_answer_stays(database: Database) -> None:
    work = Work()
    await ask(database, asked(), work)

    with pytest.raises(model.KeyReused):
        await ask(database, asked(body=b"[]"), work)

    assert (await ask(database, asked(), work)).body == BODY
    assert work.done == 1


async def test_a_key_belongs_to_its_workspace(database: Database) -> None:
    work = Work()

    await ask(database, asked(), work)
    await ask(database, asked(workspace="other", body=b"[]"), work)

    assert work.done == 2


async def test_twenty_twins_at_once_are_performed_once_and_get_one_answer(database: Database) -> None:
    """PROMISE: a concurrent twin waits, then gets the same answer.

    Breaks if the key is looked up before it is claimed, or claimed outside the transaction of the change.
    """
    work = Work(seconds=0.05)

    answers = await asyncio.gather(*(ask(database, asked(), work) for _ in range(20)))

    assert work.done == 1
    assert {(each.status, each.body, each.headers["ETag"]) for each in answers} == {(201, BODY, '"1"')}
    assert sum("Idempotent-Replayed" in each.headers for each in answers) == 19


async def test_twins_with_different_bodies_give_one_answer_and_one_refusal(database: Database) -> None:
    work = Work(seconds=0.05)

    outcomes = await asyncio.gather(
        ask(database, asked(body=b"1"), work), ask(database, asked(body=b"2"), work), return_exceptions=True
    )

    assert [type(each) for each in outcomes if isinstance(each, Exception)] == [model.KeyReused]
    assert work.done == 1


async def test_a_refusal_is_not_kept_so_the_same_request_may_succeed_later(database: Database) -> None:
    """PROMISE: only 2xx answers are stored. Breaks if the claim outlives the rolled-back transaction."""
    work = Work(refusals=1)

    with pytest.raises(Conflict):
        await ask(database, asked(), work)
    assert await database.fetchval("select count(*) from idempotency_keys") == 0

    assert (await ask(database, asked(), work)).body == BODY


async def test_a_twin_of_a_refused_request_is_performed_itself(database: Database) -> None:
    work = Work(seconds=0.05, refusals=1)

    outcomes = await asyncio.gather(*(ask(database, asked(), work) for _ in range(2)), return_exceptions=True)

    assert sorted(type(each).__name__ for each in outcomes) == ["Answer", "Conflict"]
    assert work.done == 1


async def age(database: Database, key: str, interval: str) -> None:
    await database.fetchval(
        "update idempotency_keys set created_at = clock_timestamp() - $3::text::interval"
        " where workspace_id = $1 and key = $2 returning 1",
        "acme",
        key,
        interval,
    )


async def test_an_expired_key_counts_as_absent_before_it_is_pruned(database: Database) -> None:
    work = Work()
    await ask(database, asked(), work)
    await age(database, "k", "24 hours")

    fresh = await ask(database, asked(body=b"another"), work)
    again = await ask(database, asked(body=b"another"), work)

    assert fresh.headers["ETag"] == again.headers["ETag"] == '"2"'
    assert "Idempotent-Replayed" not in fresh.headers
    assert "Idempotent-Replayed" in again.headers


async def test_a_key_that_is_nearly_a_day_old_still_answers(database: Database) -> None:
    work = Work()
    await ask(database, asked(), work)
    await age(database, "k", "23 hours 59 minutes")

    assert "Idempotent-Replayed" in (await ask(database, asked(), work)).headers


async def test_pruning_deletes_every_old_key_in_steps_and_no_young_one(database: Database) -> None:
    for n in range(7):
        await ask(database, asked(f"old{n}"), Work())
        await age(database, f"old{n}", "25 hours")
    await ask(database, asked("young"), Work())

    assert await worker.prune(database, step=3) == 7
    assert await worker.prune(database, step=3) == 0

    rows = await database.fetch("select key from idempotency_keys where workspace_id = 'acme'")
    assert [row["key"] for row in rows] == ["young"]


async def test_pruning_passes_over_a_key_that_a_request_holds(database: Database) -> None:
    await ask(database, asked(), Work())
    await age(database, "k", "25 hours")

    async def prune_meanwhile() -> Answer:
        assert await asyncio.wait_for(worker.prune(database), timeout=5) == 0
        return Answer(200, {}, b"new")

    await ask(database, asked(), prune_meanwhile)

    assert (await ask(database, asked(), Work())).body == b"new"
