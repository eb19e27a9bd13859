"""A steady stream: appends events at a rate, one an entry, and notes when each of one campaign was appended.

`python -m famedash.processes.bench.feed REDIS_URL RATE SECONDS WORKSPACE CAMPAIGN` prints JSON: when the n-th
view of that campaign had been appended (monotonic seconds; a hundred a second are), and the sum of all
values. Fails when it took a tenth longer than it should.
"""

import json
import sys
import time
from threading import Thread

from famedash.infra.log.partitions import partition_of
from famedash.infra.log.redis_log import stream_key
from famedash.metrics.model import TOPIC
from famedash.processes.bench import stream
from famedash.processes.bench.raw import Raw, command

TICKS_PER_SECOND = 100
CAMPAIGNS = 1_000
LONGEST = 1.1


def main(url: str, rate: int, seconds: float, workspace: str, campaign: str) -> None:
    redis, author = Raw(url), stream.Author(CAMPAIGNS, workspace=workspace)
    ticks, each = int(seconds * TICKS_PER_SECOND), rate // TICKS_PER_SECOND
    appended: list[float] = []
    waiting = Thread(target=_note, args=(redis, ticks, each, appended), daemon=True)
    waiting.start()
    values = 0
    began = time.monotonic()
    for tick in range(ticks):
        time.sleep(max(0.0, began + tick / TICKS_PER_SECOND - time.monotonic()))
        at_ms = int(time.time() * 1000)
        events = [author.write(index, at_ms) for index in author.choose(each - 1)]
        adds = [_add(event.partition, event.line) for event in events]
        adds.append(_add(partition_of(workspace, campaign), _view(author, workspace, campaign, at_ms)))
        redis.send(b"".join(adds))
        values += 1 + sum(event.value for event in events)
    waiting.join()
    if len(appended) < ticks or appended[-1] - began > LONGEST * seconds:
        raise RuntimeError(f"{rate:,} events a second could not be appended")
    print(json.dumps({"appended": appended, "values": values}))


def _note(redis: Raw, ticks: int, each: int, appended: list[float]) -> None:
    """When the last reply of each tick came; meanwhile the next is sent, however long a sync takes."""
    for _ in range(ticks):
        for _ in range(each):
            redis.reply()
        appended.append(time.monotonic())


def _add(partition: int, line: bytes) -> bytes:
    return command("XADD", stream_key(TOPIC, partition), "*", "data", line)


def _view(author: stream.Author, workspace: str, campaign: str, at_ms: int) -> bytes:
    return (
        f'{{"eventId":"{stream.uuid(author.draw)}","campaignId":"{campaign}","influencerId":"probe",'
        f'"platform":"tiktok","type":"view","timestamp":"{stream.time(at_ms)}","workspace":"{workspace}"}}'
    ).encode()


if __name__ == "__main__":
    _, url, rate, seconds, workspace, campaign = sys.argv
    main(url, int(rate), float(seconds), workspace, campaign)
