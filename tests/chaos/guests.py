"""Endpoints that come and go over HTTP while work is done, and the house that receives for them."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

import aiohttp
from aiohttp import web
from standardwebhooks import Webhook

from tests.campaigns.api import Reply
from tests.chaos.receiver import Post, Receiver
from tests.chaos.town import Town
from tests.secrets import WEBHOOK_SECRET

ENDPOINTS = "/webhook-endpoints"
Ending = Literal["on", "off", "deleted"]
MOST = 30
"""In one place: four changes each, and a workspace has 500 a day."""


class House(Receiver):
    """What comes to an address must be signed with the secret of its endpoint; else it is refused."""

    def __init__(self) -> None:
        super().__init__(WEBHOOK_SECRET)
        self.secrets: dict[str, str] = {}

    async def _take(self, request: web.Request) -> web.Response:
        secret = self.secrets.get(request.match_info["endpoint"])
        if secret is None:
            return web.Response(status=401)
        await request.read()  # now, so that nothing else runs between the next line and the check
        self._webhook = Webhook(secret)
        return await super()._take(request)


@dataclass
class Guests:
    """`told`: what each answer said of an endpoint, as (id, enabled, changedAt). `deleted`: ids.

    `names`: the addresses of endpoints whose creation was answered. One that was made though its answer was
    lost is a stranger: nobody knows its secret, so nothing is taken for it.
    """

    town: Town
    house: House
    told: set[tuple[str, bool, datetime]] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    names: dict[str, str] = field(default_factory=dict)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def stay(self, place: str, chance: random.Random, ending: Ending) -> None:
        """One after the other is made, switched off and on again, and deleted; the last one ends as said."""
        for number in itertools.count(1):
            endpoint_id = await self._create(f"{place}-{number}")
            await self._pause(chance.uniform(1, 6))
            await self._switch(endpoint_id, enabled=False)
            await self._pause(chance.uniform(0.2, 3))
            await self._switch(endpoint_id, enabled=True)
            await self._pause(chance.uniform(1, 6))
            if self.over.is_set() or number == MOST:
                break
            await self._delete(endpoint_id)
        if ending == "off":
            await self._switch(endpoint_id, enabled=False)
        elif ending == "deleted":
            await self._delete(endpoint_id)

    async def in_effect(self) -> None:
        """What was told has taken effect."""
        last = max(changed_at for _, _, changed_at in self.told)
        await asyncio.sleep((last - datetime.now(UTC)).total_seconds() + 0.1)

    @property
    def posts(self) -> list[Post]:
        """Under the ids of their endpoints."""
        ids = {name: endpoint_id for endpoint_id, name in self.names.items()}
        return [replace(post, endpoint=ids[post.endpoint]) for post in self.house.posts]

    async def _pause(self, seconds: float) -> None:
        """Some are shorter than a change takes to be effective."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.over.wait(), seconds)

    async def _create(self, name: str) -> str:
        """Where the answer was lost, delete what was made, if anything was, and make another."""
        for attempt in itertools.count(1):
            address = f"{name}-{attempt}"
            url = self.house.url_of(address)
            reply = await self._ask("POST", ENDPOINTS, {"url": url, "maxInFlight": 1})
            if reply is not None:
                self.house.secrets[address] = reply.json["secret"]
                self.names[reply.json["id"]] = address
                self._note(reply)
                return str(reply.json["id"])
            known = (await self._insist("GET", f"{ENDPOINTS}?limit=100")).json["items"]
            for stranger in [each["id"] for each in known if each["url"] == url]:
                await self._delete(stranger)
        raise AssertionError

    async def _switch(self, endpoint_id: str, *, enabled: bool) -> None:
        self._note(await self._insist("PATCH", f"{ENDPOINTS}/{endpoint_id}", {"enabled": enabled}))

    async def _delete(self, endpoint_id: str) -> None:
        """404 is fine: it was deleted, and the answer was lost."""
        await self._insist("DELETE", f"{ENDPOINTS}/{endpoint_id}", may_be=(404,))
        self.deleted.add(endpoint_id)

    def _note(self, reply: Reply) -> None:
        shown = reply.json
        self.told.add((shown["id"], shown["enabled"], datetime.fromisoformat(shown["changedAt"])))

    async def _insist(
        self, method: str, path: str, body: Any = None, *, may_be: tuple[int, ...] = ()
    ) -> Reply:
        async with asyncio.timeout(60):
            while (reply := await self._ask(method, path, body, may_be=may_be)) is None:
                await asyncio.sleep(0.1)
            return reply

    async def _ask(
        self, method: str, path: str, body: Any = None, *, may_be: tuple[int, ...] = ()
    ) -> Reply | None:
        """None: no answer, or 5xx; it may have happened all the same."""
        with suppress(aiohttp.ClientError, TimeoutError, OSError):
            async with asyncio.timeout(10):
                reply = await self.town.api.send(method, path, body)
            if reply.status < 500:
                assert reply.status < 300 or reply.status in may_be, f"{method} {path}: {reply.body!r}"
                return reply
        return None


@asynccontextmanager
async def housed(town: Town) -> AsyncIterator[Guests]:
    house = House()
    await house.up()
    try:
        yield Guests(town, house)
    finally:
        await house.down()
