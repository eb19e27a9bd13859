"""`POST /events` over HTTP, into a real log."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from redis.asyncio import Redis

from famedash.infra.auth.principal import SCOPES
from famedash.infra.auth.settings import AuthSettings
from famedash.infra.auth.tokens import open_authenticator
from famedash.infra.database import Database
from famedash.infra.embedded import free_port
from famedash.infra.errors import Postponed, Unavailable
from famedash.infra.log.model import Record
from famedash.infra.log.partitions import PARTITIONS, partition_of
from famedash.infra.log.redis_log import stream_key
from famedash.infra.loop import Stop
from famedash.infra.redis import open_redis
from famedash.metrics import decode, inlet
from famedash.metrics.inlet import Inlet, waiting_in
from famedash.metrics.model import TOPIC
from famedash.processes.api import Resources, create_app
from famedash.processes.settings import Settings
from tests.campaigns.api import Api, Reply
from tests.metrics.test_intake import LINES, array, event, lines, text
from tests.secrets import JWT_SECRET, SEAL, token
from tests.serving import serving

TWO_WRONG = (event(type="stare"), event(eventId=None))


@asynccontextmanager
async def served(
    database: Database, redis: Redis, *, stop: Stop | None = None, **settings: Any
) -> AsyncIterator[Api]:
    """The whole app on a port, and a client of the workspace `acme`."""
    authenticator = await open_authenticator(AuthSettings(JWT_SECRET, "", "famedash", "famedash"))
    resources = Resources(database, redis, authenticator, SEAL, stop if stop is not None else Stop())
    app = create_app(Settings(**settings), resources)
    async with serving(app) as base_url, aiohttp.ClientSession() as session:
        yield Api(session, base_url, token("acme"))


@pytest.fixture
async def api(database: Database, redis: Redis) -> AsyncIterator[Api]:
    async with served(database, redis) as api:
        yield api


def recent(**changes: Any) -> dict[str, Any]:
    """An event of now, because the route looks at the clock."""
    return event(timestamp=datetime.now(UTC).isoformat(), **changes)


async def send(api: Api, body: bytes, content_type: str = "application/json") -> Reply:
    return await api.post(data=body, path="/events", content_type=content_type)


async def entries(redis: Redis) -> dict[int, list[bytes]]:
    """What is in the log, partition by partition; those without an entry are left out."""
    found: dict[int, list[bytes]] = {}
    for partition in range(PARTITIONS):
        rows: Any = await redis.xrange(stream_key(TOPIC, partition))
        for _, fields in rows:
            assert list(fields) == [b"data"]
            found.setdefault(partition, []).append(fields[b"data"])
    return found


async def test_what_is_accepted_is_in_the_log_of_the_tokens_workspace(api: Api, redis: Redis) -> None:
    """PROMISE: 202 means in the log, in the partition of (workspace, campaign), as the token's workspace."""
    campaigns = [f"c{number}" for number in range(40)]

    reply = await send(api, array(*[recent(eventId=each, campaignId=each) for each in campaigns]))

    assert (reply.status, reply.json) == (202, {"accepted": 40, "rejected": 0, "reasons": {}, "errors": []})
    found = await entries(redis)
    read = {each: [decode.read(line) for line in data[0].split(b"\n")] for each, data in found.items()}
    assert {len(data) for data in found.values()} == {1}
    assert sorted(one.campaign_id for each in read.values() for one in each) == sorted(campaigns)
    for partition, events in read.items():
        assert {one.workspace for one in events} == {"acme"}
        assert {partition_of("acme", one.campaign_id) for one in events} == {partition}


@pytest.mark.parametrize(
    ("form", "content_type"),
    [
        (array, "application/json"),
        (lambda a, b: text({"events": [a, b]}), "application/json"),
        (lines, "application/json"),
        (lines, LINES),
        (lines, "application/jsonl"),
    ],
)
async def test_part_of_a_body_can_be_accepted(api: Api, redis: Redis, form: Any, content_type: str) -> None:
    reply = await send(api, form(recent(), recent(workspace="rival")), content_type)

    assert reply.status == 202
    assert reply.json == {
        "accepted": 1,
        "rejected": 1,
        "reasons": {"workspace_in_body": 1},
        "errors": [
            {
                "index": 1,
                "reason": "workspace_in_body",
                "detail": "workspace: the workspace is the token's: leave this field out",
            }
        ],
    }
    assert len(await entries(redis)) == 1


async def test_an_event_of_the_future_is_refused_by_our_clock(api: Api) -> None:
    soon, later = (
        event(timestamp=(datetime.now(UTC) + timedelta(seconds=ahead)).isoformat()) for ahead in (50, 3600)
    )

    assert (await send(api, array(soon, later))).json["reasons"] == {"future": 1}


@pytest.mark.parametrize(
    ("body", "content_type", "status", "fields"),
    [
        (array(*TWO_WRONG), "application/json", 422, ["events[0].type", "events[1].eventId"]),
        (b"", "application/json", 422, ["body"]),
        (b"[]", "application/json", 422, ["events"]),
        (b"[{", "application/json", 400, []),
        (b"nonsense", LINES, 422, ["events[0]"]),
    ],
)
async def test_where_nothing_is_accepted_it_is_a_problem_and_nothing_is_in_the_log(
    api: Api, redis: Redis, *, body: bytes, content_type: str, status: int, fields: list[str]
) -> None:
    reply = await send(api, body, content_type)

    assert (reply.status, reply.fields) == (status, fields)
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert await entries(redis) == {}


async def test_the_scope_is_needed(api: Api, redis: Redis) -> None:
    api.token = token("acme", SCOPES - {"events:write"})

    reply = await send(api, text(recent()))

    assert reply.status == 403
    assert "events:write" in reply.json["detail"]
    assert await entries(redis) == {}


async def test_ten_thousand_events_are_taken_and_one_more_is_413(api: Api, redis: Redis) -> None:
    """Also a body far beyond the bound of other routes."""
    body = lines(*[recent(eventId=f"{number}", metadata="x" * 150) for number in range(10_000)])
    assert len(body) > 2 * 1_048_576

    assert (await send(api, body, LINES)).json["accepted"] == 10_000
    before = await entries(redis)
    reply = await send(api, body + b"\n" + text(recent()), LINES)

    assert reply.status == 413
    assert "10,000 events" in reply.json["detail"]
    assert await entries(redis) == before


async def test_more_bytes_than_the_bound_are_413_and_other_routes_keep_theirs(
    database: Database, redis: Redis
) -> None:
    async with served(database, redis, events_max_body_bytes=4096, max_body_bytes=2048) as api:
        between, beyond = (text(recent(metadata="x" * size)) for size in (3000, 5000))

        assert (await send(api, between)).status == 202
        replies = [
            await send(api, beyond),
            await api.post(data=between),
            await api.post(data=between, path="/event"),
        ]

    assert [reply.status for reply in replies] == [413] * 3
    assert ["4,096" in reply.json["detail"] for reply in replies] == [True, False, False]


async def test_without_redis_the_answer_is_503_and_says_that_nothing_counts(database: Database) -> None:
    """PROMISE: what was not taken is never claimed. Breaks if the answer does not wait for the log."""
    async with (
        open_redis(f"redis://127.0.0.1:{free_port()}/0") as nowhere,
        served(database, nowhere) as api,
    ):
        reply = await send(api, text(recent()))

    assert (reply.status, reply.json["type"]) == (503, "/problems/unavailable")
    assert int(reply.headers["Retry-After"]) >= 1
    assert "send them again" in reply.json["detail"]


async def test_beyond_the_backlog_nothing_is_taken_until_it_is_read(
    database: Database, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inlet, "LOOK_SECONDS", 0)
    async with served(database, redis, events_backlog=2) as api:
        statuses = [(await send(api, text(recent(campaignId=each)))).status for each in ("a", "b", "c")]
        full = await send(api, text(recent(campaignId="d")))
        await redis.xtrim(stream_key(TOPIC, partition_of("acme", "a")), 0)
        again = await send(api, text(recent(campaignId="d")))

    assert statuses == [202] * 3
    assert (full.status, full.headers["Retry-After"]) == (503, "5")
    assert "wait to be counted" in full.json["detail"]
    assert again.status == 202


async def test_the_entries_of_every_partition_are_waiting(redis: Redis) -> None:
    for partition in range(PARTITIONS):
        await redis.xadd(stream_key(TOPIC, partition), {"data": b"{}"})

    assert await waiting_in(redis)() == PARTITIONS


class FakeLog:
    """An appender whose log is as long as it says, or never answers."""

    def __init__(self, waiting: int = 0, *, silent: bool = False, away: bool = False) -> None:
        self.looks = 0
        self.length = waiting
        self.silent = silent
        self.away = away

    async def waiting(self) -> int:
        self.looks += 1
        if self.away:
            raise Postponed("away")
        return self.length

    async def append(self, records: Any) -> None:
        assert all(isinstance(record, Record) for record in records)
        if self.silent:
            await asyncio.Event().wait()


async def test_the_backlog_is_asked_for_at_most_once_a_second() -> None:
    log, now = FakeLog(5), [100.0]
    door = Inlet(log, log.waiting, most=5, clock=lambda: now[0])

    for now[0] in (100.0, 100.5, 100.9):
        await door.admit()
    assert log.looks == 1

    log.length, now[0] = 6, 101.0
    with pytest.raises(Unavailable):
        await door.admit()
    with pytest.raises(Unavailable):
        await door.admit()
    assert log.looks == 2


async def test_a_look_that_failed_is_repeated_by_the_next_request() -> None:
    """Breaks if requests of the same second go by a look that never was."""
    log = FakeLog(away=True)
    door = Inlet(log, log.waiting, most=5, clock=lambda: 100.0)

    for _ in range(2):
        with pytest.raises(Unavailable):
            await door.admit()
    log.away = False
    await door.admit()

    assert log.looks == 3


async def test_a_log_that_does_not_answer_is_unavailable() -> None:
    log = FakeLog(silent=True)
    door = Inlet(log, log.waiting, most=5, answer_seconds=0.01)

    await door.admit()
    with pytest.raises(Unavailable):
        await door.append([(3, b"{}")])


async def test_the_document_shows_the_body_with_examples_that_are_taken(api: Api) -> None:
    """PROMISE: what /docs shows can be sent."""
    operation = (await api.get("/openapi.json")).json["paths"]["/events"]["post"]
    content = operation["requestBody"]["content"]
    examples = [text(each["value"]) for each in content["application/json"]["examples"].values()]

    replies = [await send(api, each) for each in examples]
    replies.append(await send(api, content["application/x-ndjson"]["example"].encode(), LINES))

    assert [(reply.status, reply.json["rejected"]) for reply in replies] == [(202, 0)] * 4
    one = content["application/json"]["schema"]["oneOf"][0]
    assert "workspace" not in one["properties"]
    assert set(one["required"]) == {"eventId", "campaignId", "influencerId", "platform", "type", "timestamp"}
    assert operation["responses"]["202"]["content"]["application/json"]["schema"]["$ref"].endswith(
        "EventsTaken"
    )
