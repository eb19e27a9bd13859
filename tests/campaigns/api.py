"""A client for tests: speaks HTTP to the served app, as somebody of a workspace."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from yarl import URL


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def fields(self) -> list[str]:
        """The names of the fields that a problem document complains of."""
        return [each["field"] for each in self.json.get("errors", [])]


class Api:
    """`send` takes a JSON value or, to be exact about bytes, `data`."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str, token: str) -> None:
        self.session = session
        self.base_url = base_url
        self.token = token

    async def send(
        self, method: str, path: str, value: Any = None, *, data: bytes | None = None, **headers: str
    ) -> Reply:
        """Header names are given with underscores: `if_match='"1"'`."""
        sent = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): text for name, text in headers.items()}
        body = json.dumps(value).encode() if value is not None else data
        url = URL(self.base_url + path, encoded=True)
        async with self.session.request(method, url, data=body, headers=sent) as response:
            return Reply(response.status, response.headers, await response.read())

    async def get(self, path: str, **headers: str) -> Reply:
        return await self.send("GET", path, None, data=None, **headers)

    async def post(
        self, value: Any = None, *, data: bytes | None = None, path: str = "/campaigns", **headers: str
    ) -> Reply:
        return await self.send("POST", path, value, data=data, **headers)

    async def patch(
        self, value: Any = None, *, data: bytes | None = None, path: str = "/campaigns/c1", **headers: str
    ) -> Reply:
        return await self.send("PATCH", path, value, data=data, **headers)
