"""Numbers for Prometheus, of all processes on one page. Never a tenant's name in a label.

Where `PROMETHEUS_MULTIPROC_DIR` is set before this module is imported (`up` does), every process writes its
numbers there and each of them can show all; elsewhere a process shows its own.
"""

import os
from collections.abc import Sequence

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
    start_http_server,
)
from prometheus_client.multiprocess import MultiProcessCollector

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

disable_created_metrics()  # type: ignore[no-untyped-call]  # they double the page, and nothing reads them

_tenants = frozenset(
    {"workspace", "workspace_id", "tenant", "campaign", "campaign_id", "subject", "endpoint_id"}
)


def counter(name: str, about: str, labels: Sequence[str] = ()) -> Counter:
    """A number that only grows; `name` starts with `famedash_` and ends in `_total`."""
    return Counter(name, about, _checked(labels))


def histogram(
    name: str, about: str, labels: Sequence[str] = (), *, buckets: Sequence[float] = SECONDS
) -> Histogram:
    """How measurements are spread; the name carries the unit (`_seconds`, `_bytes`)."""
    return Histogram(name, about, _checked(labels), buckets=buckets)


def gauge(name: str, about: str) -> Gauge:
    """A number that goes up and down, and that one process at a time knows: the newest value is shown."""
    return Gauge(name, about, multiprocess_mode="mostrecent")


def exposition() -> bytes:
    """The page that Prometheus reads (`MEDIA_TYPE`)."""
    return generate_latest(_registry())


def serve(port: int, *, host: str = "127.0.0.1") -> None:
    """Show the page at `port` from a thread, for a process that serves no HTTP otherwise."""
    start_http_server(port, addr=host, registry=_registry())


def _registry() -> CollectorRegistry:
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


def _checked(labels: Sequence[str]) -> Sequence[str]:
    if tenants := _tenants.intersection(labels):
        raise ValueError(f"a label must not name a tenant: {', '.join(sorted(tenants))}")
    return labels
