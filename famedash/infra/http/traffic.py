"""HTTP in numbers: how many requests and how long they took, by route template (a path has no bound)."""

from functools import lru_cache

from prometheus_client import Counter, Histogram
from starlette.types import Scope

from famedash.infra import telemetry

NO_ROUTE = "(none)"

_methods = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_requests = telemetry.counter(
    "famedash_http_requests_total", "HTTP requests answered.", ("method", "route", "status")
)
_duration = telemetry.histogram(
    "famedash_http_request_duration_seconds", "Time from request to answer.", ("method", "route")
)


def note(scope: Scope, status: int, seconds: float) -> None:
    """Count one answered request."""
    route = getattr(scope.get("route"), "path_format", None) or NO_ROUTE
    requests, duration = _children(scope["method"], route, status)
    requests.inc()
    duration.observe(seconds)


@lru_cache(maxsize=4096)
def _children(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    """Looking up labelled children costs more than counting with them."""
    method = method if method in _methods else "other"
    return _requests.labels(method, route, status), _duration.labels(method, route)
