"""What `famedash etl` does before it writes: scan, validate, sum up by (campaign, creator). No database.

`python -m famedash.processes.bench.scan PATH` prints the seconds, and what it found: rows, pairs, views.
"""

import json
import sys
import time
from pathlib import Path

from famedash.performers import header
from famedash.performers.model import Progress
from famedash.performers.reading import read
from famedash.performers.rejects import Rejects


def main(path: str) -> None:
    began = time.monotonic()
    with open(path, "rb") as file:
        head = header.read(file.read(header.LONGEST_HEADER))
    found = read(path, head, Progress(), Rejects(None), folder=Path(path).parent, human=False)
    seconds = time.monotonic() - began
    views = sum(int(groups.sums[1].sum()) for groups in found.groups)
    counted = {"rows": found.tally.accepted, "pairs": found.pairs, "views": views}
    print(json.dumps(counted | {"seconds": seconds}))


if __name__ == "__main__":
    main(sys.argv[1])
