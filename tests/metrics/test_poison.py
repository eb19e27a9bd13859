"""Poison is set aside with its reason, where and however it comes, and the log flows on."""

import json
from base64 import b64decode
from collections import Counter
from typing import Any

import pytest
from redis.asyncio import Redis

from famedash.infra.database import Database
from famedash.metrics import service
from famedash.metrics.model import DEAD_TOPIC
from tests.flow.system import until
from tests.metrics.counting import (
    ago,
    append,
    append_together,
    caught_up,
    event,
    home_of,
    ingester,
    letters,
    totals,
)
from tests.metrics.lives import Life, impatient, live
from tests.metrics.poison import POISON
from tests.metrics.streams import DAY

__all__ = ["impatient"]
HOME = home_of(event(0))
ALMOST_FULL = 2**63 - 10


async def every_poison(database: Database) -> list[tuple[str, bytes]]:
    """(reason, line) of all of `POISON`, and of what is poison only at its time."""
    async with database.transaction() as tx:
        await service.move_horizon(tx, kept=7 * DAY)
    late = json.dumps(event("late", timestamp=ago(days=9))).encode()
    future = json.dumps(event("future", timestamp=ago(minutes=-5))).encode()
    return [*((reason, poison) for _, poison, reason in POISON), ("too_late", late), ("future", future)]


async def copies(redis: Redis) -> list[tuple[str, bytes]]:
    """(reason, payload) of everything in the dead-letter stream."""
    entries = [json.loads(fields[b"data"]) for _, fields in await redis.xrange(f"famedash:{DEAD_TOPIC}")]
    return [(entry["reason"], _payload(entry)) for entry in entries]


def _payload(entry: dict[str, str]) -> bytes:
    return entry["payload"].encode() if "payload" in entry else b64decode(entry["payloadBase64"])


async def test_poison_in_entries_of_its_own_is_set_aside_and_copied(
    database: Database, database_url: str, redis: Redis, redis_url: str
) -> None:
    """PROMISE: a poison message never stops the log, and none is lost."""
    poisons = await every_poison(database)
    for number, (_, poison) in enumerate(poisons):
        await append(redis, event(number))
        await append(redis, poison, partition=HOME)

    async with ingester(database_url, redis_url):
        await caught_up(database, redis)

        async def copied() -> bool:
            return len(await copies(redis)) >= len(poisons)

        await until(copied)
        await append(redis, event("afterwards"))
        await caught_up(database, redis)

    assert await totals(database) == {"views": len(poisons) + 1}
    assert Counter(await letters(database)) == Counter(poisons)
    assert Counter(await copies(redis)) == Counter(poisons)


async def test_poison_in_the_middle_of_an_entry_takes_nothing_with_it(
    database: Database, redis: Redis
) -> None:
    poisons = await every_poison(database)
    for number, (_, poison) in enumerate(poisons):
        around = json.dumps(event(f"{number} before")).encode(), json.dumps(event(f"{number} after")).encode()
        await append_together(redis, [around[0], poison, around[1]], HOME)

    await live(database, redis, Life(most_events=7))

    assert await totals(database) == {"views": 2 * len(poisons)}
    assert Counter(await letters(database)) == Counter(poisons)
    rows = await database.fetch("select distinct line from metric_dead_letters")
    assert [row["line"] for row in rows] == [1]


@pytest.mark.parametrize("most_events", [1, 10, 100_000])
async def test_batches_of_nothing_but_poison_move_the_position_on(
    database: Database, redis: Redis, most_events: int
) -> None:
    poisons = await every_poison(database)
    await append_together(redis, [poison for _, poison in poisons] + [b"last"], HOME)
    for _, poison in poisons:
        await append(redis, poison, partition=HOME)

    await live(database, redis, Life(most_events=most_events))
    await append(redis, event(1))
    await live(database, redis)

    assert Counter(await letters(database)) == Counter([*poisons, *poisons, ("not_json", b"last")])
    assert await totals(database) == {"views": 1}


async def test_a_line_without_data_or_with_other_fields_is_set_aside(
    database: Database, redis: Redis
) -> None:
    await redis.xadd(f"famedash:engagement:{HOME}", {"other": "field"})
    await redis.xadd(
        f"famedash:engagement:{HOME}", {"more": "fields", "data": json.dumps(event(1)), "origin": "nowhere"}
    )

    await live(database, redis)

    assert await letters(database) == [("empty", b"")]
    assert await totals(database) == {"views": 1}


async def fill(database: Database, campaign: str) -> None:
    """So many views that hardly one more finds room."""
    async with database.transaction() as tx:
        await tx.execute(
            "insert into metric_totals values ('default', $1, 'tiktok', $2, 0, 0, 0, 0, 0, 0)",
            campaign,
            ALMOST_FULL,
        )


def rich(number: int | str, **more: Any) -> dict[str, Any]:
    """An event of a campaign whose views are full."""
    return event(number, campaignId="rich", **more)


@pytest.mark.parametrize("place", [0, 77, 299])
async def test_the_one_event_that_postgresql_refuses_is_found_among_many(
    database: Database, redis: Redis, place: int
) -> None:
    await fill(database, "rich")
    many = [rich(number, type="like") for number in range(300)]
    culprit = rich("culprit", value=10**9)
    await append(redis, *many[:place], culprit, *many[place:])

    await live(database, redis)

    assert await letters(database) == [("refused", json.dumps(culprit).encode())]
    assert await totals(database, "rich") == {"views": ALMOST_FULL, "likes": 300}


async def test_refused_lines_inside_an_entry_are_found_each_by_its_line(
    database: Database, redis: Redis
) -> None:
    await fill(database, "rich")
    lines = [rich(number, type="like") for number in range(60)]
    refused = (0, 17, 18, 59)
    for place in refused:
        lines[place] = rich(place, value=10**9)
    await append_together(redis, lines, home_of(rich(0)))

    await live(database, redis)

    rows = await database.fetch("select line, reason from metric_dead_letters order by line")
    assert [(row["line"], row["reason"]) for row in rows] == [(place, "refused") for place in refused]
    assert await totals(database, "rich") == {"views": ALMOST_FULL, "likes": 56}


async def test_what_breaks_a_constraint_is_refused_and_no_table_is_missed_for_it(
    database: Database, redis: Redis
) -> None:
    """Both raise 23514; only a constraint has a name."""
    async with database.transaction() as tx:
        await tx.execute("alter table metric_totals add constraint few check (views < 100)")
    await append(redis, event(1), event("many", value=100), event(2))

    await live(database, redis)

    assert [reason for reason, _ in await letters(database)] == ["refused"]
    assert await totals(database) == {"views": 2}


async def test_what_was_refused_is_copied_and_counts_when_there_is_room_again(
    database: Database, database_url: str, redis: Redis, redis_url: str
) -> None:
    await fill(database, "rich")
    culprit = rich("culprit", value=100)
    await append(redis, culprit)

    async with ingester(database_url, redis_url):
        await caught_up(database, redis)

        async def copied() -> bool:
            return await copies(redis) == [("refused", json.dumps(culprit).encode())]

        await until(copied)
        await append(redis, rich("correction", value=-1_000), culprit)
        await caught_up(database, redis)

    assert await totals(database, "rich") == {"views": ALMOST_FULL - 900}


async def test_the_longest_ids_of_the_largest_characters_find_room_in_every_index(
    database: Database, redis: Redis
) -> None:
    """PROMISE: what decodes can be stored. Breaks if ids grow beyond what a page of an index holds."""
    longest = event(
        1,
        **{
            name: "".join(chr(0x10000 + (seed + 7919 * place) % 0x9FFF) for place in range(length))
            for seed, (name, length) in enumerate(
                {
                    "eventId": 200,
                    "campaignId": 200,
                    "influencerId": 200,
                    "workspace": 200,
                    "platform": 50,
                }.items()
            )
        },
        type="like",
        hashtags=["\U0001f3d6" * 100],
    )
    await append(redis, longest)

    await live(database, redis)

    assert await letters(database) == []
    assert await totals(database, longest["campaignId"], longest["workspace"]) == {"likes": 1}


@pytest.mark.parametrize(
    "odd", ['"', "\\", '\\\\"', "{", "}", "{}", ",", "NULL", "null", " x ", "'", "\u2028", "%s"]
)
async def test_ids_that_look_like_syntax_are_stored_as_they_are(
    database: Database, redis: Redis, odd: str
) -> None:
    one = event(
        1,
        campaignId=odd,
        influencerId=odd,
        workspace=odd,
        platform=f"{odd}x",
        type="like",
        hashtags=[f"{odd}t"],
    )
    await append(redis, one)

    await live(database, redis)

    assert await totals(database, odd, odd) == {"likes": 1}
    assert await database.fetchval("select influencer_id from metric_creator_totals") == odd
    assert await database.fetchval("select platform from metric_totals") == f"{odd}x".strip().lower()
    assert await database.fetchval("select hashtag from metric_hashtag_hours") == f"{odd}t".strip().lower()
