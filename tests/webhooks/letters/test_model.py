"""Whether a letter may be replayed, as a table."""

from dataclasses import replace
from datetime import timedelta

import pytest

from famedash.infra.ids import uuid7
from famedash.webhooks.letters.model import Case, hindrance
from tests.webhooks.builders import NOON

FIT = Case(
    letter_id=uuid7(),
    campaign_id="summer",
    endpoint_id="default",
    exists=True,
    enabled=True,
    enabled_from=None,
    waits=False,
    delivered=False,
    died_again=False,
    tries=3,
    is_kept=True,
)


def test_what_nothing_hinders_may_be_replayed() -> None:
    assert hindrance(FIT, forced=False, default_points=True) is None
    assert hindrance(replace(FIT, endpoint_id="ep_1"), forced=False, default_points=False) is None


@pytest.mark.parametrize("forced", [False, True])
@pytest.mark.parametrize(
    ("change", "remedy"),
    [
        ({"endpoint_id": "ep_1", "exists": False}, "GET /campaigns/summer/events"),
        ({"enabled": False}, 'PATCH /webhook-endpoints/default {"enabled": true}'),
        ({"waits": True}, "GET /logs?campaignId=summer"),
        ({"died_again": True}, "replay its newer letter"),
        ({"is_kept": False}, "put it there again"),
        ({"enabled": False, "delivered": True}, "PATCH"),
    ],
)
def test_what_hinders_a_replay_is_named_with_its_remedy(
    change: dict[str, object], remedy: str, forced: bool
) -> None:
    why_not = hindrance(replace(FIT, **change), forced=forced, default_points=True)  # type: ignore[arg-type]

    assert why_not
    assert remedy in why_not


def test_what_was_delivered_is_replayed_only_when_forced() -> None:
    delivered = replace(FIT, delivered=True)

    assert '{"force": true}' in str(hindrance(delivered, forced=False, default_points=True))
    assert hindrance(delivered, forced=True, default_points=True) is None


def test_the_default_endpoint_must_point_somewhere() -> None:
    assert "FAMEDASH_WEBHOOK_URL" in str(hindrance(FIT, forced=True, default_points=False))


@pytest.mark.parametrize(("enabled_in", "due_in"), [(None, 0), (-60, 0), (0, 0), (1.5, 1.5)])
def test_a_replay_is_due_at_once_but_not_before_its_endpoint_is_on(
    enabled_in: float | None, due_in: float
) -> None:
    enabled_from = None if enabled_in is None else NOON + timedelta(seconds=enabled_in)

    assert replace(FIT, enabled_from=enabled_from).due_at(NOON) == NOON + timedelta(seconds=due_in)
