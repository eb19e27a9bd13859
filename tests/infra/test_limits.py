"""What does not get as far as a route."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from yarl import URL

from famedash.infra.http.limits import Limits
from tests.infra.app import MAX_BODY_BYTES, client
from tests.infra.test_problems import problem
from tests.serving import serving


@pytest.fixture
async def api() -> AsyncIterator[aiohttp.ClientSession]:
    async with client() as session:
        yield session


async def chunked(size: int) -> AsyncIterator[bytes]:
    """A body whose length is not declared."""
    for _ in range(size // 10):
        yield b"x" * 10


async def test_a_body_at_the_bound_is_taken(api: aiohttp.ClientSession) -> None:
    for body in (b"x" * MAX_BODY_BYTES, chunked(MAX_BODY_BYTES)):
        response = await api.post("/streams", data=body)

        assert (response.status, await response.json()) == (200, {"bytes": MAX_BODY_BYTES})


@pytest.mark.parametrize("path", ["/streams", "/things"])
async def test_a_body_beyond_the_bound_is_413_however_it_is_sent(
    api: aiohttp.ClientSession, path: str
) -> None:
    """PROMISE: nobody makes us hold more of a body than the bound.

    Breaks if only Content-Length is looked at, or if FastAPI makes a 400 of it.
    """
    bodies: list[Any] = [b"x" * (MAX_BODY_BYTES + 1), chunked(MAX_BODY_BYTES + 10)]
    for body in bodies:
        response = await api.post(path, data=body, headers={"Content-Type": "application/json"})

        assert response.status == 413
        assert "1,000 bytes" in (await problem(response))["detail"]


async def test_a_declared_length_beyond_the_bound_is_refused_before_the_body_is_sent(
    api: aiohttp.ClientSession,
) -> None:
    """The caller is answered although he never sends a byte of what he announced."""
    assert api._base_url is not None
    reader, writer = await asyncio.open_connection(api._base_url.host, api._base_url.port)
    writer.write(b"POST /streams HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n")

    assert b"413" in await asyncio.wait_for(reader.readline(), 5)
    writer.close()


@pytest.mark.parametrize("path", ["/things/%00/parts", "/things?cursor=a%00b", "/%00"])
async def test_u_0000_in_an_address_is_422(api: aiohttp.ClientSession, path: str) -> None:
    assert api._base_url is not None
    address = str(api._base_url).rstrip("/") + path
    response = await api.get(URL(address, encoded=True))

    assert response.status == 422
    assert "U+0000" in (await problem(response))["detail"]


async def count_bytes(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


@pytest.mark.parametrize("how", [lambda size: b"x" * size, chunked])
async def test_a_path_may_have_a_bound_of_its_own_and_no_other_gets_it(how: Any) -> None:
    """Breaks if the larger bound is everybody's, or holds for a declared length only."""
    app = Starlette(
        routes=[Route("/{path:path}", count_bytes, methods=["POST"])],
        middleware=[Middleware(Limits, max_body_bytes=100, bound_of={"/events": 200})],
    )
    async with serving(app) as url, aiohttp.ClientSession(url) as api:
        asked = [("/events", 200), ("/events", 210), ("/events/", 110), ("/other", 110)]
        statuses = [(await api.post(path, data=how(size))).status for path, size in asked]

    assert statuses == [200, 413, 413, 413]
