"""How ingestion is tuned."""

from dataclasses import dataclass


@dataclass(frozen=True)
class MetricsSettings:
    """`flush_seconds`: so long are events collected before a write, unless `most_events` are there first."""

    flush_seconds: float = 0.1
    most_events: int = 100_000
    most_fingerprints: int = 8_000_000
    creators: bool = True
    hashtags: bool = True
