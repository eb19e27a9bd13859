"""The word after a commit: in haste, never twice at once, never a failure."""

import asyncio
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisAway

from famedash.infra.log.ear import Ear
from famedash.infra.log.poke import Poke


class Channel:
    """Stands in for Redis: notes what was published, `failing` or held until `open` is set."""

    def __init__(self, *, failing: bool = False) -> None:
        self.said: list[str] = []
        self.under_way = 0
        self.most_under_way = 0
        self.open = asyncio.Event()
        self._failing = failing

    async def publish(self, channel: str, _: Any) -> None:
        self.said.append(channel)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        await self.open.wait()
        self.under_way -= 1
        if self._failing:
            raise RedisAway("gone")


def poke_on(channel: Channel) -> Poke:
    return Poke(channel)  # type: ignore[arg-type]


async def test_many_commits_at_once_are_one_word_and_one_more_for_those_that_came_meanwhile() -> None:
    channel = Channel()
    poke = poke_on(channel)

    for _ in range(50):
        poke.request("outbox")
    await asyncio.sleep(0.01)
    for _ in range(50):
        poke.request("outbox")
    channel.open.set()
    await asyncio.sleep(0.05)

    assert channel.said == ["famedash:wake:outbox"] * 2
    assert channel.most_under_way == 1


async def test_a_commit_is_not_disturbed_by_a_redis_that_is_away() -> None:
    channel = Channel(failing=True)
    channel.open.set()
    poke = poke_on(channel)

    poke.request("outbox")
    poke.request("metrics")
    await asyncio.sleep(0.02)
    poke.request("outbox")
    await asyncio.sleep(0.01)

    assert sorted(channel.said) == [f"famedash:wake:{name}" for name in ("metrics", "outbox", "outbox")]


async def test_closing_does_not_wait_for_a_word_under_way() -> None:
    poke = poke_on(Channel())
    poke.request("outbox")
    await asyncio.sleep(0)

    await asyncio.wait_for(poke.close(), 1)


async def test_who_listens_on_redis_hears_it(redis: Redis) -> None:
    poke = Poke(redis)
    async with redis.pubsub() as ear:
        await ear.subscribe("famedash:wake:outbox")
        await ear.get_message(timeout=5)  # the confirmation

        poke.request("outbox")

        heard = await ear.get_message(ignore_subscribe_messages=True, timeout=5)
    await poke.close()
    assert heard is not None
    assert heard["channel"] == b"famedash:wake:outbox"


async def test_an_ear_hears_the_poke_of_its_name_and_no_other(redis: Redis) -> None:
    """Breaks if the two spell the channel differently: then every poll waits out its pause."""
    poke, ear = Poke(redis), Ear(redis, "only-here")  # a server has one `outbox` for all tests at once
    await ear.listen(0.01)  # subscribes

    listening = asyncio.create_task(ear.listen(5))
    poke.request("metrics")
    await asyncio.sleep(0.1)
    assert not listening.done()
    poke.request("only-here")
    await asyncio.wait_for(listening, 2)

    await ear.close()
    await poke.close()
