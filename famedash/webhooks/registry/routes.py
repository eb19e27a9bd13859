"""The addresses of webhook endpoints: status codes, headers, pages."""

from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Response

from famedash.infra.auth.principal import Principal
from famedash.infra.http.edge import Edge
from famedash.infra.http.paging import Cursor, Limit, decode_cursor, encode_cursor, page
from famedash.infra.http.responses import json_response
from famedash.webhooks.registry import pipeline
from famedash.webhooks.registry.pipeline import Registry
from famedash.webhooks.registry.schemas import (
    EndpointChanged,
    EndpointMade,
    EndpointPatch,
    EndpointShown,
    EndpointsShown,
    NewEndpoint,
    SecretShown,
    TestShown,
    endpoint_shown,
    reply_shown,
)

_NOT_KEPT = {"Cache-Control": "no-store"}
"""For answers with a secret in them."""


class _Place(NamedTuple):
    """Where a page begins: after this endpoint."""

    id: str


def router(edge: Edge, registry: Registry) -> APIRouter:
    """Everything under /webhook-endpoints."""
    routes = APIRouter(tags=["webhooks"])
    reads, writes = edge.requires("webhooks:read"), edge.requires("webhooks:write")
    max_in_flight = registry.settings.max_in_flight

    @routes.post("/webhook-endpoints", status_code=201, response_model=EndpointMade)
    async def create_endpoint(body: NewEndpoint, caller: Annotated[Principal, Depends(writes)]) -> Response:
        """Send the workspace's events to an address of yours.

        What happens from `changedAt` on, 2 s from now, is owed to it. `secret` is shown only here; when this
        answer was lost, rotate the secret or delete the endpoint.
        """
        plan = body.plan(max_in_flight=max_in_flight)
        endpoint, secret = await pipeline.create(registry, caller.workspace, plan)
        return json_response(
            {**endpoint_shown(endpoint), "secret": secret},
            status=201,
            headers={"Location": f"/webhook-endpoints/{endpoint.id}", **_NOT_KEPT},
        )

    @routes.get("/webhook-endpoints", response_model=EndpointsShown)
    async def list_endpoints(
        caller: Annotated[Principal, Depends(reads)], limit: Limit = 50, cursor: Cursor = None
    ) -> Response:
        """Where events are sent: `default` first, if it points anywhere, then the oldest."""
        place = decode_cursor(cursor, _Place)
        found = await pipeline.listed(
            registry, caller.workspace, after=place.id if place else None, limit=limit + 1
        )
        items = found[:limit]
        more = encode_cursor(_Place(items[-1].id)) if len(found) > limit else None
        return json_response(page([endpoint_shown(each) for each in items], more))

    @routes.get("/webhook-endpoints/{endpoint_id}", response_model=EndpointShown)
    async def get_endpoint(endpoint_id: str, caller: Annotated[Principal, Depends(reads)]) -> Response:
        """Where events are sent, and whether they are."""
        return json_response(endpoint_shown(await pipeline.get(registry, caller.workspace, endpoint_id)))

    @routes.patch("/webhook-endpoints/{endpoint_id}", response_model=EndpointChanged)
    async def change_endpoint(
        endpoint_id: str, body: EndpointPatch, caller: Annotated[Principal, Depends(writes)]
    ) -> Response:
        """Point it elsewhere, or switch it on or off.

        `enabled` and `eventTypes` take effect 2 s later, at `changedAt`; the rest at once. What happens while
        it is off is not owed to it. What was owed before and is not delivered yet ends as `expired`.
        """
        patch = body.patch(max_in_flight=max_in_flight)
        endpoint, skipped = await pipeline.change(registry, caller.workspace, endpoint_id, patch)
        shown = endpoint_shown(endpoint)
        return json_response({**shown, "skipped": skipped} if skipped else shown)

    @routes.delete("/webhook-endpoints/{endpoint_id}", status_code=204)
    async def delete_endpoint(endpoint_id: str, caller: Annotated[Principal, Depends(writes)]) -> Response:
        """Send nothing there any more: what it is still owed ends as `expired`."""
        await pipeline.delete(registry, caller.workspace, endpoint_id)
        return Response(status_code=204)

    @routes.post("/webhook-endpoints/{endpoint_id}/rotate-secret", response_model=SecretShown)
    async def rotate_secret(endpoint_id: str, caller: Annotated[Principal, Depends(writes)]) -> Response:
        """Make a new secret. For 24 h deliveries are signed with both, so that no receiver misses one."""
        secret, until = await pipeline.rotate(registry, caller.workspace, endpoint_id)
        return json_response({"secret": secret, "previousValidUntil": until}, headers=_NOT_KEPT)

    @routes.post("/webhook-endpoints/{endpoint_id}/test", response_model=TestShown)
    async def send_test_event(endpoint_id: str, caller: Annotated[Principal, Depends(writes)]) -> Response:
        """Post one signed event of the type `EndpointTest` now, and answer what came back.

        It is tried once and stands in no log. A receiver should take it like any event.
        """
        return json_response(reply_shown(await pipeline.try_out(registry, caller.workspace, endpoint_id)))

    return routes
