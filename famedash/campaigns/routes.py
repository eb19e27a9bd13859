"""The addresses of campaigns: headers, status codes, and one transaction a request."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, NamedTuple
from urllib.parse import quote

import msgspec
from fastapi import APIRouter, Depends, Header, Query, Request, Response

from famedash.campaigns import events, queries, service
from famedash.campaigns.model import Campaign, Status
from famedash.campaigns.schemas import (
    CampaignPatch,
    CampaignShown,
    CampaignsShown,
    EventsShown,
    NewCampaign,
)
from famedash.idempotency import model as idempotency_model
from famedash.idempotency import service as idempotency
from famedash.idempotency.model import Answer
from famedash.infra import json
from famedash.infra.auth.principal import Principal
from famedash.infra.errors import FieldError, Invalid
from famedash.infra.http.edge import Edge
from famedash.infra.http.paging import Cursor, Limit, decode_cursor, encode_cursor, page
from famedash.infra.http.responses import json_response

Key = Annotated[
    str | None,
    Header(
        alias=idempotency_model.HEADER,
        description="Makes a repeat of the same request safe for 24 h: it gets the same answer.",
    ),
]
IfMatch = Annotated[
    str | None, Header(alias="If-Match", description='An ETag such as "3": only if it is still that version.')
]
IfNoneMatch = Annotated[str | None, Header(alias="If-None-Match")]
Since = Annotated[int, Query(ge=0, le=2**31 - 1, description="Only events after this version.")]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ENTITY_TAGS = re.compile(r'\s*(W/)?"[^"]*"\s*(,\s*(W/)?"[^"]*"\s*)*')
_VERSION = re.compile(r'(?<!W/)"([1-9][0-9]{0,9})"')
_MERGE_PATCH = {
    "requestBody": {
        "content": {
            "application/merge-patch+json": {"schema": {"$ref": "#/components/schemas/CampaignPatch"}}
        }
    }
}


class _Place(NamedTuple):
    """Where a page of the list begins: after this campaign."""

    born_microseconds: Annotated[int, msgspec.Meta(ge=0, le=2**53)]
    id: str


class _Seen(NamedTuple):
    """Where a page of a history begins: after this version."""

    version: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


def router(edge: Edge) -> APIRouter:
    """Everything under /campaigns that the life of a campaign needs."""
    routes = APIRouter(tags=["campaigns"])
    reads, writes = edge.requires("campaigns:read"), edge.requires("campaigns:write")

    @routes.post("/campaigns", status_code=201, response_model=CampaignShown)
    async def create_campaign(
        body: NewCampaign, request: Request, caller: Annotated[Principal, Depends(writes)], key: Key = None
    ) -> Response:
        """Create a campaign and announce it: `CampaignCreated` goes to every webhook endpoint."""
        asked = await _asked(request, caller, key)
        async with edge.database.transaction() as tx:

            async def perform() -> Answer:
                campaign = await service.create(
                    tx,
                    body.plan(),
                    workspace=caller.workspace,
                    campaign_id=body.id,
                    actor=caller.subject,
                )
                return _created(campaign)

            answer = await idempotency.once(tx, asked, perform)
        return _response(answer)

    @routes.patch("/campaigns/{campaign_id}", response_model=CampaignShown, openapi_extra=_MERGE_PATCH)
    async def change_campaign(
        *,
        campaign_id: str,
        body: CampaignPatch,
        request: Request,
        caller: Annotated[Principal, Depends(writes)],
        key: Key = None,
        if_match: IfMatch = None,
    ) -> Response:
        """Change a campaign by a JSON merge patch (RFC 7396) and announce what changed: `CampaignUpdated`."""
        expected = _expected(if_match)
        asked = await _asked(request, caller, key, if_match)
        async with edge.database.transaction() as tx:

            async def perform() -> Answer:
                campaign = await service.change(
                    tx,
                    caller.workspace,
                    campaign_id,
                    body.patch(),
                    actor=caller.subject,
                    expected=expected,
                )
                return _shown(campaign)

            answer = await idempotency.once(tx, asked, perform)
        return _response(answer)

    @routes.get("/campaigns", response_model=CampaignsShown)
    async def list_campaigns(
        caller: Annotated[Principal, Depends(reads)],
        status: Status | None = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        """The campaigns of the workspace, newest first."""
        found = await queries.newest(
            edge.database, caller.workspace, status=status, after=_place(cursor), limit=limit + 1
        )
        items = found[:limit]
        more = _cursor_after(items[-1]) if len(found) > limit else None
        return json_response(page([events.document(each) for each in items], more))

    @routes.get("/campaigns/{campaign_id}", response_model=CampaignShown)
    async def get_campaign(
        campaign_id: str, caller: Annotated[Principal, Depends(reads)], if_none_match: IfNoneMatch = None
    ) -> Response:
        """One campaign, with its version as ETag."""
        campaign = await queries.get(edge.database, caller.workspace, campaign_id)
        if campaign is None:
            raise service.missing()
        if if_none_match and etag(campaign) in (each.strip() for each in if_none_match.split(",")):
            return Response(status_code=304, headers={"ETag": etag(campaign)})
        return _response(_shown(campaign))

    @routes.get("/campaigns/{campaign_id}/events", response_model=EventsShown)
    async def get_history(
        campaign_id: str,
        caller: Annotated[Principal, Depends(reads)],
        since: Since = 0,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        """What happened to the campaign, oldest first: the event bodies as they were published."""
        seen = decode_cursor(cursor, _Seen) or _Seen(since)
        history = await queries.history(
            edge.database, caller.workspace, campaign_id, since=max(since, seen.version), limit=limit + 1
        )
        if history is None:
            raise service.missing()
        items = history[:limit]
        more = encode_cursor(_Seen(items[-1][0])) if len(history) > limit else None
        return json_response(page([msgspec.Raw(body) for _, body in items], more))

    return routes


def etag(campaign: Campaign) -> str:
    return f'"{campaign.version}"'


async def _asked(
    request: Request, caller: Principal, key: str | None, if_match: str | None = None
) -> idempotency_model.Asked | None:
    return idempotency_model.asked(
        caller.workspace,
        key,
        method=request.method,
        path=request.scope["path"],
        if_match=if_match,
        body=await request.body(),
    )


def _expected(if_match: str | None) -> frozenset[int] | None:
    """The versions that `If-Match` allows; None allows any. A weak or foreign tag matches none (RFC 9110)."""
    if if_match is None or if_match.strip() == "*":
        return None
    if not _ENTITY_TAGS.fullmatch(if_match):
        raise Invalid(
            "If-Match cannot be read.",
            fields=[FieldError("If-Match", 'Send the ETag of the campaign as it was answered, such as "3".')],
        )
    return frozenset(int(version) for version in _VERSION.findall(if_match))


def _shown(campaign: Campaign) -> Answer:
    return Answer(200, {"ETag": etag(campaign)}, json.encode(events.document(campaign)))


def _created(campaign: Campaign) -> Answer:
    headers = {"ETag": etag(campaign), "Location": f"/campaigns/{quote(campaign.id, safe='')}"}
    return Answer(201, headers, json.encode(events.document(campaign)))


def _response(answer: Answer) -> Response:
    return Response(
        answer.body,
        status_code=answer.status,
        headers=dict(answer.headers),
        media_type="application/json",
    )


def _cursor_after(campaign: Campaign) -> str:
    return encode_cursor(_Place((campaign.created_at - _EPOCH) // timedelta(microseconds=1), campaign.id))


def _place(cursor: str | None) -> tuple[datetime, str] | None:
    place = decode_cursor(cursor, _Place)
    return (_EPOCH + timedelta(microseconds=place.born_microseconds), place.id) if place else None
