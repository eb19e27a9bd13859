"""How much a workspace may ask of one API process."""

import pytest

from famedash.infra.errors import TooMany
from famedash.infra.http.rates import Rates
from tests.infra.app import bearer, client
from tests.infra.test_problems import problem


def granted(rates: Rates, workspace: str, now: float, tries: int = 10) -> int:
    """How many of so many tries at one moment get through."""
    return sum(is_granted(rates, workspace, now) for _ in range(tries))


def is_granted(rates: Rates, workspace: str, now: float) -> bool:
    try:
        rates.take(workspace, now)
    except TooMany:
        return False
    return True


def test_a_burst_gets_through_and_then_the_rate() -> None:
    rates = Rates(per_second=2, burst=3)

    assert granted(rates, "acme", 100) == 3
    assert granted(rates, "acme", 100.4) == 0
    assert granted(rates, "acme", 100.5) == 1
    assert granted(rates, "acme", 101.5) == 2


def test_a_long_pause_gives_no_more_than_the_burst() -> None:
    rates = Rates(per_second=2, burst=3)
    granted(rates, "acme", 100)

    assert granted(rates, "acme", 9999) == 3


def test_a_refused_request_costs_nothing() -> None:
    rates = Rates(per_second=1, burst=1)
    granted(rates, "acme", 100, tries=500)

    assert granted(rates, "acme", 101) == 1


@pytest.mark.parametrize(("per_second", "seconds"), [(1000, 1), (0.25, 4), (0.3, 4)])
def test_the_refusal_says_in_whole_seconds_when_there_is_a_token(per_second: float, seconds: int) -> None:
    rates = Rates(per_second=per_second, burst=1)
    rates.take("acme", 100)

    with pytest.raises(TooMany) as refusal:
        rates.take("acme", 100)

    assert refusal.value.retry_after_seconds == seconds
    assert is_granted(rates, "acme", 100 + seconds)


def test_a_busy_workspace_takes_nothing_from_another() -> None:
    """PROMISE: one tenant cannot use up what another may ask. Breaks with a bucket for all."""
    rates = Rates(per_second=1, burst=3)
    granted(rates, "acme", 100, tries=500)

    assert granted(rates, "other", 100) == 3


def test_a_rate_of_0_is_no_bound() -> None:
    assert granted(Rates(per_second=0, burst=1), "acme", 100, tries=5000) == 5000


def test_buckets_are_bounded_and_the_one_asked_for_longest_ago_goes_first() -> None:
    """Breaks if the first one made goes first: then a busy workspace gets a fresh burst from strangers."""
    rates = Rates(per_second=0.001, burst=1, largest=2)
    for workspace in ("busy", "idle"):
        rates.take(workspace, 100)

    assert not is_granted(rates, "busy", 101)
    rates.take("new", 102)

    assert not is_granted(rates, "busy", 103)
    assert is_granted(rates, "idle", 103)
    assert len(rates._buckets) == 2


async def test_beyond_the_rate_the_answer_is_429_with_retry_after_for_that_workspace_alone() -> None:
    async with client(Rates(per_second=0.01, burst=2)) as api:
        answers = [await api.get("/me", headers=bearer(workspace="acme")) for _ in range(3)]
        other = await api.get("/me", headers=bearer(workspace="other"))

    assert [answer.status for answer in answers] == [200, 200, 429]
    assert 90 <= int(answers[2].headers["Retry-After"]) <= 100
    assert (await problem(answers[2]))["type"] == "/problems/too-many-requests"
    assert other.status == 200


async def test_a_token_that_is_not_verified_uses_up_nobodys_rate() -> None:
    """PROMISE: who only claims to be of a workspace cannot lock it out."""
    async with client(Rates(per_second=0.01, burst=1)) as api:
        forged = [await api.get("/me", headers=bearer(secret="t" * 40)) for _ in range(3)]
        honest = await api.get("/me", headers=bearer())

    assert [answer.status for answer in forged] == [401] * 3
    assert honest.status == 200


async def test_a_missing_scope_counts_too() -> None:
    async with client(Rates(per_second=0.01, burst=1)) as api:
        headers = bearer(scope="campaigns:write")
        statuses = [(await api.get("/me", headers=headers)).status for _ in range(2)]

    assert statuses == [403, 429]
