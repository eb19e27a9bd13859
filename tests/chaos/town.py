"""A whole FameDash of real processes, and the people around it: a driver, and a receiver's books."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import asyncpg
from redis.asyncio import Redis

from famedash.infra.embedded import Embedded, free_port
from tests.campaigns.api import Api, Reply
from tests.chaos.processes import Process
from tests.chaos.receiver import Receiver
from tests.chaos.verdict import FINAL, Verdict, judge
from tests.secrets import ENCRYPTION_KEY, JWT_SECRET, WEBHOOK_SECRET, token

WORKSPACE = "acme"


async def until(condition: Callable[[], Awaitable[object]], seconds: float, what: str) -> float:
    """Answers how long it took."""
    began = time.monotonic()
    while not await condition():
        assert time.monotonic() - began < seconds, f"{what}: not within {seconds} s"
        await asyncio.sleep(0.05)
    return time.monotonic() - began


@dataclass
class Town:
    servers: Embedded
    database_url: str
    redis_url: str
    receiver: Receiver
    session: aiohttp.ClientSession
    folder: Path
    port: int = field(default_factory=free_port)
    processes: list[Process] = field(default_factory=list)
    endpoints: Sequence[str] = ("default",)
    accepted: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    odd_answers: list[str] = field(default_factory=list)

    @property
    def api(self) -> Api:
        return Api(self.session, f"http://127.0.0.1:{self.port}", token(WORKSPACE))

    # --- processes

    async def start(self, command: str, **settings: str) -> Process:
        """Another process of that kind; `settings` go before the usual ones."""
        usual = {
            "database_url": self.database_url,
            "redis_url": self.redis_url,
            "jwt_secret": JWT_SECRET,
            "webhook_secret": WEBHOOK_SECRET,
            "encryption_key": ENCRYPTION_KEY,
            "webhook_allow_private": "127.0.0.0/8",
            "webhook_url": self.receiver.url,
            "webhook_backoff_seconds": "0.3",
            "port": str(self.port),
        }
        process = Process(command, f"{command}-{len(self.processes)}", usual | settings, self.folder)
        self.processes.append(process)
        return await process.start()

    async def ready(self) -> None:
        """The API answers."""

        async def answers() -> bool:
            with suppress(aiohttp.ClientError):
                return (await self.api.get("/readyz")).status == 200
            return False

        await until(answers, 30, "the API starts")

    async def end(self) -> None:
        await asyncio.gather(*(process.end() for process in self.processes))

    # --- changes

    async def change(self, method: str, path: str, body: Any, *, key: str, seconds: float = 60) -> Reply:
        """Ask with an idempotency key until it is answered 2xx, as a careful client does."""
        deadline = time.monotonic() + seconds
        while True:
            with suppress(aiohttp.ClientError, TimeoutError, OSError):
                async with asyncio.timeout(10):
                    reply = await self.api.send(method, path, body, idempotency_key=key)
                if reply.status < 300:
                    self.accepted[reply.json["id"]].add(reply.json["version"])
                    return reply
                if reply.status != 503:
                    self.odd_answers.append(f"{method} {path}: {reply.status} {reply.body[:200]!r}")
                assert reply.status >= 500, reply.body
            assert time.monotonic() < deadline, f"{method} {path}: never accepted"
            await asyncio.sleep(0.1)

    async def create(self, campaign_id: str) -> None:
        body = {"id": campaign_id, "name": "Summer"}
        await self.change("POST", "/campaigns", body, key=str(uuid4()))

    async def touch(self, campaign_id: str, times: int = 1) -> None:
        """So many more versions, one after the other."""
        for _ in range(times):
            body = {"metadata": {"mark": str(uuid4())}}
            await self.change("PATCH", f"/campaigns/{campaign_id}", body, key=str(uuid4()))

    # --- what came of it

    async def logs(self, campaign_id: str | None = None) -> list[dict[str, Any]]:
        """Every page of `/logs`, as anybody sees it."""
        query = f"&campaignId={campaign_id}" if campaign_id else ""
        rows: list[dict[str, Any]] = []
        cursor = ""
        while True:
            reply = await self.api.get(f"/logs?limit=1000{query}{cursor}")
            assert reply.status == 200, reply.body
            rows += reply.json["items"]
            if reply.json["nextCursor"] is None:
                return rows
            cursor = f"&cursor={reply.json['nextCursor']}"

    async def fetch(self, sql: str, *values: object) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.database_url)
        try:
            return await connection.fetch(sql, *values)
        finally:
            await connection.close()

    async def settled(self, seconds: float = 60) -> float:
        """Every committed event has its final row for every endpoint in `/logs`; how long that took."""

        async def all_final() -> bool:
            if await self._unsettled():  # the cheap question first
                return False
            with suppress(aiohttp.ClientError, AssertionError):
                rows = await self.logs()
                final = {(row["eventId"], row["endpointId"]) for row in rows if row["status"] in FINAL}
                events = [event_id for _, _, event_id in await self.events()]
                return {(event_id, name) for event_id in events for name in self.endpoints} <= final
            return False

        try:
            return await until(all_final, seconds, "every committed version has a final row")
        except AssertionError as late:
            raise AssertionError(f"{late}\n{await self.verdict()}\n{self.words()}") from None

    async def _unsettled(self) -> list[asyncpg.Record]:
        return await self.fetch(
            """
            select from outbox_events event cross join unnest($1::text[]) as owed(endpoint_id)
            where topic = 'events' and not exists (
                select from webhook_attempts tried
                where tried.workspace_id = event.workspace_id and tried.event_id = event.event_id
                  and tried.endpoint_id = owed.endpoint_id and tried.status = any($2::text[])
            ) limit 1
            """,
            self.endpoints,
            FINAL,
        )

    async def events(self) -> list[tuple[str, int, str]]:
        rows = await self.fetch(
            "select campaign_id, version, event_id from outbox_events where topic = 'events' order by seq"
        )
        return [(row["campaign_id"], row["version"], str(row["event_id"])) for row in rows]

    async def verdict(self) -> Verdict:
        events, rows = await self.events(), await self.logs()
        return judge(self.accepted, events, rows, self.receiver.posts, self.endpoints)

    async def proves_clean(self, seconds: float = 60) -> Verdict:
        """All is settled, nothing lost, missing, recorded twice or out of order; nobody died of a bug."""
        await self.settled(seconds)
        verdict = await self.verdict()
        assert verdict.is_clean, f"{verdict}\n{self.words()}"
        bugs = [bug for process in self.processes for bug in process.bugs()]
        assert not bugs, f"{len(bugs)} bugs\n" + "\n".join(bugs[:3])
        return verdict

    def words(self) -> str:
        """The last lines of every process, for whoever has to find out why."""
        words = ((process.name, process.last_words()) for process in self.processes)
        return "\n".join(f"--- {name}\n{last}" for name, last in words if last)

    async def posted(self, count: int, seconds: float = 15) -> None:
        async def seen() -> bool:
            return len(self.receiver.posts) >= count

        await until(seen, seconds, f"{count} POSTs arrive")

    async def rows(self, status: str, count: int = 1, seconds: float = 15) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []

        async def there() -> bool:
            nonlocal found
            found = [row for row in await self.logs() if row["status"] == status]
            return len(found) >= count

        await until(there, seconds, f"{count} rows {status}")
        return found

    async def owners(self) -> dict[str, int]:
        """Partitions with a valid lease, by owner."""
        rows = await self.fetch(
            "select owner, count(*) from reader_leases where lease_until > clock_timestamp() group by owner"
        )
        return {row["owner"]: row["count"] for row in rows}

    async def owned(self, members: int, seconds: float = 20) -> float:
        """Every partition has an owner, shared fairly among so many."""

        async def fair() -> bool:
            shares = (await self.owners()).values()
            return len(shares) == members and sum(shares) == 16 and max(shares) - min(shares) <= 1

        return await until(fair, seconds, f"16 partitions shared among {members}")

    async def redis(self) -> Redis:
        return Redis.from_url(self.redis_url)
