"""A small API on the real edge, for tests of the edge."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

import aiohttp
from asyncpg.exceptions._base import DataError as UnencodableValue
from fastapi import Depends, FastAPI, Header, Request
from pydantic import Field
from starlette.middleware import Middleware
from starlette.responses import Response, StreamingResponse

from famedash.infra.auth.keys import SharedSecret
from famedash.infra.auth.principal import Principal
from famedash.infra.auth.tokens import Authenticator
from famedash.infra.errors import Conflict, NotFound, PreconditionFailed, Refusal, TooMany, Unavailable
from famedash.infra.http import handlers, openapi
from famedash.infra.http.bearer import requires
from famedash.infra.http.bodies import Body
from famedash.infra.http.limits import Limits
from famedash.infra.http.paging import Cursor, Limit, decode_cursor, encode_cursor, page
from famedash.infra.http.rates import Rates
from famedash.infra.http.responses import json_response
from famedash.infra.http.watch import Watch
from tests.infra.test_auth import SECRET, SETTINGS, signed
from tests.serving import serving

MAX_BODY_BYTES = 1000
UNBOUNDED = Rates(per_second=0, burst=1)


class NewBudget(Body):
    amount: Annotated[Decimal, Field(ge=0)]


class NewThing(Body):
    name: Annotated[str, Field(min_length=1, max_length=10)]
    starts_at: datetime | None = None
    budget: NewBudget | None = None
    platforms: list[str] | None = None
    metadata: dict[str, Any] | None = None


class NeverMind(Conflict):
    """A refusal of a feature's own."""

    problem = "never-mind"
    title = "Never mind"


REFUSALS: dict[str, Refusal] = {
    "conflict": Conflict("It is taken."),
    "own": NeverMind("Not today."),
    "missing": NotFound("There is no such thing."),
    "moved": PreconditionFailed("It is at version 3 now."),
    "busy": TooMany("Slow down.", retry_after_seconds=4),
    "away": Unavailable("Redis does not answer.", retry_after_seconds=7),
}


def small_app(rates: Rates | None = None) -> FastAPI:
    app = FastAPI(
        redirect_slashes=False,
        middleware=[Middleware(Watch), Middleware(Limits, max_body_bytes=MAX_BODY_BYTES)],
    )
    handlers.install(app)
    openapi.install(app)
    needs = requires(Authenticator(SETTINGS, SharedSecret(SECRET)), rates or UNBOUNDED)

    @app.get("/me")
    async def me(caller: Annotated[Principal, Depends(needs("campaigns:read"))]) -> dict[str, str]:
        return {"workspace": caller.workspace}

    @app.post("/me")
    async def change_me(caller: Annotated[Principal, Depends(needs("campaigns:write"))]) -> None: ...

    @app.post("/things")
    async def new_thing(body: NewThing) -> Response:
        return json_response(body.model_dump())

    @app.post("/streams")
    async def take_stream(request: Request) -> Response:
        return json_response({"bytes": sum([len(chunk) async for chunk in request.stream()])})

    @app.get("/things")
    async def things(limit: Limit = 2, cursor: Cursor = None) -> Response:
        start = decode_cursor(cursor, tuple[int]) or (0,)
        items = list(range(5))[start[0] : start[0] + limit]
        more = encode_cursor((start[0] + limit,)) if start[0] + limit < 5 else None
        return json_response(page(items, more))

    @app.get("/things/{thing_id}/parts")
    async def parts(thing_id: int, x_count: Annotated[int, Header()] = 0) -> dict[str, int]:
        return {"id": thing_id}

    @app.get("/refusals/{kind}")
    async def refuse(kind: str) -> None:
        raise REFUSALS[kind]

    @app.get("/faults/{kind}")
    async def fail(kind: str) -> Response:
        if kind == "late":
            return StreamingResponse(_breaks_off())
        raise FAULTS[kind]

    @app.get("/values")
    async def values() -> Response:
        return json_response({"amount": Decimal("12.50"), "at": datetime(2026, 7, 1, 12, tzinfo=UTC)})

    return app


FAULTS: dict[str, Exception] = {
    "bug": KeyError("secret detail of our code"),
    "database": ConnectionRefusedError("secret address of our server"),
    "value": UnencodableValue("secret value"),
}


async def _breaks_off() -> AsyncIterator[bytes]:
    yield b"begun"
    raise KeyError("secret detail of our code")


@asynccontextmanager
async def client(rates: Rates | None = None) -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTP client of a running small app."""
    async with serving(small_app(rates)) as url, aiohttp.ClientSession(url) as session:
        yield session


def bearer(**changes: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {signed(**changes)}"}
