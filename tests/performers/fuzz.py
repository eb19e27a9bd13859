"""The fast path against the strict parser, on files that nobody would write by hand.

    python -m tests.performers.fuzz --rows 4000000 --seed 1

Every file is read by parts on the fast path and as one by the specification (now and then strictly by parts
too), and must say the same: tally, rejected lines, sums of every pair, texts. At the first difference the
file is made as small as it goes, saved, and the exit code is 1.
"""

# ruff: noqa: S311, T201 - chance is seeded here, and the run says its seed

import argparse
import random
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.performers.files import a_file
from tests.performers.reading import read, reference

SIZES = (200, 300, 1_000, 5_000, 40_000, 1 << 19, 1 << 19, 1 << 19)
ROWS = (30, 300, 3_000, 20_000)
EDITS_PER_ROW = (0.005, 0.05, 0.5)
MOST_PARTS = 1_000
STRICT_TOO = 0.2


def difference(content: bytes, *, size: int, human: bool = False, strictly_too: bool = False) -> str | None:
    """How the readings of a file differ; an exception is a difference too."""
    expected = reference(content, human=human)
    for strictly in (False, True)[: 1 + strictly_too]:
        try:
            found = read(content, size=size, human=human, strictly=strictly).difference(expected)
        except Exception as problem:
            found = repr(problem)
        if found:
            return found
    return None


def smallest(content: bytes, differs: Callable[[bytes], bool]) -> bytes:
    """Without all the lines, and then the bytes, that the difference can do without. The header stays."""
    header, newline, body = content.partition(b"\n")
    start = header + newline
    for pieces in (body.splitlines(keepends=True), None):
        left = [body[at : at + 1] for at in range(len(body))] if pieces is None else pieces
        length = max(1, len(left) // 2)
        while length:
            at = 0
            while at < len(left):
                without = left[:at] + left[at + length :]
                if differs(start + b"".join(without)):
                    left = without
                else:
                    at += length
            length //= 2
        body = b"".join(left)
    return start + body


def run(*, rows: int, seed: int, seconds: float, save_to: Path) -> int:
    """Fuzz until `rows` were read or `seconds` are over; answers the exit code."""
    rng = random.Random(seed)
    begun, done, files, size_read = time.monotonic(), 0, 0, 0
    while done < rows and time.monotonic() - begun < seconds:
        number = rng.choice(ROWS)
        content = a_file(rng, number, edits_per_row=rng.choice(EDITS_PER_ROW))
        differs = partial(
            difference,
            size=max(rng.choice(SIZES), len(content) // MOST_PARTS),
            human=rng.random() < 0.2,
            strictly_too=rng.random() < STRICT_TOO,
        )
        if found := differs(content):
            print(f"seed {seed}, file {files}, {differs.keywords}: {found}")
            save_to.write_bytes(smallest(content, lambda each, differs=differs: bool(differs(each))))
            print(f"saved {save_to} ({save_to.stat().st_size} bytes)")
            return 1
        done, files, size_read = done + number, files + 1, size_read + len(content)
    took = time.monotonic() - begun
    print(
        f"rows {done:,}  files {files:,}  bytes {size_read:,}  seed {seed}  seconds {took:.0f}  differences 0"
    )
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.performers.fuzz", description=__doc__)
    parser.add_argument("--rows", type=int, default=4_000_000)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--save-to", type=Path, default=Path("fuzz-difference.csv"))
    given = parser.parse_args()
    return run(rows=given.rows, seed=given.seed, seconds=given.seconds, save_to=given.save_to)


if __name__ == "__main__":
    sys.exit(main())
