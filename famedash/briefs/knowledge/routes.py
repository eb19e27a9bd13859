"""The addresses of knowledge: what briefs may rest on, and what a question finds in it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, NamedTuple
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from famedash.briefs.knowledge import model, pipeline, queries, service
from famedash.briefs.knowledge.model import MOST_TITLE_CHARACTERS, Document
from famedash.briefs.knowledge.pipeline import Sources
from famedash.briefs.knowledge.schemas import (
    DOCUMENT_BODY,
    MOST_BRAND_CHARACTERS,
    AnyPlatform,
    Brand,
    DocumentRead,
    DocumentShown,
    DocumentsShown,
    PassagesShown,
    document_shown,
    passage_shown,
    read,
)
from famedash.infra.auth.principal import Principal
from famedash.infra.http.edge import Edge
from famedash.infra.http.paging import Cursor, Limit, decode_cursor, encode_cursor, page
from famedash.infra.http.responses import json_response

OfBrand = Annotated[Brand | None, Query(description="Only documents of this brand.")]
OfPlatform = Annotated[AnyPlatform | None, Query(description="Only documents of this platform.")]
ForBrand = Annotated[
    Brand | None, Query(description="As a brief of this brand sees it, with what is for all.")
]
ForPlatform = Annotated[AnyPlatform | None, Query(description="As a brief for this platform sees it.")]
Question = Annotated[str, Query(min_length=1, max_length=1000, description="What is looked for, in words.")]
Most = Annotated[int, Query(ge=1, le=20, description="How many passages to answer, 1 to 20.")]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ABOUT = {"title": MOST_TITLE_CHARACTERS, "brand": MOST_BRAND_CHARACTERS, "platform": 50}
_ADD = {
    **DOCUMENT_BODY,
    "parameters": [
        {
            "name": name,
            "in": "query",
            "description": "When the body is the text itself.",
            "schema": {"type": "string", "maxLength": most},
        }
        for name, most in _ABOUT.items()
    ],
}
_SAME: dict[int | str, dict[str, Any]] = {
    200: {"description": "It was known already: that document", "model": DocumentShown}
}


class _Place(NamedTuple):
    """Where a page of the list begins: after this document."""

    born_microseconds: Annotated[int, msgspec.Meta(ge=0, le=2**53)]
    id: UUID


def router(edge: Edge, sources: Sources) -> APIRouter:
    """Everything under /knowledge, for tokens with `knowledge:write`."""
    routes = APIRouter(tags=["knowledge"])
    permits = edge.requires("knowledge:write")

    @routes.post(
        "/knowledge", status_code=201, response_model=DocumentShown, openapi_extra=_ADD, responses=_SAME
    )
    async def add_document(request: Request, caller: Annotated[Principal, Depends(permits)]) -> Response:
        """Let briefs know a document: a brand's guideline, or anything a brief should rest on.

        Sending it again is safe: the same text about the same brand and platform is one document, and 200.
        With `Content-Type: text/markdown` the body is the text: `…/knowledge?title=Voice&brand=Acme`.
        """
        about = {name: value for name, value in request.query_params.items() if name in _ABOUT}
        body = read(await request.body(), request.headers.get("content-type", ""), about)
        document, is_new = await pipeline.add(sources, caller.workspace, body.offered())
        return json_response(
            document_shown(replace(document, text=None)),
            status=201 if is_new else 200,
            headers={"Location": f"/knowledge/{document.id}"},
        )

    @routes.get("/knowledge", response_model=DocumentsShown)
    async def list_documents(
        caller: Annotated[Principal, Depends(permits)],
        brand: OfBrand = None,
        platform: OfPlatform = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        """The documents of the workspace, newest first, without their texts."""
        found = await queries.newest(
            sources.database,
            caller.workspace,
            brand_key=brand and model.key_of(brand),
            platform=platform,
            after=_place(cursor),
            limit=limit + 1,
        )
        items = found[:limit]
        more = _cursor_after(items[-1]) if len(found) > limit else None
        return json_response(page([document_shown(each) for each in items], more))

    @routes.get("/knowledge/search", response_model=PassagesShown)
    async def search_knowledge(
        caller: Annotated[Principal, Depends(permits)],
        query: Question,
        brand: ForBrand = None,
        platform: ForPlatform = None,
        limit: Most = 5,
    ) -> Response:
        """What a brief would find: the nearest passages first, whatever their score."""
        found = await pipeline.retrieve(
            sources,
            caller.workspace,
            brand=brand,
            platform=platform,
            query=query,
            limit=limit,
            least_score=-1.0,
        )
        return json_response(page([passage_shown(each) for each in found], None))

    @routes.get("/knowledge/{document_id}", response_model=DocumentRead)
    async def get_document(document_id: str, caller: Annotated[Principal, Depends(permits)]) -> Response:
        """One document with its text."""
        document = await queries.get(sources.database, caller.workspace, _id(document_id))
        if document is None:
            raise service.missing()
        return json_response(document_shown(document))

    @routes.delete("/knowledge/{document_id}", status_code=204)
    async def delete_document(document_id: str, caller: Annotated[Principal, Depends(permits)]) -> Response:
        """Forget a document: no brief rests on it from now on."""
        async with sources.database.transaction() as tx:
            await service.delete(tx, caller.workspace, _id(document_id))
        return Response(status_code=204)

    return routes


def _id(text: str) -> UUID:
    """Raises `NotFound`, whatever is wrong with it."""
    try:
        return UUID(text)
    except ValueError:
        raise service.missing() from None


def _cursor_after(document: Document) -> str:
    return encode_cursor(_Place((document.created_at - _EPOCH) // timedelta(microseconds=1), document.id))


def _place(cursor: str | None) -> tuple[datetime, UUID] | None:
    place = decode_cursor(cursor, _Place)
    return (_EPOCH + timedelta(microseconds=place.born_microseconds), place.id) if place else None
