"""Deliveries for tests: spell out only what matters."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from famedash.infra.ids import uuid7
from famedash.infra.log.model import Position, Standing
from famedash.webhooks.model import Answer, Delivery
from famedash.webhooks.window import Window

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
FOREVER = float("inf")


def delivery(version: int = 1, campaign_id: str = "summer", **more: Any) -> Delivery:
    one = Delivery(
        workspace="acme",
        campaign_id=campaign_id,
        endpoint_id="default",
        version=version,
        event_id=uuid7(),
        event_type="CampaignUpdated",
        occurred_at=NOON,
        partition=0,
        body=b"{}",
    )
    return replace(one, **more)


def answer(http_status: int, retry_after_seconds: float | None = None) -> Answer:
    return Answer(http_status, retry_after_seconds, "", 12)


def window(**more: Any) -> Window:
    standing = Standing(0, 1, Position(), None)
    opened = Window(replace(standing, **more), fresh_until=FOREVER)
    opened.ready = True
    return opened
