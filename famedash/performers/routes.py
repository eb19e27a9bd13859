"""The addresses of the performers: rankings, and loads of the files they come from."""

from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from msgspec import Meta
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from famedash.infra.auth.principal import Principal
from famedash.infra.database import Database
from famedash.infra.errors import FieldError, Invalid, NotFound, TooLarge
from famedash.infra.http.edge import Edge
from famedash.infra.http.paging import Cursor, Limit, decode_cursor, encode_cursor, page
from famedash.infra.http.responses import json_response
from famedash.performers import export, queries
from famedash.performers.inbox import CutOff, Inbox
from famedash.performers.model import Options
from famedash.performers.ranking import Place, Sort
from famedash.performers.schemas import (
    IMPORT_BODY,
    ImportShown,
    ImportsShown,
    PerformersShown,
    RejectsShown,
    import_shown,
    performer_shown,
    reject_shown,
)

CampaignId = Annotated[
    str | None,
    Query(alias="campaignId", max_length=200, description="Only this campaign's; else those of all."),
]
MinViews = Annotated[
    int,
    Query(
        alias="minViews",
        ge=0,
        le=10**15,
        description="Only results with so many views: a rate over a handful says little.",
    ),
]
By = Annotated[Sort, Query(description="What is ranked by; the greatest comes first.")]
FileName = Annotated[
    str, Query(alias="fileName", min_length=1, max_length=200, description="What the load is called.")
]
HumanNumbers = Annotated[
    bool, Query(alias="humanNumbers", description="Also read `541.2K`, `1.3M` and `12,345`.")
]
MaxRejectPercent = Annotated[
    float,
    Query(
        alias="maxRejectPercent",
        ge=0,
        le=100,
        allow_inf_nan=False,
        description="More rejected rows than that, in percent: nothing is loaded.",
    ),
]

_Line = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]

_CSV: dict[int | str, dict[str, Any]] = {
    200: {"content": {export.MEDIA_TYPE: {"schema": {"type": "string"}}}},
}


def router(edge: Edge, inbox: Inbox) -> APIRouter:
    routes = APIRouter(tags=["performers"])
    reads = edge.requires("performers:read")

    @routes.get("/top-performers", response_model=PerformersShown, responses=_CSV)
    async def list_top_performers(
        request: Request,
        caller: Annotated[Principal, Depends(reads)],
        *,
        campaign_id: CampaignId = None,
        limit: Limit = 10,
        min_views: MinViews = 0,
        sort: By = Sort.ENGAGEMENT_RATE,
        cursor: Cursor = None,
    ) -> Response:
        """Creators by what they brought, the best first: (likes + comments + shares) / views, in percent.

        Equal rates are ordered by engagements, then by id: the order is total, and the pages together are the
        whole ranking. An unknown campaign has nobody in it. With `Accept: text/csv` the page is a table, and
        its `Link` header leads to the next one.
        """
        after = _place(cursor, sort)
        rows = await queries.top(
            edge.database,
            caller.workspace,
            campaign_id=campaign_id,
            sort=sort,
            min_views=min_views,
            after=after,
            limit=limit + 1,
        )
        behind = after.rank if after else 0
        items = [performer_shown(dict(row), rank) for rank, row in enumerate(rows[:limit], behind + 1)]
        more = encode_cursor(_behind(items[-1], sort)) if len(rows) > limit else None
        if _wants_csv(request):
            return _csv(request, items, more)
        return json_response(page(items, more), headers={"Vary": "Accept"})

    _add_imports(routes, edge, inbox)
    return routes


def _add_imports(routes: APIRouter, edge: Edge, inbox: Inbox) -> None:
    reads, writes = edge.requires("performers:read"), edge.requires("imports:write")

    @routes.post("/imports", status_code=202, response_model=ImportShown, openapi_extra=IMPORT_BODY)
    async def start_import(
        request: Request,
        caller: Annotated[Principal, Depends(writes)],
        file_name: FileName = "upload.csv",
        human_numbers: HumanNumbers = False,
        max_reject_percent: MaxRejectPercent = 100.0,
    ) -> Response:
        """Load a file of creators' results: `curl --data-binary @performance.csv …`.

        A large one rather by `curl -X POST -T performance.csv …`, which does not read it into memory first.

        202 once everything is here; then it waits for its turn and is loaded. What `Location` names tells how
        far it is, and at last whether it is `loaded` or `failed`: all of it took effect, or nothing.
        Sending a file again is safe: the same results are not counted twice.
        """
        _refuse_form(request)
        import_id = await inbox.take(
            caller.workspace,
            _body(request),
            size=int(request.headers.get("content-length", 0)),
            file_name=file_name,
            options=Options(human_numbers, max_reject_percent),
        )
        shown = import_shown(await _import(edge.database, caller.workspace, str(import_id)))
        return json_response(shown, status=202, headers={"Location": f"/imports/{import_id}"})

    @routes.get("/imports", response_model=ImportsShown)
    async def list_imports(
        caller: Annotated[Principal, Depends(reads)], limit: Limit = 50, cursor: Cursor = None
    ) -> Response:
        """Loads, over HTTP and by `famedash etl`, the newest first."""
        before = decode_cursor(cursor, UUID)
        rows = await queries.imports(edge.database, caller.workspace, before=before, limit=limit + 1)
        more = encode_cursor(rows[limit - 1]["import_id"]) if len(rows) > limit else None
        return json_response(page([import_shown(dict(row)) for row in rows[:limit]], more))

    @routes.get("/imports/{import_id}", response_model=ImportShown)
    async def get_import(import_id: str, caller: Annotated[Principal, Depends(reads)]) -> Response:
        """A load, how far it is while it is `running`, and what became of every line."""
        return json_response(import_shown(await _import(edge.database, caller.workspace, import_id)))

    @routes.get("/imports/{import_id}/rejects", response_model=RejectsShown, responses=_CSV)
    async def list_rejects(
        import_id: str,
        request: Request,
        caller: Annotated[Principal, Depends(reads)],
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        """Rejected lines, in the order of the file.

        A load that had nothing to do shows those of the load that it repeats.
        With `Accept: text/csv` the page is a table, and its `Link` header leads to the next one.
        """
        after = decode_cursor(cursor, _Line) or 0
        found = await _import(edge.database, caller.workspace, import_id)
        rows = await queries.rejects(
            edge.database, caller.workspace, found["import_id"], after=after, limit=limit + 1
        )
        items = [reject_shown(dict(row)) for row in rows[:limit]]
        more = encode_cursor(items[-1]["line"]) if len(rows) > limit else None
        if _wants_csv(request):
            return _table(request, export.rejects_table(items), "rejects.csv", more)
        return json_response(page(items, more), headers={"Vary": "Accept"})


async def _import(database: Database, workspace: str, import_id: str) -> Mapping[str, Any]:
    """Raises `NotFound`, whatever is wrong with the id."""
    try:
        found = await queries.get_import(database, workspace, UUID(import_id))
    except ValueError:
        found = None
    if found is None:
        raise NotFound("There is no such import in this workspace.")
    return dict(found)


def _refuse_form(request: Request) -> None:
    if request.headers.get("content-type", "").lower().startswith("multipart/"):
        message = "Send the file itself, not a form: `curl --data-binary @performance.csv`, without `-F`."
        raise Invalid(f"body: {message}", fields=[FieldError("body", message)])


async def _body(request: Request) -> AsyncIterator[bytes]:
    """Raises refusals only."""
    try:
        async for block in request.stream():
            yield block
    except ClientDisconnect:
        raise CutOff from None
    except HTTPException as beyond_bound:
        raise TooLarge(beyond_bound.detail) from None


def _place(cursor: str | None, sort: Sort) -> Place | None:
    place = decode_cursor(cursor, Place)
    counted = sort is not Sort.ENGAGEMENT_RATE
    if place and (place.sort is not sort or (counted and not isinstance(place.key, int))):
        message = f"Is one of a list sorted by {place.sort}: keep all parameters but the cursor."
        raise Invalid(f"cursor: {message}", fields=[FieldError("cursor", message)])
    return place


def _behind(item: dict[str, Any], sort: Sort) -> Place:
    return Place(
        sort, item["rank"], item[sort], item["engagements"], item["influencerId"], item["campaignId"]
    )


def _wants_csv(request: Request) -> bool:
    accepted = request.headers.get("accept", "")
    return export.MEDIA_TYPE in accepted and "application/json" not in accepted


def _csv(request: Request, items: list[dict[str, Any]], more: str | None) -> Response:
    return _table(request, export.table(items), "top-performers.csv", more)


def _table(request: Request, table: str, name: str, more: str | None) -> Response:
    headers = {"Vary": "Accept", "Content-Disposition": f'attachment; filename="{name}"'}
    if more:
        query = urlencode({**request.query_params, "cursor": more})
        headers["Link"] = f'<{request.url.path}?{query}>; rel="next"'
    return Response(table, media_type=f"{export.MEDIA_TYPE}; charset=utf-8", headers=headers)
