"""A server stops, forgets or answers late while `famedash ingest` counts: each event counts once."""

import asyncio

import pytest

from famedash.metrics import service
from famedash.metrics.retention import look_after
from tests.chaos.ingest_stream import Put
from tests.chaos.ingest_town import FOLDED, Feed, feed
from tests.chaos.proxy import Proxy, proxied
from tests.chaos.town import Town, until

pytestmark = [pytest.mark.chaos, pytest.mark.asyncio(loop_scope="session")]

FORWARDED = b"\r\norigin\r\n"
EXECUTE = b"E\0\0\0\x09\0"
"""In PostgreSQL's protocol: run what was prepared before."""


async def _fired(wire: Proxy) -> None:
    await asyncio.wait_for(wire.fired.wait(), 20)


@pytest.mark.parametrize("how", ["stop", "kill"])
@pytest.mark.parametrize("words", [(FOLDED,), (FOLDED, b"COMMIT")], ids=["written", "commit sent"])
async def test_postgres_that_ends_in_the_middle_of_a_write_counts_it_once(
    town: Town, words: tuple[bytes, ...], how: str
) -> None:
    """PROMISE: a write happened whole or not at all, and the consumer finds out which.

    Breaks if the write is simply repeated, or if its fingerprints stay in memory.
    """
    fed = await feed(town, 11)
    async with proxied(town.database_url) as wire:
        await fed.put()
        await fed.start_and_catch_up(database_url=wire.url)
        wire.arm(*words)
        await fed.put()
        await _fired(wire)
        await getattr(town.servers.postgres, how)()
        await town.servers.postgres.start()
        wire.release()
        await fed.put()

        await fed.proves_exact()


@pytest.mark.parametrize("fate", ["applied", "not applied", "landing late"])
async def test_a_commit_whose_answer_is_lost_counts_once(town: Town, fate: str) -> None:
    """PROMISE: of two copies of one write the second is refused, whichever it is.

    Breaks if a lost answer is taken for a failure or for a success, or if only the position is compared.
    """
    fed = await feed(town, 12)
    async with proxied(town.database_url) as wire:
        await fed.put()
        await fed.start_and_catch_up(database_url=wire.url)
        for _ in range(2):
            late_seconds = 1.5 if fate == "landing late" else None
            wire.arm(FOLDED, b"COMMIT", lost=fate == "not applied", late_seconds=late_seconds)
            await fed.put()
            if fate == "applied":
                await wire.cut()
            await _fired(wire)
            await fed.append(fed.stream.entries(fed.stream.every_event_again()))
            await fed.caught_up()

        await fed.proves_exact()


async def test_an_answer_that_comes_very_late_is_no_bug(town: Town) -> None:
    """PROMISE: a database that froze in the middle of a write (it ends that after 5 s) costs no event."""
    fed = await feed(town, 13)
    async with proxied(town.database_url) as wire:
        await fed.put()
        consumer = await fed.start_and_catch_up(database_url=wire.url)
        wire.arm(FOLDED)
        await fed.put()
        await _fired(wire)
        await asyncio.sleep(6)
        wire.release()

        await fed.proves_exact()
    assert consumer.is_alive


@pytest.mark.parametrize(
    "words", [(b"XRANGE",), (FORWARDED,), (b"dead:engagement",)], ids=["read", "line moved", "letter copied"]
)
async def test_redis_that_dies_in_the_middle_of_a_request_loses_nothing(
    town: Town, words: tuple[bytes, ...]
) -> None:
    """PROMISE: the position passes a line of another partition once that one has it, answered for.

    Breaks if a forward or a copy whose answer was lost counts as done.
    """
    fed = await feed(town, 14)
    async with proxied(town.redis_url) as wire:
        await fed.put()
        await fed.start_and_catch_up(redis_url=wire.url)
        wire.arm(*words)
        await fed.put()
        await _fired(wire)
        await town.servers.valkey.kill()
        await town.servers.valkey.start()
        await fed.redis.connection_pool.disconnect()
        wire.release()
        await fed.put()

        await fed.proves_exact()


async def test_both_servers_restarted_under_load_lose_nothing(town: Town) -> None:
    """PROMISE: an outage is waited for; what was read before it is read again."""
    fed = await feed(town, 15)
    await fed.put()
    consumer = await fed.start_and_catch_up()

    for server in (town.servers.postgres, town.servers.valkey):
        await fed.put(200)
        await server.stop()
        await asyncio.sleep(1)
        await server.start()

    await fed.proves_exact()
    assert consumer.is_alive


# --- gaps


async def _busiest(fed: Feed) -> tuple[int, str]:
    (row,) = await fed.town.fetch(
        "select partition, entry from reader_positions where reader = 'metrics' order by entry desc limit 1"
    )
    return row["partition"], row["entry"]


@pytest.mark.parametrize("how", ["trimmed", "deleted", "its tail lost"])
@pytest.mark.parametrize("running", [False, True], ids=["while nobody reads", "while it is read"])
async def test_a_stream_that_lost_what_the_position_names_is_reported_once_and_read_on(
    town: Town, how: str, running: bool
) -> None:
    """PROMISE: a gap is a row, once; what there is is read, and what comes again is absorbed.

    Breaks if the reader trusts that entries follow its position, or starts over and counts again.
    """
    fed = await feed(town, 16)
    await fed.put(100)
    consumer = await fed.start_and_catch_up()
    if running:
        consumer.pause()
    else:
        await consumer.stop()
    partition, position = await _busiest(fed)
    key = f"famedash:engagement:{partition}"
    if how == "trimmed":
        await fed.redis.xadd(key, {"data": b"never read by anybody"})
        await fed.redis.xtrim(key, maxlen=0)
    elif how == "deleted":
        await fed.redis.delete(key)
    else:
        await fed.redis.xdel(key, position)
    again = [line for line in fed.stream.every_event_again() if line.home == partition]
    await fed.append([Put(partition, [line]) for line in again])
    await fed.put()
    (first, _), *_ = await fed.redis.xrange(key, count=1)
    if running:
        consumer.resume()
    else:
        await fed.start()

    await fed.proves_exact(gaps=1)

    assert await fed.gaps() == [(partition, position, first.decode())]


async def test_a_redis_that_forgot_everything_is_reported_once_a_partition(town: Town) -> None:
    """PROMISE: FLUSHALL, with entries read and not yet counted: those count, once; the loss is on record.

    Breaks if an empty stream is reported at every look or after every restart, or waited for in silence.
    """
    fed = await feed(town, 17)
    async with proxied(town.database_url) as wire:
        await fed.put(100)
        consumer = await fed.start_and_catch_up(database_url=wire.url)
        wire.arm(FOLDED)
        one = fed.stream.event(more={"platform": "tiktok"})
        assert one.home is not None
        await fed.append([Put(one.home, [one])])
        await _fired(wire)
        await fed.flush()
        wire.release()
        begun = await town.fetch("select from reader_positions where reader = 'metrics' and entry <> '0-0'")

        async def reported() -> bool:
            return len(await fed.gaps()) >= len(begun)

        await until(reported, 10, "every stream that was read is reported")
        await consumer.kill()
    await fed.forget_the_dead()
    await fed.start_and_catch_up()
    await asyncio.sleep(2.5)
    await fed.append(fed.stream.entries(fed.stream.every_event_again()))
    await fed.put()

    await fed.proves_exact(gaps=len(begun))


# --- tend, at any time


@pytest.mark.parametrize("remade", [False, True], ids=["table gone", "table made again"])
@pytest.mark.parametrize("word", [b"octet_length", b"string_agg(fingerprints"], ids=["counted", "loaded"])
async def test_a_horizon_that_moves_after_the_fingerprints_were_asked_for_counts_nothing_twice(
    town: Town, word: bytes, remade: bool
) -> None:
    """PROMISE: what cannot be told from a repeat any more is a letter, although its draft was made before.

    Breaks if the horizon is not read after the last fingerprint, in the transaction that counts.
    """
    fed = await feed(town, 18)
    await fed.append(fed.stream.entries([fed.stream.fresh(days=4) for _ in range(30)]))
    await (await fed.start_and_catch_up()).stop()
    late = [*fed.stream.every_event_again("too_late"), fed.stream.fresh(days=4, reason="too_late")]
    await fed.append(fed.stream.entries([*late, *(fed.stream.fresh(minutes=1) for _ in range(10))]))
    async with proxied(town.database_url) as wire, fed.database() as database:
        wire.arm(word, EXECUTE)
        await fed.start(database_url=wire.url)
        await _fired(wire)
        await look_after(database, dedupe_days=1)
        if remade:
            await service.prepare(database, [service.minute_of(fed.stream.now) - 4 * 1440])
        wire.release()

        await fed.proves_exact()


async def test_tend_at_any_time_changes_no_count(town: Town) -> None:
    """PROMISE: tables are made, merged and dropped beside ingestion without a lost or doubled event."""
    fed = await feed(town, 19, tables=False)
    consumer = await fed.start()

    async def tend_on_and_on() -> None:
        async with fed.database() as database:
            while True:
                await look_after(database, dedupe_days=7)
                await asyncio.sleep(0.02)

    tending = asyncio.create_task(tend_on_and_on())
    for turn in range(6):
        await fed.put(100)
        await asyncio.sleep(0.3)
        if turn == 3:
            await consumer.kill()
            await fed.forget_the_dead()
            await fed.start()
    await fed.caught_up()
    tending.cancel()

    await fed.proves_exact()


@pytest.mark.parametrize("lost", [False, True], ids=["asked for", "about to be"])
async def test_a_time_that_has_no_table_gets_one_although_its_maker_dies(town: Town, lost: bool) -> None:
    """PROMISE: no event waits for `tend`. Breaks if a missing table is taken for bad data, or for a bug."""
    fed = await feed(town, 20, tables=False)
    await fed.put()
    async with proxied(town.database_url) as wire:
        consumer = await fed.start(database_url=wire.url)
        wire.arm(b"prepare_time_partition", lost=lost, strike=consumer.strike)
        await _fired(wire)
        await consumer.ended()
    await fed.forget_the_dead()

    await fed.start()

    await fed.proves_exact()
    assert {reason for reason, _ in fed.truth.letters.values()} >= {"too_late", "future"}
