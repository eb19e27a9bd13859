"""Puts a stream into Redis, aside, and in one instant in its place: so nobody reads it while it grows."""

import asyncio
import time
from collections.abc import Iterable, Iterator
from itertools import islice

from famedash.infra.log.partitions import PARTITIONS
from famedash.infra.log.redis_log import stream_key
from famedash.metrics.model import TOPIC
from famedash.processes.bench.raw import Raw, command
from famedash.processes.bench.stream import Stream

AT_ONCE = 1000


def staged(partition: int) -> str:
    """The key that a stream has until it is put in its place."""
    return f"staged:{partition}"


async def fill(url: str, stream: Stream, *, each: int = 1) -> dict[int, str]:
    """Stage the stream, `each` lines an entry. Answers the last entry of each partition that has any."""
    return await asyncio.to_thread(_fill, url, stream, each)


def _fill(url: str, stream: Stream, each: int) -> dict[int, str]:
    redis, ends = Raw(url), {}
    arrived_ms = int(time.time() * 1000)
    for partition in range(PARTITIONS):
        number = 0
        entries = stream.entries(partition, each)
        while some := list(islice(_adds(partition, arrived_ms, number, entries), AT_ONCE)):
            redis.send(b"".join(some))
            for _ in some:
                redis.reply()
            number += len(some)
        if number:
            ends[partition] = f"{arrived_ms}-{number}"
    _settle(redis)
    return ends


def _adds(partition: int, arrived_ms: int, number: int, entries: Iterator[bytes]) -> Iterator[bytes]:
    key = staged(partition)
    for place, entry in enumerate(entries, number + 1):
        yield command("XADD", key, f"{arrived_ms}-{place}", "data", entry)


def _settle(redis: Raw) -> None:
    """Wait until the append-only file is not being rewritten: that would take half of this machine."""
    while True:
        facts = redis.ask("INFO", "persistence")
        if b"aof_rewrite_in_progress:0" in facts and b"aof_rewrite_scheduled:0" in facts:
            return
        time.sleep(0.1)


def put_in_place(url: str, partitions: Iterable[int]) -> None:
    """All staged streams at once: from this instant there is something to read."""
    redis = Raw(url)
    renames = [command("RENAME", staged(n), stream_key(TOPIC, n)) for n in partitions]
    redis.send(b"".join([command("MULTI"), *renames, command("EXEC")]))
    for _ in range(len(renames) + 2):
        redis.reply()


def take_away(url: str) -> None:
    """All streams that were put in their place."""
    redis = Raw(url)
    redis.ask("DEL", *(stream_key(TOPIC, n) for n in range(PARTITIONS)))
    _settle(redis)
