"""A receiver that keeps what comes, path by path, and the endpoints that point to it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from famedash.infra.database import Database
from famedash.webhooks.model import FINAL
from tests.campaigns.api import Api, Reply
from tests.flow.system import until
from tests.serving import serving

ENDPOINTS = "/webhook-endpoints"


@dataclass(frozen=True)
class Post:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> Any:
        return json.loads(self.body)

    def verifies(self, secret: str) -> bool:
        """Asks the public package."""
        try:
            Webhook(secret).verify(self.body, self.headers)
        except WebhookVerificationError:
            return False
        return True


@dataclass
class Hook:
    """`answers`: the status for each path, else 200. While `open` is not set, nothing is answered."""

    url: str = ""
    posts: list[Post] = field(default_factory=list)
    answers: dict[str, int] = field(default_factory=dict)
    open: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: Request) -> Response:
        path = request.url.path
        self.posts.append(Post(path, dict(request.headers), await request.body()))
        await self.open.wait()
        return Response("thanks\n", self.answers.get(path, 200), {"Location": "/elsewhere"})

    def at(self, path: str) -> list[Post]:
        return [post for post in self.posts if post.path == path]

    def versions(self, path: str) -> list[int]:
        """Of the events that came, in their order."""
        return [post.event["data"]["version"] for post in self.at(path)]


@asynccontextmanager
async def open_hook() -> AsyncIterator[Hook]:
    hook = Hook()
    hook.open.set()
    async with serving(Starlette(routes=[Route("/{name}", hook.take, methods=["POST"])])) as hook.url:
        yield hook


async def make(api: Api, url: str, **more: Any) -> dict[str, Any]:
    reply = await api.post({"url": url, **more}, path=ENDPOINTS)
    assert reply.status == 201, reply.body
    return dict(reply.json)


async def patch(api: Api, endpoint_id: str, **more: Any) -> dict[str, Any]:
    reply = await api.patch(more, path=f"{ENDPOINTS}/{endpoint_id}")
    assert reply.status == 200, reply.body
    return dict(reply.json)


async def delete(api: Api, endpoint_id: str) -> Reply:
    return await api.send("DELETE", f"{ENDPOINTS}/{endpoint_id}")


async def in_effect(database: Database) -> None:
    """The two seconds until every change takes effect are over, in the order in which they were made."""
    await database.fetch(
        """
        with pending as (
            select workspace_id, endpoint_id, effective_at, row_number() over (
                partition by workspace_id, endpoint_id order by effective_at desc
            ) as place
            from webhook_endpoint_changes where effective_at > clock_timestamp()
        )
        update webhook_endpoint_changes change
        set effective_at = clock_timestamp() - place * interval '1 microsecond' from pending
        where (change.workspace_id, change.endpoint_id, change.effective_at)
            = (pending.workspace_id, pending.endpoint_id, pending.effective_at)
        """
    )


async def settled(api: Api, deliveries: int, campaign_id: str = "summer") -> list[dict[str, Any]]:
    """The log of the campaign once so many deliveries, whatever the endpoint, came to an end."""
    rows: list[dict[str, Any]] = []

    async def done() -> bool:
        nonlocal rows
        rows = (await api.get(f"/logs?campaignId={campaign_id}")).json["items"]
        return sum(row["status"] in FINAL for row in rows) >= deliveries

    await until(done)
    return rows
