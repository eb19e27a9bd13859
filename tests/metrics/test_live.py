"""Live metrics: what a stream shows, when it ends, what many streams cost."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import asyncpg
import pytest
from redis.asyncio import Redis

from famedash.infra.auth.mint import mint
from famedash.infra.auth.principal import SCOPES
from famedash.infra.auth.settings import AuthSettings
from famedash.infra.auth.tokens import open_authenticator
from famedash.infra.database import Database
from famedash.infra.embedded import free_port
from famedash.infra.errors import NotFound, Unavailable
from famedash.infra.loop import Stop
from famedash.metrics import live, queries
from famedash.metrics.live import Live, counts
from famedash.processes.api import Resources, create_app
from famedash.processes.http_server import serve
from famedash.processes.settings import Settings
from tests.campaigns.api import Api
from tests.metrics.builders import Counted, count
from tests.metrics.test_events_route import served
from tests.secrets import JWT_SECRET, SEAL, token

PATH = "/campaigns/summer/metrics/live"
PATIENCE_SECONDS = 10


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second is long in a test."""
    monkeypatch.setattr(live, "LOOK_SECONDS", 0.02)


class Watched:
    """One open stream, read block by block."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response

    async def block(self) -> str:
        """The next block, without its empty line; empty at the end of the stream."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            lines = []
            while (line := (await self.response.content.readline()).decode()) not in ("", "\n"):
                lines.append(line)
        return "".join(lines).rstrip("\n")

    async def document(self) -> Any:
        """Of the next event `metrics`; other blocks are skipped."""
        while not (block := await self.block()).startswith("event: metrics\n"):
            assert block, "the stream ended"
        return json.loads(block.removeprefix("event: metrics\ndata: "))

    async def rest(self) -> list[str]:
        """Every block until the server ends the stream."""
        blocks = []
        while block := await self.block():
            blocks.append(block)
        return blocks


@asynccontextmanager
async def watching(api: Api, path: str = PATH) -> AsyncIterator[Watched]:
    headers = {"Authorization": f"Bearer {api.token}"}
    async with api.session.get(api.base_url + path, headers=headers) as response:
        assert response.status == 200, await response.text()
        yield Watched(response)


async def add(database: Database, views: int, campaign: str = "summer", workspace: str = "acme") -> None:
    at = await queries.now(database)
    await count(database, Counted(at, value=views, campaign=campaign, workspace=workspace), now=at)


@pytest.fixture
async def stop() -> Stop:
    return Stop()


@pytest.fixture
async def api(database: Database, redis: Redis, stop: Stop) -> AsyncIterator[Api]:
    await add(database, 3)
    async with served(database, redis, stop=stop) as api:
        yield api


async def test_the_document_comes_at_once_and_again_when_a_count_has_changed(
    api: Api, database: Database
) -> None:
    async with watching(api) as watched:
        assert await watched.block() == "retry: 2000"
        first = await watched.document()
        await add(database, 4)
        second = await watched.document()

    assert (first["campaignId"], first["total"]["views"], second["total"]["views"]) == ("summer", 3, 7)
    assert first.keys() == (await api.get("/campaigns/summer/metrics")).json.keys()


async def test_nobody_on_the_way_keeps_the_stream_back(api: Api) -> None:
    async with watching(api) as watched:
        headers = watched.response.headers

        assert headers["Content-Type"].startswith("text/event-stream")
        assert (headers["Cache-Control"], headers["X-Accel-Buffering"]) == ("no-store", "no")
        assert "Content-Length" not in headers


async def test_an_unknown_campaign_and_a_foreign_one_are_the_same_404(api: Api, database: Database) -> None:
    await add(database, 1, "theirs", workspace="rival")

    foreign, nowhere = [await api.get(f"/campaigns/{each}/metrics/live") for each in ("theirs", "nowhere")]

    assert (foreign.status, nowhere.status) == (404, 404)
    assert foreign.body == nowhere.body == (await api.get("/campaigns/nowhere/metrics")).body


async def test_the_scope_is_needed(api: Api) -> None:
    api.token = token("acme", SCOPES - {"metrics:read"})

    assert (await api.get(PATH)).status == 403


async def test_streams_end_when_the_server_is_asked_to_stop(api: Api, stop: Stop) -> None:
    """PROMISE: a SIGTERM waits for no stream. Breaks if only the client can end one."""
    async with watching(api) as one, watching(api) as other:
        await one.document()
        await other.document()

        stop.ask()

        assert await one.rest() == await other.rest() == [": over, connect again"]
        assert (await api.get(PATH)).status == 503


async def test_a_stream_ends_with_its_token(api: Api) -> None:
    """Breaks if the token is looked at when the stream begins and never again."""
    api.token = mint(
        JWT_SECRET,
        subject="ada",
        workspace="acme",
        scopes=SCOPES,
        lifetime=timedelta(seconds=2),
        audience="famedash",
        issuer="famedash",
        now=datetime.now(UTC),
    )

    async with watching(api) as watched:
        assert (await watched.rest())[-1] == ": over, connect again"


async def test_a_client_that_leaves_frees_its_place(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Breaks if a place is freed only by a stream that ends by itself."""
    monkeypatch.setattr(live, "MOST_STREAMS", 1)
    async with watching(api) as watched:
        await watched.document()
        full = await api.get(PATH)

    assert (full.status, full.headers["Retry-After"]) == (503, "5")
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            async with api.session.get(
                api.base_url + PATH, headers={"Authorization": f"Bearer {api.token}"}
            ) as again:
                if again.status == 200:
                    return
            await asyncio.sleep(0.01)


async def test_a_refused_stream_takes_no_place(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_STREAMS", 1)

    assert [(await api.get("/campaigns/nowhere/metrics/live")).status for _ in range(3)] == [404] * 3


async def test_the_api_process_ends_although_somebody_watches(
    database: Database, redis: Redis, api: Api
) -> None:
    """The final comment tells it from a connection that was cut after the patience of the server."""
    stop, port = Stop(), free_port()
    authenticator = await open_authenticator(AuthSettings(JWT_SECRET, "", "famedash", "famedash"))
    app = create_app(Settings(), Resources(database, redis, authenticator, SEAL, stop))
    server = asyncio.create_task(serve(app, host="127.0.0.1", port=port, stop=stop))
    await listens(port)

    async with watching(Api(api.session, f"http://127.0.0.1:{port}", api.token)) as watched:
        await watched.document()
        stop.ask()

        assert await watched.rest() == [": over, connect again"]
    await server


async def listens(port: int) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.01)
            else:
                writer.close()
                return


class Fed:
    """A look that answers (or raises) what the test feeds it, each once."""

    def __init__(self) -> None:
        self.next: asyncio.Queue[Any] = asyncio.Queue()

    def feed(self, *found: Any) -> None:
        for each in found:
            self.next.put_nowait(each)

    async def look(self) -> Any:
        found = await self.next.get()
        if isinstance(found, Exception):
            raise found
        return found


async def blocks(stream: AsyncIterator[bytes], number: int) -> list[str]:
    async with asyncio.timeout(PATIENCE_SECONDS):
        return [(await anext(stream)).decode() for _ in range(number)]


def shown(views: int, minute: int = 0) -> dict[str, Any]:
    window = {"from": minute, "to": minute + 60, "views": views}
    return {"asOf": minute, "dataThrough": minute, "window1h": window, "flags": [{"code": "a", "to": minute}]}


def told(views: int, minute: int = 0) -> str:
    return f"event: metrics\ndata: {json.dumps(shown(views, minute), separators=(',', ':'))}\n\n"


async def test_however_many_watch_a_campaign_there_is_one_look_for_all(stop: Stop) -> None:
    """PROMISE: what a campaign costs does not grow with its audience.

    Each document can be had once: with a look for each watcher all others would wait for ever.
    """
    all_of_them, fed = Live(stop), Fed()
    async with AsyncExitStack() as open_streams:
        opening = [
            asyncio.create_task(
                open_streams.enter_async_context(all_of_them.watch("acme", "summer", fed.look))
            )
            for _ in range(50)
        ]
        fed.feed(shown(1))
        streams = await asyncio.wait_for(asyncio.gather(*opening), PATIENCE_SECONDS)
        first = [await blocks(stream, 2) for stream in streams]
        fed.feed(shown(2))
        second = [await blocks(stream, 1) for stream in streams]
        streams.append(await open_streams.enter_async_context(all_of_them.watch("acme", "summer", fed.look)))
        late = await blocks(streams[-1], 2)

    assert first == [["retry: 2000\n\n", told(1)]] * 50
    assert second == [[told(2)]] * 50
    assert late == ["retry: 2000\n\n", told(2)]
    assert all_of_them.streams == 0


async def test_campaigns_and_workspaces_are_looked_at_apart(stop: Stop) -> None:
    """Breaks if a campaign's id alone says what is shared."""
    all_of_them, ours, theirs = Live(stop), Fed(), Fed()
    ours.feed(shown(1))
    theirs.feed(shown(2))

    async with (
        all_of_them.watch("acme", "summer", ours.look) as one,
        all_of_them.watch("rival", "summer", theirs.look) as other,
    ):
        assert (await blocks(one, 2))[1] == told(1)
        assert (await blocks(other, 2))[1] == told(2)


async def test_nothing_is_told_while_only_time_passes(stop: Stop) -> None:
    fed = Fed()
    fed.feed(shown(1), shown(1, minute=1), shown(1, minute=2), shown(2, minute=3))

    async with Live(stop).watch("acme", "summer", fed.look) as stream:
        assert (await blocks(stream, 3))[1:] == [told(1), told(2, minute=3)]


@pytest.mark.parametrize(
    "away", [Unavailable("away"), OSError("away"), asyncpg.ConnectionDoesNotExistError("away")]
)
async def test_a_database_that_is_away_for_a_while_ends_no_stream(stop: Stop, away: Exception) -> None:
    fed = Fed()
    fed.feed(shown(1), away, away, shown(2))

    async with Live(stop).watch("acme", "summer", fed.look) as stream:
        assert (await blocks(stream, 3))[1:] == [told(1), told(2)]


@pytest.mark.parametrize("refusal", [NotFound("nowhere"), Unavailable("away")])
async def test_what_the_first_look_raises_is_the_answer_to_all_who_wait_for_it(
    stop: Stop, refusal: Exception
) -> None:
    """And the next who asks gets a look of his own."""
    all_of_them, fed = Live(stop), Fed()

    async def refused() -> None:
        async with all_of_them.watch("acme", "summer", fed.look):
            raise AssertionError("the stream began")

    waiting = [asyncio.create_task(refused()) for _ in range(3)]
    await asyncio.sleep(0)
    fed.feed(refusal)
    assert await asyncio.gather(*waiting, return_exceptions=True) == [refusal] * 3
    assert all_of_them.streams == 0

    fed.feed(shown(1))
    async with all_of_them.watch("acme", "summer", fed.look) as stream:
        assert (await blocks(stream, 2))[1] == told(1)


async def test_a_bug_in_a_later_look_ends_the_stream_rather_than_freeze_it(stop: Stop) -> None:
    fed = Fed()
    fed.feed(shown(1), KeyError("a bug"))

    async with Live(stop).watch("acme", "summer", fed.look) as stream:
        assert (await blocks(stream, 3))[2] == ": over, connect again\n\n"
        assert [each async for each in stream] == []


async def test_a_quiet_stream_is_kept_alive(stop: Stop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "KEEP_ALIVE_SECONDS", 0.01)
    fed = Fed()
    fed.feed(shown(1))

    async with Live(stop).watch("acme", "summer", fed.look) as stream:
        assert (await blocks(stream, 4))[2:] == [": keep-alive\n\n"] * 2


async def test_a_stream_ends_after_its_time(stop: Stop) -> None:
    fed = Fed()
    fed.feed(shown(1))

    async with Live(stop).watch("acme", "summer", fed.look, seconds=0.01) as stream:
        assert (await blocks(stream, 3))[2] == ": keep-alive\n\n"
        assert await blocks(stream, 1) == [": over, connect again\n\n"]


async def test_a_watched_campaign_is_let_go_with_its_last_watcher(stop: Stop) -> None:
    """Breaks if looks go on for nobody."""
    all_of_them, fed = Live(stop), Fed()
    fed.feed(shown(1))
    before = asyncio.all_tasks()

    async with all_of_them.watch("acme", "summer", fed.look):
        looking = asyncio.all_tasks() - before

    assert looking
    await asyncio.wait_for(asyncio.gather(*looking, return_exceptions=True), PATIENCE_SECONDS)


def test_times_are_no_counts_at_any_depth() -> None:
    assert counts(shown(1)) == counts(shown(1, minute=9)) != counts(shown(2))
