"""The limit of `POST /events`: decodes a body, groups it by partition, appends it. No HTTP, no checks.

`python -m famedash.processes.bench.append REDIS_URL WORKSPACE IN_FLIGHT SECONDS` takes the body of its
standard input again and again, and prints how many times a second. The first second is not counted.
"""

import asyncio
import json
import sys
import time
from collections import defaultdict

import msgspec
import uvloop

from famedash.infra.log.model import Record
from famedash.infra.log.partitions import partition_of
from famedash.infra.log.redis_appender import RedisAppender
from famedash.infra.redis import open_redis
from famedash.metrics.decode import Event
from famedash.metrics.model import TOPIC
from famedash.processes.bench.load import WARM_UP_SECONDS

decode = msgspec.json.Decoder(list[Event]).decode
encode_lines = msgspec.json.Encoder().encode_lines


async def main(url: str, workspace: str, *, in_flight: int, seconds: float, body: bytes) -> None:
    counted_from = time.monotonic() + WARM_UP_SECONDS
    until = counted_from + seconds
    done: list[float] = []
    async with open_redis(url, max_connections=in_flight) as redis:
        appender = RedisAppender(redis)

        async def again_and_again() -> None:
            while time.monotonic() < until:
                await appender.append(records(body, workspace))
                done.append(time.monotonic())

        await asyncio.gather(*(again_and_again() for _ in range(in_flight)))
    print(json.dumps({"per_second": sum(counted_from <= at < until for at in done) / seconds}))


def records(body: bytes, workspace: str) -> list[Record]:
    lanes: defaultdict[int, list[Event]] = defaultdict(list)
    for event in decode(body):
        event.workspace = workspace
        lanes[partition_of(workspace, event.campaign_id)].append(event)
    return [Record(TOPIC, n, encode_lines(events).rstrip(b"\n")) for n, events in lanes.items()]


if __name__ == "__main__":
    _, url, workspace, in_flight, seconds = sys.argv
    uvloop.run(
        main(
            url,
            workspace,
            in_flight=int(in_flight),
            seconds=float(seconds),
            body=sys.stdin.buffer.read(),
        )
    )
