"""What follows from a try, as a table."""

from datetime import timedelta

import pytest

from famedash.webhooks.model import Delivered, GivenUp, NoAnswer, RetryAt
from famedash.webhooks.schedule import Policy, judge
from tests.webhooks.builders import NOON, answer

THREE = Policy(attempts=3, backoff_seconds=1.0)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_delivered(status: int) -> None:
    assert judge(answer(status), tries=2, policy=THREE, now=NOON) == Delivered()


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 401, 404, 429, 500, 502, 503])
def test_anything_else_is_a_failed_try(status: int) -> None:
    assert judge(answer(status), tries=0, policy=THREE, now=NOON) == RetryAt(NOON + timedelta(seconds=1))


def test_no_answer_is_a_failed_try() -> None:
    assert isinstance(judge(NoAnswer("timeout", 10), tries=0, policy=THREE, now=NOON), RetryAt)


def test_the_pause_doubles() -> None:
    assert judge(answer(500), tries=0, policy=THREE, now=NOON) == RetryAt(NOON + timedelta(seconds=1))
    assert judge(answer(500), tries=1, policy=THREE, now=NOON) == RetryAt(NOON + timedelta(seconds=2))


def test_the_third_failure_is_the_last() -> None:
    assert judge(answer(500), tries=2, policy=THREE, now=NOON) == GivenUp(gone=False)


def test_gone_is_the_end_at_once() -> None:
    assert judge(answer(410), tries=0, policy=THREE, now=NOON) == GivenUp(gone=True)


@pytest.mark.parametrize(("wished", "given"), [(0.5, 1), (30, 30), (86_400, 300)])
def test_retry_after_counts_up_to_300_s_and_never_shortens(wished: float, given: float) -> None:
    outcome = judge(answer(429, wished), tries=0, policy=THREE, now=NOON)

    assert outcome == RetryAt(NOON + timedelta(seconds=given))
