"""The address of the audit log."""

from typing import Annotated, NamedTuple
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from famedash.infra.auth.principal import Principal
from famedash.infra.http.edge import Edge
from famedash.infra.http.paging import Cursor, Limit, decode_cursor, encode_cursor, page
from famedash.infra.http.responses import json_response
from famedash.webhooks import queries
from famedash.webhooks.schemas import AttemptsShown, camel

CampaignId = Annotated[
    str | None, Query(alias="campaignId", max_length=200, description="Only this campaign's.")
]


class _Place(NamedTuple):
    """Where a page begins: after this row."""

    id: UUID


def router(edge: Edge) -> APIRouter:
    """`/logs`."""
    routes = APIRouter(tags=["webhooks"])
    reads = edge.requires("webhooks:read")

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

    return routes


def _after(cursor: str | None) -> UUID | None:
    place = decode_cursor(cursor, _Place)
    return place.id if place else None


def _page(items: list[dict[str, object]], limit: int, *hidden: str) -> Response:
    shown = [{key: value for key, value in item.items() if key not in hidden} for item in items[:limit]]
    more = encode_cursor(_Place(UUID(str(shown[-1]["id"])))) if len(items) > limit else None
    return json_response(page(shown, more))
