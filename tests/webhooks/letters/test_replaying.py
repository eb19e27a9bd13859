"""Replays through the whole path: real worker, real receiver, every try on record."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from famedash.practice.receiver import Behaviour
from famedash.webhooks.letters.worker import replay_some
from tests.flow.system import System, running, until

DEFAULT = "/webhook-endpoints/default"


@pytest.fixture
async def system(database_url: str, redis_url: str) -> AsyncIterator[System]:
    """The first version of `summer` has died, after three tries."""
    async with running(database_url, redis_url, backoff_seconds=0.02) as system:
        system.receiver.behaviour = Behaviour(then=500)
        await system.create()
        await system.settled(1)
        system.receiver.behaviour = Behaviour()
        yield system


async def letters(system: System) -> list[dict[str, Any]]:
    return list((await system.api.get("/dead-letters")).json["items"])


async def replay(system: System, letter_id: str, **body: Any) -> None:
    reply = await system.api.post(body, path=f"/dead-letters/{letter_id}/replay")
    assert reply.status == 202, reply.body


async def tries(system: System, number: int) -> list[tuple[int, str]]:
    """(attempt, status) of version 1, once there are so many."""
    rows: list[dict[str, Any]] = []

    async def there() -> bool:
        rows[:] = [row for row in await system.logs() if row["version"] == 1]
        return len(rows) >= number

    await until(there)
    return [(row["attempt"], row["status"]) for row in rows]


async def test_a_replay_arrives_under_the_same_ids_with_the_same_bytes_and_is_numbered_on(
    system: System,
) -> None:
    """PROMISE: a receiver that dropped what it had seen need not learn anything new for a replay."""
    (letter,) = await letters(system)

    await replay(system, letter["id"])

    assert (await tries(system, 4))[3:] == [(4, "delivered")]
    assert {post.webhook_id for post in system.receiver.received} == {letter["eventId"]}
    assert len({bytes(post.event) for post in system.receiver.received}) == 1
    assert [post.verified for post in system.receiver.received] == [True] * 4
    (after,) = await letters(system)
    assert after == letter | {"replayedAt": after["replayedAt"]}


async def test_a_replay_has_three_tries_and_its_death_is_a_letter_of_its_own(system: System) -> None:
    """PROMISE: a fresh budget, numbered on: 4, 5, 6. The old letter stays what it was."""
    (letter,) = await letters(system)
    system.receiver.behaviour = Behaviour(then=503)

    await replay(system, letter["id"])

    assert (await tries(system, 6))[3:] == [(4, "retrying"), (5, "retrying"), (6, "dead")]
    newer, old = await letters(system)
    assert (newer["eventId"], newer["attempts"], newer["replayedAt"]) == (letter["eventId"], 6, None)
    assert old == letter | {"replayedAt": old["replayedAt"]}
    system.receiver.behaviour = Behaviour()
    await replay(system, newer["id"])
    assert (await tries(system, 7))[6:] == [(7, "delivered")]


async def test_a_newer_version_does_not_wait_for_a_replay(system: System) -> None:
    """PROMISE: a replay is the exception to order: it neither waits for its lane nor holds it up.

    Breaks if a replay that waits for its next try parks what comes after it.
    """
    (letter,) = await letters(system)
    system.receiver.behaviour = Behaviour(answers=[200, 200, 200, 503], retry_after_seconds=2)
    await replay(system, letter["id"])
    assert (await tries(system, 4))[3:] == [(4, "retrying")]

    await system.change(name="Late summer")
    await until(lambda: _received(system, 1))
    while_it_waits = (system.received(), await tries(system, 4))
    await until(lambda: _received(system, 2))

    assert while_it_waits == ([2], [(1, "retrying"), (2, "retrying"), (3, "dead"), (4, "retrying")])
    assert system.received() == [2, 1]
    assert (await tries(system, 5))[4:] == [(5, "delivered")]


async def _received(system: System, number: int) -> bool:
    return len(system.received()) >= number


async def test_a_delivered_replay_is_not_replayed_again_unless_forced(system: System) -> None:
    (letter,) = await letters(system)
    await replay(system, letter["id"])
    await tries(system, 4)

    refused = await system.api.post(path=f"/dead-letters/{letter['id']}/replay")
    await replay(system, letter["id"], force=True)

    assert refused.status == 409
    assert (await tries(system, 5))[3:] == [(4, "delivered"), (5, "delivered")]


async def test_a_replay_right_after_enabling_is_delivered(system: System) -> None:
    """PROMISE: enable, replay, done: nobody has to know that a change takes 2 s."""
    (letter,) = await letters(system)
    for enabled in (False, True):
        assert (await system.api.patch({"enabled": enabled}, path=DEFAULT)).status == 200

    await replay(system, letter["id"])

    assert (await tries(system, 4))[3:] == [(4, "delivered")]


async def test_a_replay_expires_when_its_endpoint_is_disabled_meanwhile(system: System) -> None:
    """And may be replayed again when it is enabled: the try that was never made has no number."""
    (letter,) = await letters(system)
    system.receiver.behaviour = Behaviour(answers=[200, 200, 200, 503], retry_after_seconds=3)
    await replay(system, letter["id"])
    await tries(system, 4)
    await system.api.patch({"enabled": False}, path=DEFAULT)

    expired = await tries(system, 5)
    refused = await system.api.post(path=f"/dead-letters/{letter['id']}/replay")
    await system.api.patch({"enabled": True}, path=DEFAULT)
    await replay(system, letter["id"])

    assert expired[3:] == [(4, "retrying"), (4, "expired")]
    assert refused.status == 409
    assert (await tries(system, 6))[5:] == [(5, "delivered")]


async def test_many_replays_arrive_once_each(system: System) -> None:
    system.receiver.behaviour = Behaviour(then=500)
    for name in ("a", "b", "c"):
        await system.create(name)
        await system.settled(1, name)
    system.receiver.behaviour = Behaviour()

    job = await system.api.post({"errorClass": "http_5xx"}, path="/dead-letters/replays")
    while await replay_some(system.database, default_points=True, limit=3):
        pass
    await until(lambda: _all_taken(system, 4))

    assert (await system.api.get(job.headers["Location"])).json["replayed"] == 4
    taken = [post.webhook_id for post in system.receiver.received if post.answered == 200]
    assert len(taken) == len(set(taken)) == 4


async def _all_taken(system: System, number: int) -> bool:
    return sum(post.answered == 200 for post in system.receiver.received) >= number
