"""A receiver that remembers every POST from the moment it arrives, and answers as the test says.

It runs in the test's own process, so that no kill can make it forget; it can be away (`down`, `up`).
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web
from standardwebhooks import Webhook

from famedash.infra.embedded import free_port


@dataclass
class Post:
    """One POST; `answered` is None while it is open, and for good when the sender went away."""

    webhook_id: str
    campaign_id: str
    version: int
    nth: int
    arrived: float
    answered: int | None = None
    endpoint: str = "default"


Answer = Callable[[Post], Awaitable[int]]


async def ok(_: Post) -> int:
    return 200


def after(seconds: float, status: int = 200) -> Answer:
    """Answer `status` once that time has passed."""

    async def answer(_: Post) -> int:
        await asyncio.sleep(seconds)
        return status

    return answer


def first_tries(*statuses: int, then: int = 200) -> Answer:
    """The first POSTs of each event get these in turn, every later one gets `then`."""

    async def answer(post: Post) -> int:
        return statuses[post.nth - 1] if post.nth <= len(statuses) else then

    return answer


class Receiver:
    def __init__(self, secret: str) -> None:
        self.answer: Answer = ok
        self.posts: list[Post] = []
        self.port = free_port()
        self._webhook = Webhook(secret)
        self._seen: Counter[tuple[str, str]] = Counter()
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/campaign"

    def url_of(self, endpoint: str) -> str:
        """Where an endpoint of that name is to point."""
        return f"{self.url}/{endpoint}"

    async def up(self) -> None:
        app = web.Application()
        app.router.add_post("/campaign", self._take)
        app.router.add_post("/campaign/{endpoint}", self._take)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()

    async def down(self) -> None:
        """Refuse connections, and drop those that are open."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def of(self, campaign_id: str) -> list[Post]:
        return [post for post in self.posts if post.campaign_id == campaign_id]

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self._webhook.verify(body, dict(request.headers))
        webhook_id, data = request.headers["webhook-id"], json.loads(body)["data"]
        endpoint = request.match_info.get("endpoint", "default")
        self._seen[webhook_id, endpoint] += 1
        nth = self._seen[webhook_id, endpoint]
        now = time.monotonic()
        post = Post(webhook_id, data["campaignId"], data["version"], nth, now, endpoint=endpoint)
        self.posts.append(post)
        status = await self.answer(post)
        post.answered = status
        return web.Response(status=status)
