"""The same key after a crash between commit and answer, twenty at once: one change, one answer."""

import asyncio
from uuid import uuid4

import pytest

from tests.chaos.proxy import proxied
from tests.chaos.town import Town

pytestmark = [pytest.mark.chaos, pytest.mark.asyncio(loop_scope="session")]


async def test_twenty_at_once_with_one_key_survive_a_crash_between_commit_and_answer(town: Town) -> None:
    """PROMISE: whatever dies between commit and answer, the same key is one change and one answer.

    Breaks if key and change are two commits, or if a twin that waited is told something else.
    """
    async with proxied(town.database_url) as wire:
        api = await town.start("api", database_url=wire.url)
        await asyncio.gather(town.start("relay"), town.start("deliver"))
        await town.ready()
        wire.arm(b"outbox_unpublished", b"COMMIT")
        key, body = str(uuid4()), {"name": "Whichever id it gets"}
        asking = [asyncio.create_task(town.change("POST", "/campaigns", body, key=key)) for _ in range(20)]
        await asyncio.wait_for(wire.fired.wait(), 10)
        await api.kill()
    await town.start("api")

    replies = await asyncio.gather(*asking)

    assert {reply.status for reply in replies} == {201}
    assert len({reply.body for reply in replies}) == 1
    assert all(reply.headers["Idempotent-Replayed"] == "true" for reply in replies)
    assert len(await town.fetch("select from campaigns")) == 1
    verdict = await town.proves_clean(20)
    assert verdict.delivered == 1


async def test_a_change_whose_commit_is_in_doubt_for_the_api_is_made_once(town: Town) -> None:
    """PROMISE: a lost answer of the database is a 5xx that may be repeated, never a second version."""
    async with proxied(town.database_url) as wire:
        await asyncio.gather(
            town.start("api", database_url=wire.url), town.start("relay"), town.start("deliver")
        )
        await town.ready()
        await town.create("summer")
        for _ in range(3):
            wire.arm(b"metadata", b"COMMIT")
            changing = asyncio.create_task(town.touch("summer"))
            await wire.cut()
            await changing

        verdict = await town.proves_clean(20)

    assert (verdict.accepted, verdict.delivered) == (4, 4)
    assert town.odd_answers == []
