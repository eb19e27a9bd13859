"""The addresses of dead letters: found, replayed one by one, replayed by what they have in common."""

from typing import Annotated, Any, NamedTuple
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from famedash.infra.auth.principal import Principal
from famedash.infra.errors import NotFound
from famedash.infra.http.edge import Edge
from famedash.infra.http.paging import Cursor, Limit, decode_cursor, encode_cursor, page
from famedash.infra.http.responses import json_response
from famedash.webhooks.letters import queries, service
from famedash.webhooks.letters.model import Filters
from famedash.webhooks.letters.schemas import (
    DeadLetterShown,
    DeadLettersShown,
    ErrorClass,
    EventType,
    ForeseenShown,
    ReplayMany,
    ReplayOne,
    ReplayShown,
    Time,
    Word,
    letter_shown,
    replay_shown,
)

_DRY: dict[int | str, dict[str, Any]] = {200: {"description": "A dry run", "model": ForeseenShown}}


class _Place(NamedTuple):
    """Where a page begins: after this letter."""

    id: UUID


def _filters(
    *,
    campaign_id: Annotated[Word | None, Query(alias="campaignId", description="Of this campaign.")] = None,
    endpoint_id: Annotated[Word | None, Query(alias="endpointId", description="Of this endpoint.")] = None,
    event_type: Annotated[
        EventType | None, Query(alias="eventType", description="`CampaignCreated` or `CampaignUpdated`.")
    ] = None,
    error_class: Annotated[
        ErrorClass | None,
        Query(alias="errorClass", description="Of the last try, such as `http_5xx`, `timeout`."),
    ] = None,
    died_after: Annotated[
        Time | None, Query(alias="diedAfter", description="Given up at this time or later.")
    ] = None,
    died_before: Annotated[Time | None, Query(alias="diedBefore", description="Given up before it.")] = None,
    replayed: Annotated[bool | None, Query(description="Only those that were replayed, or were not.")] = None,
) -> Filters:
    return Filters(campaign_id, endpoint_id, event_type, error_class, died_after, died_before, replayed)


def router(edge: Edge, *, default_points: bool) -> APIRouter:
    """Everything under /dead-letters. `default_points`: FAMEDASH_WEBHOOK_URL is set."""
    routes = APIRouter(tags=["webhooks"])
    reads, writes = edge.requires("webhooks:read"), edge.requires("webhooks:write")

    @routes.get("/dead-letters", response_model=DeadLettersShown)
    async def list_dead_letters(
        caller: Annotated[Principal, Depends(reads)],
        filters: Annotated[Filters, Depends(_filters)],
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        """Deliveries that were given up, newest first."""
        place = decode_cursor(cursor, _Place)
        found = await queries.letters(
            edge.database, caller.workspace, filters, before=place and place.id, limit=limit + 1
        )
        items = found[:limit]
        more = encode_cursor(_Place(items[-1]["id"])) if len(found) > limit else None
        return json_response(page([letter_shown(each) for each in items], more))

    @routes.post("/dead-letters/{letter_id}/replay", status_code=202, response_model=DeadLetterShown)
    async def replay_dead_letter(
        letter_id: str, caller: Annotated[Principal, Depends(writes)], body: ReplayOne | None = None
    ) -> Response:
        """Deliver it once more, under the same `webhook-id`, with three tries that are numbered on.

        It does not wait for its turn: newer versions of the campaign may have arrived before it. 409 where
        the endpoint is off, where it is on its way already, or was delivered since (unless `force`).
        """
        async with edge.database.transaction() as tx:
            letter = await service.replay(
                tx,
                caller.workspace,
                _id(letter_id),
                forced=body is not None and body.force,
                default_points=default_points,
            )
        return json_response(letter_shown(letter), status=202)

    @routes.post("/dead-letters/replays", status_code=202, response_model=ReplayShown, responses=_DRY)
    async def replay_dead_letters(
        body: ReplayMany, caller: Annotated[Principal, Depends(writes)]
    ) -> Response:
        """Replay every letter that matches now, oldest first; `{}` is all that were not replayed yet.

        Answers a job, which goes on by itself; its address says how far it is. `dryRun` only counts.
        """
        async with edge.database.transaction() as tx:
            if body.dry_run:
                foreseen = await service.foresee(
                    tx, caller.workspace, body.filters(), forced=body.force, default_points=default_points
                )
                matching = foreseen.replayed + foreseen.skipped
                unfinished = foreseen.finished_at is None
                return json_response(
                    {"matching": matching, "skipped": foreseen.skipped, "atLeast": unfinished}
                )
            replay = await service.begin(
                tx, caller.workspace, body.filters(), forced=body.force, actor=caller.subject
            )
        return json_response(
            replay_shown(replay), status=202, headers={"Location": f"/dead-letters/replays/{replay.id}"}
        )

    @routes.get("/dead-letters/replays/{replay_id}", response_model=ReplayShown)
    async def get_replay(replay_id: str, caller: Annotated[Principal, Depends(reads)]) -> Response:
        """How far a replay of many is."""
        known = _uuid(replay_id)
        replay = await queries.replay(edge.database, caller.workspace, known) if known else None
        if replay is None:
            raise NotFound("There is no such replay in this workspace.")
        return json_response(replay_shown(replay))

    return routes


def _id(text: str) -> UUID:
    """Raises `NotFound`, whatever is wrong with it."""
    known = _uuid(text)
    if known is None:
        raise service.missing()
    return known


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
