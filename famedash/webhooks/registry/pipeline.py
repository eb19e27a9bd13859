"""Endpoints across the network: their addresses are looked up, and tried out, with no transaction open."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pydantic.alias_generators import to_camel

from famedash.infra import json
from famedash.infra.database import Database
from famedash.infra.errors import Conflict, FieldError, Invalid, TooMany
from famedash.infra.ids import uuid7
from famedash.infra.sealing import Seal
from famedash.outbox import queries as outbox
from famedash.webhooks import signing
from famedash.webhooks.addresses import Forbidden
from famedash.webhooks.endpoints import Endpoints
from famedash.webhooks.lookups import Lookups
from famedash.webhooks.model import DEFAULT_ENDPOINT, Reply
from famedash.webhooks.registry import queries, service
from famedash.webhooks.registry.model import Endpoint, Plan, Skipped
from famedash.webhooks.sender import Sender
from famedash.webhooks.settings import WebhookSettings

MOST_TESTS = 4
"""Test events of one workspace that may be open at once: each may last as long as the time-out."""


@dataclass
class Registry:
    """What endpoints need: where they are kept, what seals them, where `default` points, who looks up names,
    who posts.

    Where no `sender` is given, the first test event makes one.
    """

    database: Database
    seal: Seal
    settings: WebhookSettings
    lookups: Lookups
    sender: Sender | None = None
    open_tests: Counter[str] = field(default_factory=Counter)


async def listed(registry: Registry, workspace: str, *, after: str | None, limit: int) -> list[Endpoint]:
    """Those behind the id `after`, the oldest first; before them `default`, if it points anywhere."""
    first = [await _default(registry, workspace)] if registry.settings.url and after is None else []
    own = await queries.found(registry.database, registry.seal, workspace, after=after, limit=limit)
    return [*first, *own][:limit]


async def get(registry: Registry, workspace: str, endpoint_id: str) -> Endpoint:
    """Raises `NotFound`."""
    if endpoint_id == DEFAULT_ENDPOINT:
        return await _default(registry, workspace)
    found = await queries.found(registry.database, registry.seal, workspace, endpoint_id=endpoint_id)
    if not found:
        raise service.missing()
    return found[0]


async def create(registry: Registry, workspace: str, plan: Plan) -> tuple[Endpoint, str]:
    """Answers the endpoint and its secret. Raises `Invalid` and `Conflict`."""
    await _check(registry, workspace, plan.url)
    async with registry.database.transaction() as tx:
        return await service.create(tx, registry.seal, workspace, plan)


async def change(
    registry: Registry, workspace: str, endpoint_id: str, patch: Mapping[str, Any]
) -> tuple[Endpoint, Skipped | None]:
    """Answers the endpoint, and what it missed if this switched it on.

    Raises `NotFound`, `Invalid`, and `Conflict` where `default` points nowhere.
    """
    await get(registry, workspace, endpoint_id)
    if endpoint_id == DEFAULT_ENDPOINT:
        off_since = await _switch_default(registry, workspace, patch)
    else:
        if "url" in patch:
            await _check(registry, workspace, patch["url"])
        async with registry.database.transaction() as tx:
            off_since = await service.change(tx, registry.seal, workspace, endpoint_id, patch)
    endpoint = await get(registry, workspace, endpoint_id)
    return endpoint, await _skipped(registry, workspace, endpoint, off_since) if off_since else None


async def rotate(registry: Registry, workspace: str, endpoint_id: str) -> tuple[str, datetime]:
    """Answers the new secret, and until when the one before signs, too. Raises `NotFound`, `Conflict`."""
    if endpoint_id == DEFAULT_ENDPOINT:
        raise Conflict("The secret of default is a setting: change FAMEDASH_WEBHOOK_SECRET and start again.")
    async with registry.database.transaction() as tx:
        return await service.rotate(tx, registry.seal, workspace, endpoint_id)


async def delete(registry: Registry, workspace: str, endpoint_id: str) -> None:
    """Raises `NotFound`, `Conflict`."""
    if endpoint_id == DEFAULT_ENDPOINT:
        raise Conflict("The endpoint default cannot be deleted: switch it off instead.")
    async with registry.database.transaction() as tx:
        await service.delete(tx, workspace, endpoint_id)


async def try_out(registry: Registry, workspace: str, endpoint_id: str) -> Reply:
    """Post one signed event that says it is a test, as a delivery would be, whether it is enabled or not.

    Raises `NotFound`, `TooMany`, and `Conflict` where `default` points nowhere.
    """
    if registry.open_tests[workspace] >= MOST_TESTS:
        raise TooMany("So many test events of this workspace are still open: wait for their answers.")
    registry.open_tests[workspace] += 1
    try:
        return await _try_out(registry, workspace, endpoint_id)
    finally:
        registry.open_tests[workspace] -= 1


async def _try_out(registry: Registry, workspace: str, endpoint_id: str) -> Reply:
    known = Endpoints(registry.settings, registry.seal)
    await known.refresh(registry.database, [workspace])
    target = known.target((workspace, endpoint_id))
    if target is None:
        raise _nowhere() if endpoint_id == DEFAULT_ENDPOINT else service.missing()
    event_id, now = str(uuid7()), datetime.now(UTC)
    data = {"workspace": workspace, "endpointId": endpoint_id}
    body = json.encode({"id": event_id, "type": "EndpointTest", "timestamp": now, "data": data})
    signed = signing.headers(target.secrets, message_id=event_id, timestamp=int(now.timestamp()), body=body)
    return await _sender(registry).post(target.url, body, dict(target.headers) | signed, workspace=workspace)


def _sender(registry: Registry) -> Sender:
    if registry.sender is None:
        registry.sender = Sender(
            timeout_seconds=registry.settings.timeout_seconds, allowed=registry.settings.allowed
        )
    return registry.sender


async def _check(registry: Registry, workspace: str, url: str) -> None:
    try:
        await registry.lookups.check(url, workspace)
    except Forbidden as reason:
        raise Invalid(f"url: {reason}", fields=[FieldError("url", str(reason))]) from None


async def _switch_default(registry: Registry, workspace: str, patch: Mapping[str, Any]) -> datetime | None:
    message = "Follows the settings of FameDash: leave it out."
    if refused := [FieldError(to_camel(name), message) for name in patch if name != "enabled"]:
        raise Invalid("Of the endpoint default only enabled can be changed.", fields=refused)
    if "enabled" not in patch:
        return None
    if patch["enabled"] and not registry.settings.url:
        raise _nowhere()
    async with registry.database.transaction() as tx:
        return await service.switch_default(tx, workspace, enabled=patch["enabled"])


async def _skipped(registry: Registry, workspace: str, endpoint: Endpoint, since: datetime) -> Skipped:
    until = endpoint.changed_at or since
    types = endpoint.plan.event_types
    events = await outbox.count(registry.database, workspace, types=types, since=since, until=until)
    return Skipped(since, events)


async def _default(registry: Registry, workspace: str) -> Endpoint:
    settings = registry.settings
    newest = await queries.newest_change(registry.database, workspace, DEFAULT_ENDPOINT)
    plan = Plan(
        url=_origin(settings.url),
        description=None,
        event_types=None,
        headers=(),
        max_in_flight=settings.max_in_flight,
        enabled=bool(settings.url) and (newest is None or newest["enabled"]),
    )
    if newest is None:
        return Endpoint(DEFAULT_ENDPOINT, plan, None, None)
    return Endpoint(DEFAULT_ENDPOINT, plan, newest["reason"], newest["effective_at"])


def _nowhere() -> Conflict:
    return Conflict("The endpoint default points nowhere: set FAMEDASH_WEBHOOK_URL and start again.")


def _origin(url: str) -> str:
    """What every workspace may see of the operator's address: a path may be as good as a password."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], "", "", ""))
