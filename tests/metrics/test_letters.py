"""Dead letters: copied to their stream, replayed after a fix, each event counted once all the same."""

import json
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from famedash.infra.database import Database
from famedash.infra.log.redis_appender import RedisAppender
from famedash.metrics import letters as mail
from famedash.metrics import queries, service
from famedash.metrics.letters import MayCountTwice
from tests.flow.system import until
from tests.metrics.counting import ago, append, caught_up, event, ingester, letters, totals


async def copies(redis: Redis) -> list[dict[str, object]]:
    return [json.loads(entry[1][b"data"]) for entry in await redis.xrange("famedash:dead:engagement")]


async def test_letters_are_copied_to_their_stream_with_reason_and_origin(
    database: Database, database_url: str, redis: Redis, redis_url: str
) -> None:
    await append(redis, b'{"eventId": "cut', b"\xff\xfe", partition=3)
    entries = [entry[0].decode() for entry in await redis.xrange("famedash:engagement:3")]

    async with ingester(database_url, redis_url):

        async def copied() -> bool:
            return len(await copies(redis)) == 2

        await until(copied)

    cut, odd = sorted(await copies(redis), key=lambda copy: str(copy["id"]))
    assert (cut["reason"], cut["payload"]) == ("not_json", '{"eventId": "cut')
    assert (odd["reason"], odd["payloadBase64"]) == ("bad_utf8", "//4=")
    assert [str(copy["id"]).split("/")[:2] for copy in (cut, odd)] == [["3", entry] for entry in entries]
    assert await database.fetchval("select bool_and(copied) from metric_dead_letters")


async def test_a_letter_counts_after_its_replay_and_once_when_it_is_replayed_twice(
    database: Database, database_url: str, redis: Redis, redis_url: str
) -> None:
    """PROMISE: nothing that was set aside is lost, and a replay never counts twice."""
    early = event(1, timestamp=ago(seconds=-90))
    await append(redis, early)

    async with ingester(database_url, redis_url):
        await caught_up(database, redis)
        assert [reason for reason, _ in await letters(database)] == ["future"]
        fixed = json.dumps(early | {"timestamp": ago(seconds=5)}).encode()
        await rewrite(database, fixed)

        assert await mail.replay(database, RedisAppender(redis), reason="future", force=False) == 1
        await caught_up(database, redis)
        async with database.transaction() as tx:
            await tx.execute("update metric_dead_letters set replayed_at = null")
        assert await mail.replay(database, RedisAppender(redis), reason=None, force=False) == 1
        await caught_up(database, redis)

    assert await totals(database) == {"views": 1}
    assert await mail.replay(database, RedisAppender(redis), reason=None, force=False) == 0


async def rewrite(database: Database, payload: bytes) -> None:
    """Somebody mends the line where it stands."""
    async with database.transaction() as tx:
        await tx.execute("update metric_dead_letters set payload = $1", payload)


async def test_what_is_still_wrong_becomes_a_letter_again_and_the_replay_ends(
    database: Database, database_url: str, redis: Redis, redis_url: str
) -> None:
    await append(redis, b"[]")

    async with ingester(database_url, redis_url):
        await caught_up(database, redis)
        assert await mail.replay(database, RedisAppender(redis), reason=None, force=False) == 1
        await caught_up(database, redis)

    groups = await queries.letters_by_reason(database)
    assert [(group["reason"], group["number"], group["waiting"]) for group in groups] == [
        ("not_an_object", 2, 1)
    ]


async def test_what_is_too_late_is_replayed_only_by_force(
    database: Database, database_url: str, redis: Redis, redis_url: str
) -> None:
    """PROMISE: exactness is never given up silently. Breaks if a replay passes the horizon by itself."""
    async with database.transaction() as tx:
        await service.move_horizon(tx, kept=timedelta(days=7))
    late = event(1, timestamp=ago(days=9))
    await append(redis, late, late, event(2))
    appender = RedisAppender(redis)

    async with ingester(database_url, redis_url):
        await caught_up(database, redis)
        assert [reason for reason, _ in await letters(database)] == ["too_late"] * 2
        with pytest.raises(MayCountTwice):
            await mail.replay(database, appender, reason="too_late", force=False)
        assert await mail.replay(database, appender, reason=None, force=False) == 0
        assert await totals(database) == {"views": 1}

        assert await mail.replay(database, appender, reason="too_late", force=True) == 2
        await caught_up(database, redis)

    assert await totals(database) == {"views": 2}
