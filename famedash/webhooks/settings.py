"""The settings of delivery, as one frozen group."""

from dataclasses import dataclass
from functools import cached_property

from famedash.webhooks.addresses import Networks
from famedash.webhooks.model import Target


@dataclass(frozen=True)
class WebhookSettings:
    """`url` is where the endpoint `default` of every workspace points; empty: nothing is owed to it.

    `secrets` are the raw keys that sign its deliveries (the newest first; two during a rotation).
    `max_in_flight` is its cap, and that of an endpoint that names none. `allowed`: the private networks that
    webhooks may reach.
    """

    url: str
    secrets: tuple[bytes, ...]
    attempts: int = 3
    backoff_seconds: float = 1.0
    timeout_seconds: float = 10.0
    max_in_flight: int = 8
    stop_seconds: float = 7.0
    allowed: Networks = ()

    @cached_property
    def default(self) -> Target | None:
        """Where the endpoint `default` points."""
        return Target(self.url, self.secrets, (), self.max_in_flight) if self.url else None
