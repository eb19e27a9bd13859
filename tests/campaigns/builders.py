"""Campaigns for tests: a builder spells out only what matters."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from famedash.campaigns import model
from famedash.campaigns.model import Campaign, Plan

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def a_campaign(**fields: Any) -> Campaign:
    """A campaign of NOON at version 1, with `fields` put over it (unchecked)."""
    campaign = model.launch(Plan(name="Summer"), workspace="acme", id="c1", now=NOON)
    return replace(campaign, **fields)
