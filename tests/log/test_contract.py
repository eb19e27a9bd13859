"""The promises of a log and of its publisher: every broker passes this list.

Nothing here knows a broker: ids of entries are opaque, and losses are asked for by name (`brokers.py`).
"""

import asyncio
import time

from famedash.infra.log.model import START, Batch, Gap, Log, Record
from tests.log.brokers import Broker

SEEN_WITHIN_SECONDS = 5.0


async def publish(broker: Broker, *payloads: bytes, partition: int = 3) -> None:
    async with broker.publisher() as publisher:
        await publisher.publish([Record("events", partition, payload) for payload in payloads])
        await publisher.confirm()


async def read(log: Log, cursor: str = START, *, limit: int = 10, partition: int = 3) -> Batch:
    (batch,) = await log.read({partition: cursor}, limit=limit, wait_seconds=1)
    return batch


def payloads(batch: Batch) -> list[bytes]:
    return [entry.data for entry in batch.entries]


async def test_what_was_published_is_read_in_order(broker: Broker) -> None:
    await publish(broker, b"one", b"two", b"three")

    batch = await read(broker.log())

    assert payloads(batch) == [b"one", b"two", b"three"]
    assert batch.partition == 3
    assert batch.gap is None


async def test_sessions_append_one_after_the_other(broker: Broker) -> None:
    await publish(broker, b"one", b"two")
    await publish(broker, b"three")

    assert payloads(await read(broker.log())) == [b"one", b"two", b"three"]


async def test_an_entry_says_when_the_broker_took_it(broker: Broker) -> None:
    await publish(broker, b"one")

    (entry,) = (await read(broker.log())).entries

    assert abs(entry.arrived_ms - time.time() * 1000) < 60_000


async def test_any_bytes_come_back_as_they_went_in(broker: Broker) -> None:
    odd = [bytes(range(256)), "é漢".encode(), b"x" * 300_000]
    await publish(broker, *odd)

    assert payloads(await read(broker.log())) == odd


async def test_reading_goes_on_after_the_cursor(broker: Broker) -> None:
    log = broker.log()
    await publish(broker, b"one", b"two", b"three")
    first = await read(log, limit=1)

    rest = await read(log, first.entries[0].id)

    assert payloads(first) == [b"one"]
    assert payloads(rest) == [b"two", b"three"]


async def test_another_reader_goes_on_where_the_first_one_stood(broker: Broker) -> None:
    """PROMISE: the position is the reader's, in its own store. Breaks if a broker remembers it instead."""
    await publish(broker, b"one", b"two")
    first = await read(broker.log(), limit=1)

    assert payloads(await read(broker.log(), first.entries[0].id)) == [b"two"]
    assert payloads(await read(broker.log())) == [b"one", b"two"]


async def test_one_look_covers_several_partitions(broker: Broker) -> None:
    await publish(broker, b"left", partition=1)
    await publish(broker, b"right", partition=15)

    batches = await broker.log().read({1: START, 2: START, 15: START}, limit=10, wait_seconds=1)

    assert {batch.partition: payloads(batch) for batch in batches} == {1: [b"left"], 15: [b"right"]}


async def test_nothing_new_answers_nothing(broker: Broker) -> None:
    log = broker.log()
    await publish(broker, b"one")
    batch = await read(log)

    assert await log.read({3: batch.entries[-1].id}, limit=10, wait_seconds=0.05) == []


async def test_what_arrives_meanwhile_ends_the_wait(broker: Broker) -> None:
    async with asyncio.timeout(5):
        reading = asyncio.create_task(broker.log().read({3: START}, limit=10, wait_seconds=30))
        await asyncio.sleep(0.1)
        await publish(broker, b"news")

        (batch,) = await reading

    assert payloads(batch) == [b"news"]


async def test_a_lost_entry_at_the_cursor_is_a_gap(broker: Broker) -> None:
    """PROMISE: entries that were lost before they were read are reported, never waited for."""
    log = broker.log()
    await publish(broker, b"one", b"two", b"three")
    one, two, three = (await read(log)).entries
    await broker.lose_up_to(3, two.id)

    after = await read(log, one.id)

    assert payloads(after) == [b"three"]
    assert after.gap == Gap(one.id, three.id)


async def test_entries_lost_behind_the_cursor_are_no_gap(broker: Broker) -> None:
    log = broker.log()
    await publish(broker, b"one", b"two", b"three")
    one, two, _ = (await read(log)).entries
    await broker.lose_up_to(3, one.id)

    after = await read(log, two.id)

    assert payloads(after) == [b"three"]
    assert after.gap is None


async def test_a_reset_log_is_a_gap_though_it_is_empty(broker: Broker) -> None:
    log = broker.log()
    await publish(broker, b"one")
    (one,) = (await read(log)).entries
    await broker.reset(3)

    (after,) = await log.read({3: one.id}, limit=10, wait_seconds=0.05)

    assert payloads(after) == []
    assert after.gap == Gap(one.id, None)


async def test_a_log_that_begins_again_is_read_from_its_beginning(broker: Broker) -> None:
    log = broker.log()
    await publish(broker, b"one", b"two")
    _, two = (await read(log)).entries
    await broker.reset(3)
    await publish(broker, b"again", b"and again")

    after = await read(log, two.id)

    assert payloads(after) == [b"again", b"and again"]
    assert after.gap == Gap(two.id, after.entries[0].id)


async def test_a_reset_partition_is_seen_while_others_are_busy(broker: Broker) -> None:
    """PROMISE: a gap is loud under steady load too.

    Breaks if only partitions with news are looked at.
    """
    log, deadline = broker.log(), time.monotonic() + SEEN_WITHIN_SECONDS
    await publish(broker, b"one", partition=3)
    await publish(broker, b"busy", partition=4)
    (one,) = (await read(log)).entries
    await broker.reset(3)

    gaps: dict[int, Gap | None] = {}
    while 3 not in gaps and time.monotonic() < deadline:
        batches = await log.read({3: one.id, 4: START}, limit=10, wait_seconds=1)
        gaps |= {batch.partition: batch.gap for batch in batches}

    assert gaps == {3: Gap(one.id, None), 4: None}


async def test_trimming_leaves_the_entry_at_the_position(broker: Broker) -> None:
    """PROMISE: a trim never makes a gap.

    Breaks if the age alone decides: the reader would find its position gone.
    """
    log = broker.log()
    await publish(broker, b"one", b"two", b"three")
    second = (await read(log)).entries[1]

    dropped = await log.trim(3, position=second.id, older_than_ms=second.arrived_ms + 60_000)

    after = await read(log, second.id)
    assert dropped == 1
    assert after.gap is None
    assert payloads(after) == [b"three"]


async def test_trimming_by_age_leaves_what_is_young(broker: Broker) -> None:
    log = broker.log()
    await publish(broker, b"one", b"two")
    batch = await read(log)

    assert await log.trim(3, position=batch.entries[1].id, older_than_ms=1) == 0
    assert payloads(await read(log)) == [b"one", b"two"]


async def test_nothing_is_trimmed_where_the_position_is_gone(broker: Broker) -> None:
    """Breaks if a trim hides a loss: what stands there belongs to a past that the reader does not know."""
    log = broker.log()
    await publish(broker, b"one", b"two", b"three")
    one, _, _ = (await read(log)).entries
    await broker.lose_up_to(3, one.id)

    assert await log.trim(3, position=one.id, older_than_ms=2**50) == 0
    assert payloads(await read(log)) == [b"two", b"three"]


async def test_nothing_is_trimmed_where_nothing_was_read(broker: Broker) -> None:
    log = broker.log()
    await publish(broker, b"one", b"two")

    assert await log.trim(3, position=START, older_than_ms=2**50) == 0
    assert payloads(await read(log)) == [b"one", b"two"]


async def test_progress_tells_when_the_oldest_unread_entry_arrived(broker: Broker) -> None:
    log = broker.log()
    await publish(broker, b"one", b"two", b"three")
    one, two, three = (await read(log)).entries

    assert (await log.oldest_after(3, START)).oldest_ms == one.arrived_ms
    assert (await log.oldest_after(3, one.id)).oldest_ms == two.arrived_ms
    assert (await log.oldest_after(3, three.id)).oldest_ms is None
    assert (await log.oldest_after(4, START)).oldest_ms is None


async def test_progress_is_measured_by_the_clock_that_stamps_the_entries(broker: Broker) -> None:
    """PROMISE: what arrives after "nothing is unread" arrived no earlier than the time that was told.

    Breaks if the time is ours and not the broker's, or is asked for after the entries.
    """
    log = broker.log()
    before = await log.oldest_after(3, START)
    await publish(broker, b"one")
    (one,) = (await read(log)).entries
    after = await log.oldest_after(3, START)

    assert before.now_ms <= one.arrived_ms <= after.now_ms


async def test_a_plain_stream_keeps_order_too(broker: Broker) -> None:
    async with broker.publisher() as publisher:
        await publisher.publish([Record("dead:webhooks", None, b"a"), Record("dead:webhooks", None, b"b")])
        await publisher.confirm()

    assert await broker.plain("dead:webhooks") == [b"a", b"b"]
