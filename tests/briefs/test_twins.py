"""The cache of briefs: what is the same request, and what many who ask it at once cost."""

import asyncio
import unicodedata
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
import pytest

from famedash.briefs.engines import composer
from famedash.infra.embedded import free_port
from famedash.practice.llm import EMBEDDING_MODEL, KEY, MODEL, Provider
from famedash.practice.llm_line import Asked
from famedash.practice.llm_steps import Hang
from tests.briefs.grounds import PATH, REQUEST, WELL_BEHAVED, Desk, Words, a_desk, open_desk  # noqa: F401
from tests.briefs.provider import serving_llm
from tests.campaigns.api import Api, Reply
from tests.chaos.conftest import servers, town  # noqa: F401
from tests.chaos.processes import Process
from tests.chaos.town import WORKSPACE, Town
from tests.chaos.town import until as within
from tests.flow.system import running, until
from tests.secrets import token

killing, in_one_session = pytest.mark.chaos, pytest.mark.asyncio(loop_scope="session")
at_the_desk = pytest.mark.asyncio(loop_scope="module")

SAME: dict[str, dict[str, Any]] = {
    "blanks": {"brand": "  Café\u00a0 Lumiario ", "goal": " Launch it  with people\nwho like short routines"},
    "Unicode form": {"brand": unicodedata.normalize("NFD", "Café Lumiario")},
    "the platform's other name": {"platform": "IG"},
    "the platform in capitals": {"platform": "Instagram"},
    "nulls": {"campaignId": None, "budget": None, "mustMention": None, "mustAvoid": None, "language": None},
    "nothing in lists": {"mustMention": [], "mustAvoid": []},
    "the language in capitals": {"language": "EN"},
}
OTHER: dict[str, dict[str, Any]] = {
    "case of the brand": {"brand": "CAFÉ Lumiario"},
    "case of the product": {"product": "glow serum with niacinamide"},
    "language": {"language": "de"},
    "region": {"language": "en-GB"},
    "platform": {"platform": "tiktok"},
    "goal": {"goal": "Sell it"},
    "audience": {"audience": "others"},
    "budget": {"budget": {"amount": 100, "currency": "EUR"}},
    "must mention": {"mustMention": ["niacinamide"]},
    "must avoid": {"mustAvoid": ["cheap"]},
    "campaign": {"campaignId": "summer"},
}


@at_the_desk
@pytest.mark.parametrize("more", SAME.values(), ids=SAME.keys())
async def test_one_request_however_it_is_written(more: dict[str, Any], desk: Desk) -> None:
    brand = {"brand": "Café Lumiario"}

    first, again = await desk.ask(**brand), await desk.ask(**(brand | more))

    assert (first.status, first.headers["X-Cache"]) == (200, "MISS"), first.body
    assert (again.status, again.headers["X-Cache"]) == (200, "HIT"), again.body
    assert again.json == first.json | {"meta": first.json["meta"] | {"cached": True}}
    assert len(desk.writes) == 1
    assert await desk.stored() == 1


@at_the_desk
@pytest.mark.parametrize("more", OTHER.values(), ids=OTHER.keys())
async def test_another_request_is_another_brief(more: dict[str, Any], desk: Desk) -> None:
    brand = {"brand": "Café Lumiario"}

    await desk.ask(**brand)
    other = await desk.ask(**(brand | more))

    assert (other.status, other.headers["X-Cache"]) == (200, "MISS"), other.body
    assert len(desk.writes) == 2


@at_the_desk
async def test_another_workspace_is_answered_for_itself(desk: Desk) -> None:
    """PROMISE: no workspace is ever served what was made for another."""
    await desk.ask()

    other = await desk.system.api_of("globex").post(desk.request, path=PATH)

    assert other.headers["X-Cache"] == "MISS"


@at_the_desk
async def test_what_was_learned_since_makes_another_brief(desk: Desk) -> None:
    first = await desk.ask()
    document = {"title": "Serum", "text": "The glow serum is absorbed in a minute, says our lab."}
    learned = await desk.system.api.post(document, path="/knowledge")
    assert learned.status == 201, learned.body

    second, third = await desk.ask(), await desk.ask()
    await desk.system.api.send("DELETE", f"/knowledge/{learned.json['id']}")
    fourth = await desk.ask()

    replies = (first, second, third, fourth)
    assert [reply.headers["X-Cache"] for reply in replies] == ["MISS", "MISS", "HIT", "MISS"]


@at_the_desk
async def test_twins_of_one_process_cost_one_generation(desk: Desk) -> None:
    desk.provider.behaviour = replace(WELL_BEHAVED, delay_seconds=0.2)

    replies = await asyncio.gather(*(desk.ask() for _ in range(20)))

    assert {reply.status for reply in replies} == {200}
    assert Counter(reply.headers["X-Cache"] for reply in replies) == {"MISS": 1, "COALESCED": 19}
    assert len(desk.writes) == 1
    assert await desk.stored() == 1


@at_the_desk
async def test_twins_share_a_failure_and_the_next_one_tries_anew(desk: Desk) -> None:
    desk.provider.script(Hang())
    desk.patience |= {"timeout_seconds": 0.4, "attempts": 1}

    replies = await asyncio.gather(*(desk.ask() for _ in range(5)))

    assert [reply.status for reply in replies] == [504] * 5
    assert len(desk.provider.chats) == 1
    desk.patience.clear()
    assert (await desk.ask()).headers["X-Cache"] == "MISS"


async def test_another_model_is_another_brief(database_url: str, redis_url: str) -> None:
    """The cache outlives the process, and knows which engine wrote."""
    seen = []
    for identity in ("one", "two", "one"):
        engine = replace(composer(), identity=identity)
        async with running(database_url, redis_url, workers=0, engine=engine, embedder=Words()) as system:
            seen.append((await system.api.post(REQUEST, path=PATH)).headers["X-Cache"])

    assert seen == ["MISS", "MISS", "HIT"]


# --- two processes, which may die


@dataclass
class Crowd:
    """Two API processes on one provider, and many who ask them for the same brief."""

    town: Town
    provider: Provider
    session: aiohttp.ClientSession
    processes: tuple[Process, Process]
    apis: tuple[Api, Api]

    async def ask(self, number: int) -> Reply:
        return await self.apis[number % 2].post(REQUEST, path=PATH)

    def begin(self, numbers: Iterable[int]) -> "list[asyncio.Task[Reply]]":
        return [asyncio.create_task(self.ask(number)) for number in numbers]

    async def asked(self, chats: int = 1) -> None:
        async def seen() -> bool:
            return len(self.provider.chats) >= chats

        await until(seen, 20)

    @property
    def consults(self) -> list[Asked]:
        return [chat for chat in self.provider.chats if "tools" in chat.body]

    @property
    def writes(self) -> list[Asked]:
        return [chat for chat in self.provider.chats if "tools" not in chat.body]

    async def stored(self) -> int:
        return len(await self.town.fetch("select 1 from briefs"))


@asynccontextmanager
async def crowd(place: Town, *, delay_seconds: float) -> AsyncIterator[Crowd]:
    behaviour = replace(WELL_BEHAVED, delay_seconds=delay_seconds)
    connector = aiohttp.TCPConnector(limit=0)
    async with (
        serving_llm(behaviour=behaviour) as provider,
        aiohttp.ClientSession(connector=connector) as session,
    ):
        ports = (place.port, free_port())
        settings = {
            "llm_base_url": provider.url,
            "llm_api_key": KEY,
            "llm_model": MODEL,
            "embeddings_base_url": provider.url,
            "embeddings_api_key": KEY,
            "embeddings_model": EMBEDDING_MODEL,
        }
        one, two = [await place.start("api", port=str(port), **settings) for port in ports]
        first, second = [Api(session, f"http://127.0.0.1:{port}", token(WORKSPACE)) for port in ports]
        for api in (first, second):
            await within(lambda api=api: _lives(api), 30, "the API starts")  # type: ignore[misc]
        yield Crowd(place, provider, session, (one, two), (first, second))


async def _lives(api: Api) -> bool:
    with suppress(aiohttp.ClientError):
        return (await api.get("/healthz")).status == 200
    return False


@killing
@in_one_session
async def test_two_hundred_twins_over_two_processes_cost_one_generation(town: Town) -> None:  # noqa: F811
    """PROMISE: whoever asks at once, wherever, shares one generation and reads one brief."""
    async with crowd(town, delay_seconds=1.5) as many:
        replies = await asyncio.gather(*many.begin(range(200)))

        assert {reply.status for reply in replies} == {200}
        assert Counter(reply.headers["X-Cache"] for reply in replies)["MISS"] == 1
        assert len({reply.json["meta"]["id"] for reply in replies}) == 1
        assert (len(many.consults), len(many.writes), await many.stored()) == (1, 1, 1)


@killing
@in_one_session
async def test_the_death_of_the_one_who_makes_it_costs_one_more(town: Town) -> None:  # noqa: F811
    """PROMISE: those who wait elsewhere are answered, by one generation of their own.

    Breaks if the lock outlives its holder, or if all who waited rush at once.
    """
    async with crowd(town, delay_seconds=0.3) as many:
        many.provider.script(Hang())
        lost = many.begin([0])
        await many.asked()
        lost += many.begin([0] * 99)
        waiting = many.begin([1] * 100)
        await asyncio.sleep(0.5)

        await many.processes[0].kill()

        replies = await asyncio.gather(*waiting)
        assert {reply.status for reply in replies} == {200}
        assert len({reply.json["meta"]["id"] for reply in replies}) == 1
        assert (len(many.consults), len(many.writes), await many.stored()) == (2, 1, 1)
        assert all(
            isinstance(end, aiohttp.ClientError)
            for end in await asyncio.gather(*lost, return_exceptions=True)
        )
        assert (await many.ask(1)).headers["X-Cache"] == "HIT"


@killing
@in_one_session
async def test_without_redis_in_the_middle_everybody_is_answered(town: Town) -> None:  # noqa: F811
    """PROMISE: Redis saves work; without it a process shares among its own, and nobody is refused."""
    async with crowd(town, delay_seconds=1.5) as many:
        asking = many.begin(range(200))
        await many.asked()

        await many.town.servers.valkey.stop()

        replies = await asyncio.gather(*asking)
        assert {reply.status for reply in replies} == {200}
        assert 1 <= len(many.writes) <= 2
        await many.town.servers.valkey.start()

        await within(lambda: _kept(many), 20, "the cache is used again")


async def _kept(many: Crowd) -> bool:
    return {(await many.ask(number)).headers["X-Cache"] for number in (0, 1)} == {"HIT"}


@killing
@in_one_session
async def test_without_redis_at_the_start_briefs_are_made_and_later_kept(town: Town) -> None:  # noqa: F811
    await town.servers.valkey.stop()
    async with crowd(town, delay_seconds=0.0) as many:
        first, second = await many.ask(0), await many.ask(0)
        assert [reply.status for reply in (first, second)] == [200, 200]
        assert [reply.headers["X-Cache"] for reply in (first, second)] == ["MISS", "MISS"]

        await town.servers.valkey.start()

        await within(lambda: _kept(many), 20, "the cache is used")
