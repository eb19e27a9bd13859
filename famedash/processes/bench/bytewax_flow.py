"""Bytewax on the same streams: decode, key by campaign, count in memory. No repeats found, no database.

`python -m famedash.processes.bench.bytewax_flow REDIS_URL` prints the number and the seconds. Bytewax is
the extra `bench` (`pip install 'famedash[bench]'`); without it `ingest` says that it leaves this out.
"""

import json
import sys
import time
from importlib import import_module

from famedash.infra.log.model import START
from famedash.infra.log.partitions import PARTITIONS
from famedash.metrics.decode import BROKEN, Event, decode
from famedash.processes.bench.fill import staged
from famedash.processes.bench.raw import Raw

inputs, operators = import_module("bytewax.inputs"), import_module("bytewax.operators")
dataflow, testing = import_module("bytewax.dataflow"), import_module("bytewax.testing")
COUNT = 1000


class Partition(inputs.StatefulSourcePartition):  # type: ignore[misc, name-defined]
    def __init__(self, redis: Raw, key: str) -> None:
        self._redis, self._key, self._last = redis, key, START

    def next_batch(self) -> list[bytes]:
        found = self._redis.ask("XREAD", "COUNT", COUNT, "STREAMS", self._key, self._last)
        if not found:
            raise StopIteration
        entries = found[0][1]
        self._last = entries[-1][0].decode()
        return [fields[1] for _, fields in entries]

    def snapshot(self) -> str:
        return self._last


class Streams(inputs.FixedPartitionedSource):  # type: ignore[misc, name-defined]
    def __init__(self, url: str) -> None:
        self._redis = Raw(url)

    def list_parts(self) -> list[str]:
        return [staged(partition) for partition in range(PARTITIONS)]

    def build_part(self, _step: str, for_part: str, _resume: str | None) -> Partition:
        return Partition(self._redis, for_part)


def main(url: str) -> None:
    flow, counted = dataflow.Dataflow("count"), list[int]()
    lines = operators.input("streams", flow, Streams(url))
    keyed = operators.filter_map("decode", lines, _keyed)
    counts = operators.stateful_map("count", keyed, _count)
    operators.output("counted", counts, testing.TestingSink(counted))
    began = time.monotonic()
    testing.run_main(flow)
    print(json.dumps({"number": len(counted), "seconds": time.monotonic() - began}))


def _keyed(line: bytes) -> tuple[str, Event] | None:
    try:
        event = decode(line)
    except BROKEN:
        return None
    return event.campaign_id, event


def _count(counts: dict[str, int] | None, event: Event) -> tuple[dict[str, int], int]:
    counts = counts if counts is not None else {}
    counts[event.type] = total = counts.get(event.type, 0) + event.value
    return counts, total


if __name__ == "__main__":
    main(sys.argv[1])
