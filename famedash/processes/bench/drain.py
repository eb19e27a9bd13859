"""The limit of `ingest`: read the same streams and do nothing with them.

`python -m famedash.processes.bench.drain REDIS_URL` reads every staged stream by XREAD COUNT 4000 over a bare
socket; the next request is on its way before this reply is looked at. Prints the number and the seconds.
"""

import json
import sys
import time

from famedash.infra.log.partitions import PARTITIONS
from famedash.processes.bench.fill import staged
from famedash.processes.bench.raw import Raw, command

COUNT = 4000


def main(url: str) -> None:
    redis = Raw(url)
    turns = _turns(redis)
    last = dict.fromkeys(range(PARTITIONS), b"0-0")
    number = 0

    def request(partition: int) -> None:
        redis.send(command("XREAD", "COUNT", COUNT, "STREAMS", staged(partition), last[partition]))

    began = time.monotonic()
    request(turns[0])
    for partition, following in zip(turns, [*turns[1:], None], strict=True):
        ahead = following is not None and following != partition
        if ahead and following is not None:
            request(following)
        ((_, entries),) = redis.reply()
        number += len(entries)
        last[partition] = entries[-1][0]
        if not ahead and following is not None:
            request(following)
    print(json.dumps({"number": number, "seconds": time.monotonic() - began}))


def _turns(redis: Raw) -> list[int]:
    """The partitions in an order in which all end together, so that there is nearly always another to ask."""
    turns_of = {n: -(-int(redis.ask("XLEN", staged(n))) // COUNT) for n in range(PARTITIONS)}
    return [
        n for _, n in sorted(((t + 0.5) / turns, n) for n, turns in turns_of.items() for t in range(turns))
    ]


if __name__ == "__main__":
    main(sys.argv[1])
