"""The addresses of delivery: the audit log, the dead letters, and the endpoint `default`."""

from typing import Annotated, NamedTuple
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from famedash.infra.auth.principal import Principal
from famedash.infra.errors import Conflict, NotFound
from famedash.infra.http.edge import Edge
from famedash.infra.http.paging import Cursor, Limit, decode_cursor, encode_cursor, page
from famedash.infra.http.responses import json_response
from famedash.webhooks import queries, service
from famedash.webhooks.model import DEFAULT_ENDPOINT
from famedash.webhooks.schemas import (
    AttemptsShown,
    DeadLettersShown,
    EndpointPatch,
    EndpointShown,
    camel,
)

CampaignId = Annotated[
    str | None, Query(alias="campaignId", max_length=200, description="Only this campaign's.")
]


class _Place(NamedTuple):
    """Where a page begins: after this row."""

    id: UUID


def router(edge: Edge, url: str) -> APIRouter:
    """`url` is where the endpoint `default` of every workspace points (empty: nowhere)."""
    routes = APIRouter(tags=["webhooks"])
    reads, writes = edge.requires("webhooks:read"), edge.requires("webhooks:write")

    @routes.get("/logs", response_model=AttemptsShown)
    async def list_attempts(
        caller: Annotated[Principal, Depends(reads)],
        campaign_id: CampaignId = None,
        limit: Limit = 1000,
        cursor: Cursor = None,
    ) -> Response:
        """Every try to deliver an event, oldest first. An unknown campaign has none."""
        rows = await queries.attempts(
            edge.database, caller.workspace, campaign_id=campaign_id, after=_after(cursor), limit=limit + 1
        )
        return _page([{**camel(row), "timestamp": row["attempted_at"]} for row in rows], limit, "attemptedAt")

    @routes.get("/dead-letters", response_model=DeadLettersShown)
    async def list_dead_letters(
        caller: Annotated[Principal, Depends(reads)],
        campaign_id: CampaignId = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        """Deliveries that were given up, newest first."""
        rows = await queries.dead_letters(
            edge.database, caller.workspace, campaign_id=campaign_id, before=_after(cursor), limit=limit + 1
        )
        return _page([camel(row) for row in rows], limit)

    @routes.get("/webhook-endpoints/{endpoint_id}", response_model=EndpointShown)
    async def get_endpoint(endpoint_id: str, caller: Annotated[Principal, Depends(reads)]) -> Response:
        """Where events are sent, and whether they are."""
        return json_response(await _shown(caller.workspace, _known(endpoint_id)))

    @routes.patch("/webhook-endpoints/{endpoint_id}", response_model=EndpointShown)
    async def change_endpoint(
        endpoint_id: str, body: EndpointPatch, caller: Annotated[Principal, Depends(writes)]
    ) -> Response:
        """Switch it on or off; it takes effect within 2 s.

        What happens while it is off is not owed to it. What was owed before and is not delivered yet ends as
        `expired`.
        """
        name = _known(endpoint_id)
        if body.enabled and not url:
            raise Conflict("The endpoint default points nowhere: set FAMEDASH_WEBHOOK_URL and start again.")
        async with edge.database.transaction() as tx:
            await service.switch(tx, caller.workspace, name, enabled=body.enabled, reason="by_request")
        return json_response(await _shown(caller.workspace, name))

    async def _shown(workspace: str, name: str) -> dict[str, object]:
        newest = await queries.newest_change(edge.database, workspace, name)
        return {
            "id": name,
            "url": _without_credentials(url) if url else None,
            "enabled": bool(url) and (newest is None or newest["enabled"]),
            "reason": newest["reason"] if newest else None,
            "changedAt": newest["effective_at"] if newest else None,
        }

    return routes


def _known(endpoint_id: str) -> str:
    if endpoint_id != DEFAULT_ENDPOINT:
        raise NotFound("There is no such webhook endpoint in this workspace.")
    return endpoint_id


def _after(cursor: str | None) -> UUID | None:
    place = decode_cursor(cursor, _Place)
    return place.id if place else None


def _page(items: list[dict[str, object]], limit: int, *hidden: str) -> Response:
    shown = [{key: value for key, value in item.items() if key not in hidden} for item in items[:limit]]
    more = encode_cursor(_Place(UUID(str(shown[-1]["id"])))) if len(items) > limit else None
    return json_response(page(shown, more))


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
