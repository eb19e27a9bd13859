"""POSTs as the worker signs them, and events as they stand in a body."""

import base64
import json
from typing import Any

from famedash.receiver import Event
from famedash.webhooks import signing

NOON = 1_782_907_200
OLD, NEW, FOREIGN = ("whsec_" + base64.b64encode(letter * 32).decode() for letter in (b"o", b"n", b"f"))


def body_of(version: int = 1, campaign_id: str = "summer", workspace: str = "acme") -> dict[str, Any]:
    return {
        "id": f"{workspace}/{campaign_id}/{version}",
        "type": "CampaignCreated" if version == 1 else "CampaignUpdated",
        "timestamp": "2026-07-01T12:00:00.000000Z",
        "data": {"workspace": workspace, "campaignId": campaign_id, "version": version},
    }


def event(version: int, campaign_id: str = "summer", workspace: str = "acme") -> Event:
    body = body_of(version, campaign_id, workspace)
    return Event(body["id"], body["type"], body["timestamp"], workspace, campaign_id, version, body["data"])


BODY = json.dumps(body_of()).encode()


def signed(
    *secrets: str, body: bytes = BODY, webhook_id: str = "acme/summer/1", timestamp: int = NOON
) -> dict[str, str]:
    keys = [signing.key_of(secret) for secret in secrets or (NEW,)]
    return signing.headers(keys, message_id=webhook_id, timestamp=timestamp, body=body)
