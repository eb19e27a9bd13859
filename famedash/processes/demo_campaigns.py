"""Three campaigns in the workspace `demo`, so that a newcomer finds something; made once, over HTTP."""

from typing import Any

import aiohttp

WORKSPACE = "demo"
PATIENCE_SECONDS = 10

CAMPAIGNS: list[dict[str, Any]] = [
    {
        "id": "summer-glow",
        "name": "Summer Glow",
        "brand": "Lumi",
        "product": "SPF 50 serum",
        "goal": "Awareness before the holidays",
        "platforms": ["instagram", "tiktok"],
        "budget": {"amount": 12500, "currency": "EUR"},
        "influencerIds": ["ava.moves", "noor.skin"],
        "status": "active",
    },
    {
        "id": "desk-reset",
        "name": "Desk Reset",
        "brand": "Fold",
        "product": "Laptop stand",
        "goal": "Sales in the second quarter",
        "platforms": ["youtube"],
        "budget": {"amount": 4800, "currency": "EUR"},
        "startsAt": "2027-03-01T09:00:00Z",
        "endsAt": "2027-04-01T09:00:00Z",
        "status": "scheduled",
    },
    {"id": "winter-idea", "name": "Winter idea", "brand": "Lumi", "platforms": ["tiktok"]},
]


async def seed(base_url: str, token: str) -> int:
    """Create what is not there yet (a taken id is fine); answers how many were made.

    Raises `aiohttp.ClientError` or `TimeoutError` where the API does not answer, or answers something else.
    """
    made = 0
    async with aiohttp.ClientSession(
        headers={"Authorization": f"Bearer {token}"}, timeout=aiohttp.ClientTimeout(total=PATIENCE_SECONDS)
    ) as session:
        for campaign in CAMPAIGNS:
            async with session.post(f"{base_url}/campaigns", json=campaign) as answer:
                if answer.status != 409:
                    answer.raise_for_status()
                made += answer.status == 201
    return made
