"""What an eval found, as figures: shares with their intervals, times, tokens, dollars. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import ceil, sqrt
from typing import Any

Z_95 = 1.959964
OBSERVED = frozenset({"caption published as written"})
"""No fault where it does not hold: policy is there to mend."""
MODEL_CALLS = "tool calls decided by the model"


@dataclass(frozen=True)
class Outcome:
    """What became of one case. `checks`: those that apply, answered and refused included.

    `requests` are questions to the model, repairs those about the same brief again; `attempts` count what
    had to be asked twice because the server failed. `refusal`: the problem and its text.
    """

    name: str
    checks: dict[str, bool]
    milliseconds: float
    requests: int = 0
    attempts: int = 0
    repairs: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    calls: int = 0
    calls_by_model: int = 0
    refusal: str | None = None
    request: dict[str, Any] = field(default_factory=dict)
    brief: dict[str, Any] | None = None

    @property
    def failed(self) -> list[str]:
        return [name for name, holds in self.checks.items() if not holds and name not in OBSERVED]


@dataclass(frozen=True)
class Share:
    """`holds` of `of`, and where the true share lies with 95 % confidence."""

    name: str
    holds: int
    of: int

    @property
    def value(self) -> float:
        return self.holds / self.of

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.holds, self.of)


def wilson(holds: int, of: int) -> tuple[float, float]:
    """E. B. Wilson, "Probable Inference" (1927): for shares near 0 and 1, and for few cases."""
    share, z2 = holds / of, Z_95**2
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = Z_95 * sqrt(share * (1 - share) / of + z2 / (4 * of**2)) / (1 + z2 / of)
    return max(0.0, middle - half), min(1.0, middle + half)


def shares(outcomes: Iterable[Outcome]) -> list[Share]:
    """In the order in which checks come first."""
    found: dict[str, list[bool]] = defaultdict(list)
    calls = calls_by_model = 0
    for outcome in outcomes:
        calls, calls_by_model = calls + outcome.calls, calls_by_model + outcome.calls_by_model
        for name, holds in outcome.checks.items():
            found[name].append(holds)
    own = [Share(name, sum(each), len(each)) for name, each in found.items()]
    return [*own, *([Share(MODEL_CALLS, calls_by_model, calls)] if calls else [])]


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest rank."""
    ordered = sorted(values)
    return ordered[max(1, ceil(len(ordered) * percent / 100)) - 1]


def summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """What is said about all together. Latencies are those of briefs that were written."""
    written = [one for one in outcomes if one.brief is not None]
    times = [one.milliseconds for one in written]
    costs = [one.cost_usd for one in written]
    return {
        "cases": len(outcomes),
        "briefs": len(written),
        "p50Milliseconds": round(percentile(times, 50), 1) if times else None,
        "p95Milliseconds": round(percentile(times, 95), 1) if times else None,
        "modelRequests": sum(one.requests for one in outcomes),
        "modelAttempts": sum(one.attempts for one in outcomes),
        "repairs": sum(one.repairs for one in outcomes),
        "inputTokens": sum(one.input_tokens for one in outcomes),
        "outputTokens": sum(one.output_tokens for one in outcomes),
        "costUsd": round(sum(cost for cost in costs if cost), 6) if None not in costs else None,
    }


def table(found: Sequence[Share]) -> str:
    """Markdown."""
    rows = [f"| {one.name} | {one.holds} of {one.of} | {one.value:.1%} | {_interval(one)} |" for one in found]
    return "\n".join(["| check | holds | share | 95 % interval |", "|---|---|---|---|", *rows])


def sentence(all_of_it: dict[str, Any]) -> str:
    """The summary for a person."""
    cost = all_of_it["costUsd"]
    times = (
        f"p50 {all_of_it['p50Milliseconds']:,.0f} ms, p95 {all_of_it['p95Milliseconds']:,.0f} ms; "
        if all_of_it["briefs"]
        else ""
    )
    return (
        f"{all_of_it['briefs']} briefs of {all_of_it['cases']} requests; {times}"
        f"{all_of_it['modelRequests']} model requests in {all_of_it['modelAttempts']} attempts, "
        f"{all_of_it['repairs']} repairs; "
        f"{all_of_it['inputTokens']:,} tokens in, {all_of_it['outputTokens']:,} out; "
        f"{'cost unknown: prices are not configured' if cost is None else f'${cost:.4f}'}"
    )


def _interval(share: Share) -> str:
    low, high = share.interval
    return f"{low:.1%} to {high:.1%}"
