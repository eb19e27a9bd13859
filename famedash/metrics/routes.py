"""The addresses of streaming metrics."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from famedash.infra.auth.principal import Principal
from famedash.infra.http.bearer import expires_in
from famedash.infra.http.edge import Edge
from famedash.infra.http.event_stream import MEDIA_TYPE, EventStream
from famedash.infra.http.paging import Limit, page
from famedash.infra.http.responses import json_response
from famedash.infra.log.model import Log
from famedash.metrics import intake, pipeline
from famedash.metrics.inlet import Inlet
from famedash.metrics.live import Live
from famedash.metrics.pipeline import By, Facts, Sources
from famedash.metrics.schemas import (
    EVENTS_BODY,
    EventsTaken,
    HashtagsShown,
    MetricsShown,
    SeriesShown,
    Time,
    taken_shown,
)
from famedash.metrics.windows import Step

AsOf = Annotated[
    Time | None,
    Query(
        alias="asOf",
        description="A whole minute, from 48 h ago up to the next one (the default): events before it count.",
    ),
]
From = Annotated[Time | None, Query(alias="from", description="Where the first point begins.")]
To = Annotated[
    Time | None, Query(description="Where the last point ends; by default the running step's end.")
]
Platform = Annotated[str | None, Query(max_length=200, description="Only this one; else summed over all.")]
Most = Annotated[int, Query(ge=1, le=100, description="How many items to answer, 1 to 100.")]

_EVENT_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A stream of events whose `data` is what the address without `/live` answers",
        "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
    }
}


def router(edge: Edge, facts: Facts, log: Log, inlet: Inlet, live: Live) -> APIRouter:
    """`facts` knows the campaigns of FameDash, `log` is the engagement log, `inlet` the way into it."""
    routes = APIRouter(tags=["metrics"])
    reads, writes = edge.requires("metrics:read"), edge.requires("events:write")
    sources = Sources(edge.database, log, facts)

    @routes.get("/campaigns/{campaign_id}/metrics", response_model=MetricsShown)
    async def get_metrics(
        campaign_id: str,
        caller: Annotated[Principal, Depends(reads)],
        as_of: AsOf = None,
        by: By | None = None,
        limit: Limit = 50,
    ) -> Response:
        """The last hour, the last 24 hours and everything: exact for the `from` and `to` of each.

        `by=platform` adds the same per platform. `by=influencer` adds the `limit` creators with the most
        engagements, in whole hours.
        """
        return json_response(
            await pipeline.document(sources, caller.workspace, campaign_id, as_of=as_of, by=by, limit=limit)
        )

    @routes.get("/campaigns/{campaign_id}/metrics/series", response_model=SeriesShown)
    async def get_series(
        campaign_id: str,
        caller: Annotated[Principal, Depends(reads)],
        start: From = None,
        to: To = None,
        step: Step = Step.HOUR,
    ) -> Response:
        """The counts step by step, for charts: at most 1,500 points; minutes of the last 72 hours."""
        return json_response(
            await pipeline.series(sources, caller.workspace, campaign_id, start=start, end=to, step=step)
        )

    @routes.get("/campaigns/{campaign_id}/metrics/live", response_class=Response, responses=_EVENT_STREAM)
    async def watch_metrics(
        campaign_id: str, request: Request, caller: Annotated[Principal, Depends(reads)]
    ) -> Response:
        """The metrics now, and again whenever a count changed: server-sent events called `metrics`.

        Looked at every second. The stream ends with the token, after an hour, or when the server stops:
        connect again (a browser's `EventSource` does, after 2 s).
        """
        workspace = caller.workspace
        return EventStream(
            lambda: live.watch(
                workspace,
                campaign_id,
                lambda: pipeline.document(sources, workspace, campaign_id),
                seconds=expires_in(request),
            )
        )

    @routes.post("/events", status_code=202, response_model=EventsTaken, openapi_extra=EVENTS_BODY)
    async def take_events(request: Request, caller: Annotated[Principal, Depends(writes)]) -> Response:
        """Take in engagement events: one, an array, `{"events": [...]}`, or lines of events (NDJSON).

        202: those accepted are in the log and will be counted; what was rejected is described here and kept
        nowhere. At most 10,000 events or 8 MiB. The workspace is the token's, unknown fields are dropped.

        Sending again is safe, without any key: an event with the same `eventId`, `campaignId` and `timestamp`
        counts once. Do so whenever there was no answer, or a 503.
        """
        await inlet.admit()
        taken = intake.read(
            await request.body(),
            request.headers.get("content-type", ""),
            workspace=caller.workspace,
            now=datetime.now(UTC),
        )
        await inlet.append(taken.entries)
        return json_response(taken_shown(taken), status=202)

    @routes.get("/trends/hashtags", response_model=HashtagsShown)
    async def list_rising_hashtags(
        caller: Annotated[Principal, Depends(reads)], platform: Platform = None, limit: Most = 10
    ) -> Response:
        """The hashtags that rise now against their own past week, the strongest first."""
        items = await pipeline.hashtags(edge.database, caller.workspace, platform=platform, limit=limit)
        return json_response(page(items, None))

    return routes
