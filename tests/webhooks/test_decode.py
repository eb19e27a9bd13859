"""What stands on the log is believed only as far as it can be stored and is in its place."""

import json
from typing import Any

import pytest

from famedash.infra.errors import Unreadable
from famedash.infra.log.partitions import partition_of
from famedash.webhooks.decode import event_of
from famedash.webhooks.model import Delivery

PARTITION = partition_of("acme", "summer")


def body(**data: Any) -> bytes:
    event = {
        "id": "01a210ab-a041-7c03-97d4-3968cb175cd3",
        "type": "CampaignCreated",
        "timestamp": "2026-11-25T12:00:00Z",
        "data": {"workspace": "acme", "campaignId": "summer", "version": 1} | data,
    }
    return json.dumps(event).encode()


def test_an_event_becomes_a_delivery_with_its_own_bytes() -> None:
    sent = body()

    delivery = Delivery.of(event_of(sent, partition=PARTITION), "default")

    assert (delivery.workspace, delivery.campaign_id, delivery.version) == ("acme", "summer", 1)
    assert delivery.body is sent


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"not json",
        b"[]",
        b"{}",
        b"\xff\xfe",
        body(version=2**31),
        body(version=0),
        body(version="1"),
        body(workspace="a\0b"),
        body(workspace=""),
        body(campaignId="c" * 201),
        body().replace(b"Z", b""),
        body().replace(b"2026-11-25T12:00:00Z", b"0001-01-01T00:00:00+14:00"),
        body().replace(b"2026-11-25T12:00:00Z", b"9999-12-31T23:59:59-14:00"),
    ],
)
def test_what_no_relay_wrote_is_set_aside(broken: bytes) -> None:
    """PROMISE: a poison message never stops the worker. Breaks if a bound is left to the database."""
    with pytest.raises(Unreadable):
        event_of(broken, partition=PARTITION)


def test_an_event_in_a_foreign_partition_is_set_aside() -> None:
    with pytest.raises(Unreadable):
        event_of(body(), partition=(PARTITION + 1) % 16)
