"""The settings of delivery, as one frozen group."""

from dataclasses import dataclass


@dataclass(frozen=True)
class WebhookSettings:
    """`url` is where the endpoint `default` of every workspace points; empty: nothing is owed to it.

    `secrets` are the raw keys that sign (the newest first; two during a rotation).
    """

    url: str
    secrets: tuple[bytes, ...]
    attempts: int = 3
    backoff_seconds: float = 1.0
    timeout_seconds: float = 10.0
    max_in_flight: int = 8
    stop_seconds: float = 7.0
