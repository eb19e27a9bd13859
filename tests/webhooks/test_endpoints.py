"""Who is owed an event: decided by the endpoint's changes and the event's time alone."""

from datetime import timedelta

from famedash.webhooks.model import Change, has_expired, is_owed
from tests.webhooks.builders import NOON

HOUR = timedelta(hours=1)
OFF_THEN_ON = [Change(NOON, enabled=False), Change(NOON + HOUR, enabled=True)]


def test_an_endpoint_without_changes_is_owed_everything() -> None:
    assert is_owed([], NOON, "CampaignCreated", endpoint_id="default")


def test_what_happens_while_it_is_off_is_not_owed() -> None:
    assert is_owed(OFF_THEN_ON, NOON - HOUR, "CampaignCreated", endpoint_id="default")
    assert not is_owed(OFF_THEN_ON, NOON, "CampaignCreated", endpoint_id="default")
    assert not is_owed(OFF_THEN_ON, NOON + HOUR / 2, "CampaignCreated", endpoint_id="default")
    assert is_owed(OFF_THEN_ON, NOON + HOUR, "CampaignCreated", endpoint_id="default")


def test_the_order_in_which_changes_are_read_does_not_matter() -> None:
    assert not is_owed(list(reversed(OFF_THEN_ON)), NOON + HOUR / 2, "CampaignCreated", endpoint_id="default")


def test_what_was_owed_before_it_went_off_expires_even_when_it_is_on_again() -> None:
    assert has_expired(OFF_THEN_ON, NOON - HOUR)
    assert not has_expired(OFF_THEN_ON, NOON + HOUR)
