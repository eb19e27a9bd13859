"""The addresses of briefs."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Annotated, Any
from uuid import UUID

import structlog
from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.requests import ClientDisconnect

from famedash.briefs import pipeline, queries, schemas, service
from famedash.briefs.knowledge import pipeline as knowledge
from famedash.briefs.model import Call, Platform, Verdict
from famedash.briefs.pipeline import Order, Studio
from famedash.briefs.queries import Position
from famedash.briefs.schemas import (
    BriefShown,
    BriefsShown,
    FeedbackGiven,
    NewBrief,
    NewFeedback,
    StoredBriefShown,
    feedback,
    listed,
    stored,
)
from famedash.infra import json
from famedash.infra.auth.principal import Principal
from famedash.infra.errors import FieldError, Invalid, Refusal, Unavailable
from famedash.infra.flights import Landed
from famedash.infra.http import event_stream
from famedash.infra.http.edge import Edge
from famedash.infra.http.paging import Cursor, Limit, decode_cursor, encode_cursor, page
from famedash.infra.http.problems import crashed, from_refusal
from famedash.infra.http.responses import json_response
from famedash.infra.logging import REQUEST

log = structlog.get_logger()

CampaignId = Annotated[
    str | None,
    Query(alias="campaignId", max_length=200, description="Only this campaign's; else those of all."),
]

_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {event_stream.MEDIA_TYPE: {"schema": {"type": "string"}}}},
}


def router(edge: Edge, studio: Studio, sources: knowledge.Sources) -> APIRouter:
    routes = APIRouter(tags=["briefs"])
    writes = edge.requires("briefs:write")

    @routes.post("/generate-brief", response_model=BriefShown, responses=_STREAM)
    async def generate_brief(
        request: Request, body: NewBrief, caller: Annotated[Principal, Depends(writes)]
    ) -> Response:
        """A brief that a creator could shoot tomorrow: three tools, a writer, and policy.

        The same request is answered from a cache (`X-Cache: HIT`); twins that come at once cost one
        generation (`COALESCED`). With `Accept: text/event-stream` tool calls and partial fields are told as
        they come; what counts is the last event, `brief` or `error`.
        """
        order = await pipeline.take(studio, caller.workspace, body.ask())
        kept = await pipeline.find(studio, order)
        if event_stream.MEDIA_TYPE in request.headers.get("accept", ""):
            return event_stream.EventStream(lambda: _stream(studio, order, caller.subject, kept))
        if kept is not None:
            return _answer(kept)
        making = pipeline.generate(studio, order, actor=caller.subject)
        return _answer(await _unless_left(request, making))

    @routes.get("/briefs", response_model=BriefsShown)
    async def list_briefs(
        caller: Annotated[Principal, Depends(writes)],
        campaign_id: CampaignId = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        """Every brief that was written, the newest first."""
        before = decode_cursor(cursor, Position)
        rows = await queries.newest(
            edge.database, caller.workspace, campaign_id=campaign_id, before=before, limit=limit + 1
        )
        last = rows[limit - 1] if len(rows) > limit else None
        more = encode_cursor((last["created_at"], last["brief_id"])) if last else None
        return json_response(page([listed(dict(row)) for row in rows[:limit]], more))

    @routes.get("/briefs/{brief_id}", response_model=StoredBriefShown)
    async def get_brief(brief_id: str, caller: Annotated[Principal, Depends(writes)]) -> Response:
        """A brief with its request, the ledger of its tools, its sources, and the newest feedback."""
        return json_response(stored(await _found(edge, caller.workspace, brief_id)))

    @routes.post("/briefs/{brief_id}/feedback", status_code=201, response_model=FeedbackGiven)
    async def give_feedback(
        brief_id: str, body: NewFeedback, caller: Annotated[Principal, Depends(writes)]
    ) -> Response:
        """Say what became of a brief; the newest word counts.

        What was used or edited is learned, and may be cited by later briefs; a rejected one is forgotten.
        While no embedder can be asked, the word is on record all the same, and `learned` is false.
        """
        _refuse_half(body)
        found = await _found(edge, caller.workspace, brief_id)
        async with edge.database.transaction() as tx:
            await service.judge(
                tx,
                caller.workspace,
                found["brief_id"],
                body.verdict,
                edited_caption=body.edited_caption,
                note=body.note,
                actor=caller.subject,
            )
        learned = await _learn(sources, caller.workspace, found, body)
        now = await _found(edge, caller.workspace, brief_id)
        return json_response({**feedback(now), "learned": learned}, status=201)

    return routes


async def _learn(
    sources: knowledge.Sources, workspace: str, found: dict[str, Any], body: NewFeedback
) -> bool:
    """After the word is on record, which must not be lost because an embedder is away."""
    brief_id = str(found["brief_id"])
    if body.verdict is Verdict.REJECTED:
        await knowledge.forget(sources, workspace, brief_id)
        return False
    try:
        await knowledge.learn(
            sources,
            workspace,
            brief_id,
            brand=found["brand"],
            platform=Platform(found["platform"]),
            title=f"Brief for {found['product']}"[:200],
            text=body.edited_caption or found["caption"],
        )
    except Unavailable as away:
        log.warning("brief.not_learned", error=type(away).__name__)
        return False
    return True


def _refuse_half(body: NewFeedback) -> None:
    if (body.verdict is Verdict.EDITED) != (body.edited_caption is not None):
        message = "Goes with the verdict `edited`, and only with it: send the text that was used."
        raise Invalid(f"editedCaption: {message}", fields=[FieldError("editedCaption", message)])


async def _found(edge: Edge, workspace: str, brief_id: str) -> dict[str, Any]:
    """Raises `NotFound`, whatever is wrong with the id."""
    try:
        row = await queries.get(edge.database, workspace, UUID(brief_id))
    except ValueError:
        row = None
    if row is None:
        raise service.missing()
    return dict(row)


def _answer(landed: Landed) -> Response:
    return Response(landed.value, headers={"X-Cache": landed.how}, media_type="application/json")


async def _unless_left(request: Request, work: Coroutine[Any, Any, Landed]) -> Landed:
    """Do it, unless the client leaves: then it ends, if nobody else waits for the same."""
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientDisconnect
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


class _Told:
    """An audience that reads server-sent events."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._fields: dict[str, Any] = {}

    def called(self, call: Call) -> None:
        self.tell("tool", schemas.called(call))

    def wrote(self, fields: dict[str, Any]) -> None:
        changed = {name: value for name, value in fields.items() if self._fields.get(name) != value}
        if changed:
            self._fields = fields
            self.tell("partial", changed)

    def tell(self, name: str, value: Any) -> None:
        self.tell_encoded(name, json.encode(value))

    def tell_encoded(self, name: str, value: bytes) -> None:
        self.events.put_nowait(b"event: " + name.encode() + b"\ndata: " + value + b"\n\n")


@asynccontextmanager
async def _stream(
    studio: Studio, order: Order, actor: str, kept: Landed | None
) -> AsyncIterator[AsyncIterator[bytes]]:
    told = _Told()
    working = asyncio.create_task(_tell_all(studio, order, actor, kept, told))
    try:
        yield _events(told)
    finally:
        working.cancel()
        await asyncio.wait({working})
    if not working.cancelled():
        working.result()


async def _tell_all(studio: Studio, order: Order, actor: str, kept: Landed | None, told: _Told) -> None:
    """Whatever happens, the last event says it; a fault of ours is raised on, to be logged as any other."""
    try:
        landed = kept or await pipeline.generate(studio, order, actor=actor, audience=told)
        told.tell_encoded("brief", landed.value)
    except Refusal as refusal:
        told.tell_encoded("error", bytes(from_refusal(refusal).body))
    except Exception:
        told.tell_encoded("error", bytes(crashed(f"/requests/{REQUEST.get()}").body))
        raise
    finally:
        told.events.put_nowait(None)


async def _events(told: _Told) -> AsyncIterator[bytes]:
    while (event := await told.events.get()) is not None:
        yield event
