"""The limit of `ingest` with many events an entry: the product's own transform, and nothing around it.

`python -m famedash.processes.bench.transform REDIS_URL` takes the staged streams into memory, then
decodes, validates, finds repeats and adds up, in drafts as large as the product's: no Redis, no PostgreSQL.
Prints the seconds, and how many lines were counted, repeated and broken.
"""

import gc
import json
import sys
import time
from collections.abc import Iterator

from famedash.infra.log.model import START, Batch, Position, Standing
from famedash.infra.log.partitions import PARTITIONS
from famedash.metrics.consumer import REPLY_BYTES
from famedash.metrics.drafting import Drafter
from famedash.metrics.fingerprints import Memory
from famedash.metrics.settings import MetricsSettings
from famedash.metrics.tape import Tape
from famedash.processes.bench.fill import staged
from famedash.processes.bench.raw import Raw


def main(url: str) -> None:
    redis = Raw(url)
    batches = [batch for partition in range(PARTITIONS) for batch in _batches(redis, partition)]
    gc.freeze()
    gc.disable()
    began = time.monotonic()
    found = transform(batches)
    print(json.dumps(found | {"seconds": time.monotonic() - began}))


def transform(batches: list[Batch]) -> dict[str, int]:
    settings = MetricsSettings()
    drafter, memory = Drafter(seed=0, creators=False, hashtags=False), Memory(most=settings.most_fingerprints)
    tapes = {n: Tape(Standing(n, 0, Position(), None)) for n in range(PARTITIONS)}
    for batch in batches:
        tapes[batch.partition].put(batch)
    found = {"counted": 0, "repeated": 0, "broken": 0}
    while any(tape.waiting for tape in tapes.values()):
        draft = drafter.start()
        while draft.lines < settings.most_events and (some := [t for t in tapes.values() if t.waiting]):
            for tape in some:
                if draft.lines < settings.most_events:
                    tape.draft(drafter, settings.most_events - draft.lines)
        for key in memory.missing(draft.minutes):
            memory.load(key, b"")
        for key, events in draft.minutes.items():
            draft.judge(key, memory.counted(key))
            memory.add(key, events)
        found["counted"] += draft.events
        found["repeated"] += draft.duplicates
        found["broken"] += len(draft.letters)
    return found


def _batches(redis: Raw, partition: int) -> Iterator[Batch]:
    """As large as the product reads them."""
    last = START
    while True:
        rows = redis.ask("XRANGE", staged(partition), f"({last}", "+", "COUNT", _limit(redis, partition))
        if not rows:
            return
        last = rows[-1][0].decode()
        yield Batch(partition, [row[0] for row in rows], [row[1][1] for row in rows], {})


def _limit(redis: Raw, partition: int) -> int:
    first = redis.ask("XRANGE", staged(partition), "-", "+", "COUNT", 1)
    return max(1, REPLY_BYTES // len(first[0][1][1])) if first else 1


if __name__ == "__main__":
    main(sys.argv[1])
