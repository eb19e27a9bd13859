"""examples/events.ndjson: 26 hours of engagement, 5,000 lines, the same bytes every time.

    python tools/make_events.py            write it

Eight lines are malformed on purpose, each in its own way: they end as dead letters.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from famedash.practice.engagement import lines, stream

SAMPLE = Path(__file__).parent.parent / "examples" / "events.ndjson"
SEED = 26
START = datetime(2025, 6, 2, 6, tzinfo=UTC)
SPAN = timedelta(hours=26)
LINES = 5_000
MALFORMED_EVERY = 600


def sample() -> Iterator[bytes]:
    """Its lines, each with its newline."""
    events = stream(SEED, start=START, rate=LINES / SPAN.total_seconds(), rises_over=SPAN)
    for line in islice(lines(events, malformed_every=MALFORMED_EVERY), LINES):
        yield line + b"\n"


if __name__ == "__main__":
    SAMPLE.write_bytes(b"".join(sample()))
    print(f"{SAMPLE.name}: {LINES:,} lines, {SAMPLE.stat().st_size:,} bytes")
