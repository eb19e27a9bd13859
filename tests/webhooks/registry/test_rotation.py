"""Two secrets in the 24 hours after a rotation, judged by the public package on what real workers send."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.flow.system import System
from tests.webhooks.registry.hooks import ENDPOINTS, Hook, Post, in_effect, make, settled


async def rotate(system: System, endpoint_id: str) -> dict[str, Any]:
    reply = await system.api.post(path=f"{ENDPOINTS}/{endpoint_id}/rotate-secret")
    assert (reply.status, reply.headers["Cache-Control"]) == (200, "no-store")
    return dict(reply.json)


async def delivered(system: System, hook: Hook, campaign_id: str) -> Post:
    await system.create(campaign_id)
    await settled(system.api, 2, campaign_id)
    return hook.posts[-1]


async def test_both_secrets_verify_during_the_overlap_and_only_the_new_one_after_it(
    system: System, hook: Hook
) -> None:
    """PROMISE: a receiver that takes the new secret over within a day loses nothing."""
    made = await make(system.api, f"{hook.url}/a")
    await in_effect(system.database)
    await system.start_worker()

    before = await delivered(system, hook, "before")
    rotated = await rotate(system, made["id"])
    during = await delivered(system, hook, "during")
    await system.database.fetch("update webhook_endpoints set previous_until = clock_timestamp()")
    after = await delivered(system, hook, "after")

    old, new = made["secret"], rotated["secret"]
    assert [(post.verifies(old), post.verifies(new)) for post in (before, during, after)] == [
        (True, False),
        (True, True),
        (False, True),
    ]
    ahead = datetime.fromisoformat(rotated["previousValidUntil"]) - datetime.now(UTC)
    assert timedelta(hours=23) < ahead <= timedelta(hours=24)


async def test_after_two_rotations_the_first_secret_is_forgotten(system: System, hook: Hook) -> None:
    """PROMISE: who rotates twice because a secret got out has rid of it at once."""
    made = await make(system.api, f"{hook.url}/a")
    first, second = [await rotate(system, made["id"]) for _ in range(2)]
    await in_effect(system.database)
    await system.start_worker()

    post = await delivered(system, hook, "summer")

    secrets = (made["secret"], first["secret"], second["secret"])
    assert [post.verifies(secret) for secret in secrets] == [False, True, True]
