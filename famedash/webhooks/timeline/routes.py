"""The address of the timeline."""

from typing import Annotated, NamedTuple

import msgspec
from fastapi import APIRouter, Depends, Query, Response

from famedash.infra.auth.principal import Principal
from famedash.infra.errors import NotFound
from famedash.infra.http.edge import Edge
from famedash.infra.http.paging import Cursor, decode_cursor, encode_cursor, page
from famedash.infra.http.responses import json_response
from famedash.webhooks.model import DEFAULT_ENDPOINT
from famedash.webhooks.timeline import queries
from famedash.webhooks.timeline.schemas import TimelineShown, version_shown


class _Seen(NamedTuple):
    """Where a page begins: after this version."""

    version: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


def router(edge: Edge, *, default_points: bool) -> APIRouter:
    """`default_points`: FAMEDASH_WEBHOOK_URL is set."""
    routes = APIRouter(tags=["webhooks"])
    reads = edge.requires("campaigns:read", "webhooks:read")
    always = [DEFAULT_ENDPOINT] if default_points else []

    @routes.get("/campaigns/{campaign_id}/timeline", response_model=TimelineShown)
    async def get_timeline(
        campaign_id: str,
        caller: Annotated[Principal, Depends(reads)],
        limit: Annotated[int, Query(ge=1, le=100, description="How many versions, 1 to 100.")] = 20,
        cursor: Cursor = None,
    ) -> Response:
        """What happened to the campaign, oldest first, and why each endpoint was told or not, in words."""
        seen = decode_cursor(cursor, _Seen) or _Seen(0)
        found = await queries.versions(
            edge.database, caller.workspace, campaign_id, after=seen.version, limit=limit + 1
        )
        if found is None:
            raise NotFound("There is no such campaign in this workspace.")
        shown = found[:limit]
        cases = await queries.cases(edge.database, caller.workspace, campaign_id, shown, always=always)
        more = encode_cursor(_Seen(shown[-1].version)) if len(found) > limit else None
        return json_response(page([version_shown(one, cases[one.event_id]) for one in shown], more))

    return routes
