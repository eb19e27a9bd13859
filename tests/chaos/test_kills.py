"""kill -9 at the moments that hurt: every event arrives, every try is on record, every order is kept."""

import asyncio
from datetime import datetime
from uuid import uuid4

import pytest

from tests.chaos.proxy import proxied
from tests.chaos.receiver import Post, after, first_tries
from tests.chaos.town import Town, until

pytestmark = [pytest.mark.chaos, pytest.mark.asyncio(loop_scope="session")]


async def test_a_worker_killed_in_back_off_resumes_at_the_second_try(town: Town) -> None:
    """PROMISE: a try that was made is never forgotten, and its pause goes on.

    Breaks if the due time or the count of tries lives in memory.
    """
    _, _, worker = await asyncio.gather(
        town.start("api"), town.start("relay"), town.start("deliver", webhook_backoff_seconds="3")
    )
    await town.ready()
    town.receiver.answer = first_tries(503)
    await town.create("summer")
    await town.touch("summer", 2)
    (failed,) = await town.rows("retrying")
    await until(lambda: town.fetch("select from webhook_waiting offset 2"), 3, "what is behind waits as rows")

    await worker.kill()
    await town.start("deliver", webhook_backoff_seconds="3")

    await town.rows("delivered")
    second = town.receiver.of("summer")[1]
    waited = second.arrived - town.receiver.of("summer")[0].arrived
    pause = datetime.fromisoformat(failed["nextAttemptAt"]) - datetime.fromisoformat(failed["timestamp"])
    assert (second.version, second.nth) == (1, 2)
    assert waited >= pause.total_seconds() - 0.1
    verdict = await town.proves_clean(20)
    assert (verdict.delivered, verdict.interrupted) == (3, 0)
    assert [row["attempt"] for row in await town.logs() if row["version"] == 1] == [1, 2]


@pytest.mark.parametrize("statuses", [(), (503,)], ids=["at the first try", "at the second try"])
async def test_a_worker_killed_in_a_send_leaves_an_interrupted_row_and_the_event_is_sent_again(
    town: Town, statuses: tuple[int, ...]
) -> None:
    """PROMISE: what may have been sent is `interrupted` on record before it goes out again under its id.

    Breaks if a take-over suspects nothing, or if a row that is being sent is not marked.
    """
    _, _, worker = await asyncio.gather(town.start("api"), town.start("relay"), town.start("deliver"))
    await town.ready()
    opened = asyncio.Event()

    async def answer(post: Post) -> int:
        if post.nth <= len(statuses):
            return statuses[post.nth - 1]
        if post.nth == len(statuses) + 1 and post.version == 1:
            opened.set()
            await asyncio.sleep(60)
        return 200

    town.receiver.answer = answer
    await town.create("summer")
    await town.touch("summer", 3)
    await asyncio.wait_for(opened.wait(), 15)

    await worker.kill()
    await town.start("deliver")

    verdict = await town.proves_clean(20)
    assert (verdict.delivered, verdict.duplicated) == (4, 0)
    tries = [(row["attempt"], row["status"]) for row in await town.logs() if row["version"] == 1]
    again = len(statuses) + 1
    assert tries[-2:] == [(again, "interrupted"), (again, "delivered")]
    assert len({post.webhook_id for post in town.receiver.posts if post.version == 1}) == 1


async def test_a_relay_killed_between_publish_and_delete_publishes_again_and_nobody_notices(
    town: Town,
) -> None:
    """PROMISE: at least once to the log, once to the receiver's audit.

    Breaks if the relay deletes before it knows, or if the reader does not absorb repeats.
    """
    redis = await town.redis()
    async with proxied(town.redis_url) as wire:
        _, _, relay = await asyncio.gather(
            town.start("api"), town.start("deliver"), town.start("relay", redis_url=wire.url)
        )
        await town.ready()
        wire.arm(b"WAITAOF")
        await town.create("summer")
        await asyncio.wait_for(wire.fired.wait(), 10)
        await town.touch("summer", 2)
        await relay.kill()
    assert await _entries(redis) == 1
    assert len(await town.fetch("select from outbox_unpublished")) == 3

    await town.start("relay")

    verdict = await town.proves_clean(20)
    assert (verdict.delivered, verdict.duplicated) == (3, 0)
    assert await _entries(redis) == 4
    await redis.aclose()


async def _entries(redis) -> int:  # type: ignore[no-untyped-def]
    return sum([await redis.xlen(f"famedash:events:{number}") for number in range(16)])


async def test_valkey_killed_under_load_loses_nothing(town: Town) -> None:
    """PROMISE: what the relay deleted is on the log's disk.

    Breaks if a batch counts as published before WAITAOF, or if a session outlives its connections.
    """
    await asyncio.gather(town.start("api"), town.start("relay"), town.start("deliver"))
    await town.ready()
    town.receiver.answer = after(0.02)

    async def drive(name: str) -> None:
        await town.create(name)
        await town.touch(name, 19)

    driving = asyncio.gather(*(drive(f"c{number}") for number in range(4)))
    for _ in range(2):
        await town.posted(len(town.receiver.posts) + 10)
        await town.servers.valkey.kill()
        await asyncio.sleep(0.3)
        await town.servers.valkey.start()
    await driving

    verdict = await town.proves_clean(30)
    assert verdict.delivered == 80
    assert await town.fetch("select from reader_gaps") == []


async def test_an_api_killed_right_after_its_commit_has_told_the_receiver_all_the_same(town: Town) -> None:
    """PROMISE: committed is announced, whoever was told. Same key again: the same answer, one event.

    Breaks if the event is announced after the commit, or the idempotency row is written apart from it.
    """
    async with proxied(town.database_url) as wire:
        api, _, _ = await asyncio.gather(
            town.start("api", database_url=wire.url), town.start("relay"), town.start("deliver")
        )
        await town.ready()
        wire.arm(b"outbox_unpublished", b"COMMIT")
        key, body = str(uuid4()), {"id": "summer", "name": "Summer"}
        asking = asyncio.create_task(town.change("POST", "/campaigns", body, key=key))
        await asyncio.wait_for(wire.fired.wait(), 10)
        await api.kill()
    await town.posted(1)
    assert not asking.done()

    await town.start("api")
    reply = await asking

    assert reply.status == 201
    assert reply.headers["Idempotent-Replayed"] == "true"
    verdict = await town.proves_clean(20)
    assert (verdict.accepted, verdict.delivered) == (1, 1)


async def test_a_lane_goes_on_only_when_a_death_is_on_record(town: Town) -> None:
    """PROMISE: after `dead` the next version is not sent before that is committed, so no crash can swap them.

    Breaks if the commit of an earlier outcome of the same lane lets it go on.
    """
    statuses = {1: 200, 2: 500, 3: 200}

    async def answer(post: Post) -> int:
        await asyncio.sleep(0.5 if post.version == 1 else 0)
        return statuses[post.version] if post.nth == 1 else 200

    async with proxied(town.database_url) as wire:
        settings = {"database_url": wire.url, "webhook_attempts": "1"}
        _, _, worker = await asyncio.gather(
            town.start("api"), town.start("relay"), town.start("deliver", **settings)
        )
        await town.ready()
        await town.owned(1)
        town.receiver.answer = answer
        wire.arm(b"CampaignCreated", b"delivered")
        await town.create("summer")
        await town.touch("summer", 2)
        await asyncio.wait_for(wire.fired.wait(), 10)
        await town.posted(2)
        await asyncio.sleep(0.3)
        wire.release()
        wire.arm(b"CampaignUpdated", b"dead")
        await asyncio.wait_for(wire.fired.wait(), 10)
        await asyncio.sleep(0.5)
        sent = [post.version for post in town.receiver.posts]
        await worker.kill()
    await town.start("deliver", webhook_attempts="1")

    await town.proves_clean(20)
    assert sent == [1, 2]
