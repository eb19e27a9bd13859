"""How much a workspace may ask: a bucket of tokens each, in this process's memory. Knows no request."""

import math
from collections import OrderedDict

from famedash.infra.errors import TooMany

LARGEST = 10_000
"""Buckets kept. The one that was asked for longest ago goes first: by then it is almost surely full again."""


class Rates:
    """A bucket holds `burst` tokens and gains `per_second` (0: unbounded); a request takes one."""

    def __init__(self, *, per_second: float, burst: int, largest: int = LARGEST) -> None:
        self._per_second = per_second
        self._burst = float(burst)
        self._largest = largest
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, workspace: str, now: float) -> None:
        """Take a token at `now` (monotonic seconds). Raises `TooMany` where there is none."""
        if not self._per_second:
            return
        left, at = self._buckets.get(workspace) or self._new(workspace, now)
        left = min(self._burst, left + (now - at) * self._per_second)
        self._buckets[workspace] = (left - 1 if left >= 1 else left, now)
        self._buckets.move_to_end(workspace)
        if left < 1:
            raise TooMany(
                f"This workspace asks more than {self._per_second:g} times a second: slow down.",
                retry_after_seconds=math.ceil((1 - left) / self._per_second),
            )

    def _new(self, workspace: str, now: float) -> tuple[float, float]:
        if len(self._buckets) >= self._largest:
            self._buckets.popitem(last=False)
        return self._burst, now
