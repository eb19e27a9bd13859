"""`/dead-letters` over HTTP: filters, refusals with their remedies, jobs, scopes, foreign ids, bad input."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from famedash.infra.database import Database
from famedash.infra.ids import uuid7
from famedash.webhooks import service
from famedash.webhooks.letters import service as letters
from famedash.webhooks.letters.worker import replay_some
from famedash.webhooks.model import Status
from tests.campaigns.api import Api, Reply
from tests.flow.system import System, running
from tests.webhooks.letters.builders import DIED, Dead, again, bury, dead_versions, tried, waiting
from tests.webhooks.rows import make_endpoint

LETTERS, REPLAYS = "/dead-letters", "/dead-letters/replays"
READS, WRITES = frozenset({"webhooks:read"}), frozenset({"webhooks:write"})
HOUR = timedelta(hours=1)
NOWHERE = "01a21268-41e6-7dc9-9cd8-30341e7cbfa6"


@pytest.fixture
async def system(database_url: str, redis_url: str) -> AsyncIterator[System]:
    async with running(database_url, redis_url, workers=0) as system:
        yield system


@pytest.fixture
async def api(system: System) -> Api:
    return system.api


async def switch(database: Database, enabled: bool, *, workspace: str = "acme", ago: float = 60) -> None:
    """The endpoint `default` was switched so many seconds ago."""
    async with database.transaction() as tx:
        await service.switch(tx, workspace, "default", enabled=enabled, reason="by_request")
        await tx.execute(
            "update webhook_endpoint_changes set effective_at = now() - $1::float8 * interval '1 second'"
            " where effective_at > now()",
            ago,
        )


async def found(api: Api, **query: str) -> list[str]:
    """The ids of every page, two letters a page."""
    ids: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        reply = await api.get(f"{LETTERS}?{urlencode(query | {'limit': '2', 'cursor': cursor})}")
        assert reply.status == 200, reply.body
        ids += [letter["id"] for letter in reply.json["items"]]
        cursor = reply.json["nextCursor"]
    return ids


async def replay_many(api: Api, **body: Any) -> Reply:
    return await api.post(body, path=REPLAYS)


async def work_off(database: Database) -> None:
    while await replay_some(database, default_points=True, limit=2):
        pass


# --- found by what they have in common


async def varied(database: Database) -> Sequence[Dead]:
    return await bury(
        database,
        Dead(),
        Dead("winter", error_class="timeout"),
        Dead("winter", 2, endpoint_id="ep_1"),
        Dead("summer", 2, event_type="CampaignCreated", died_at=DIED + HOUR),
        Dead("winter", 3, error_class="timeout", died_at=DIED + 2 * HOUR),
        Dead("summer", 3, endpoint_id="ep_1", error_class="timeout"),
        Dead(workspace="rival"),
    )


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ({}, [5, 4, 3, 2, 1, 0]),
        ({"campaignId": "winter"}, [4, 2, 1]),
        ({"campaignId": "autumn"}, []),
        ({"endpointId": "ep_1"}, [5, 2]),
        ({"eventType": "CampaignCreated"}, [3]),
        ({"eventType": "CampaignUpdated"}, [5, 4, 2, 1, 0]),
        ({"errorClass": "timeout"}, [5, 4, 1]),
        ({"diedAfter": "2026-11-25T13:05:00Z"}, [4, 3]),
        ({"diedAfter": "2026-11-25T15:05:00+02:00"}, [4, 3]),
        ({"diedBefore": "2026-11-25T13:05:00Z"}, [5, 2, 1, 0]),
        ({"diedAfter": "2026-11-25T12:05:01Z", "diedBefore": "2026-11-25T14:05:00Z"}, [3]),
        ({"diedAfter": "2026-11-25T14:05:01Z"}, []),
        ({"campaignId": "winter", "errorClass": "timeout"}, [4, 1]),
        ({"campaignId": "winter", "errorClass": "timeout", "endpointId": "ep_1"}, []),
        ({"campaignId": "winter", "errorClass": "timeout", "diedBefore": "2026-11-25T13:00:00Z"}, [1]),
        ({"replayed": "false"}, [5, 4, 3, 2, 1]),
        ({"replayed": "true"}, [0]),
        ({"replayed": "true", "campaignId": "winter"}, []),
    ],
)
async def test_letters_are_found_by_what_they_have_in_common_page_by_page(
    api: Api, database: Database, query: dict[str, str], places: list[int]
) -> None:
    dead = await varied(database)
    assert (await api.post(path=dead[0].path)).status == 202

    assert await found(api, **query) == [str(dead[place].id) for place in places]


@pytest.mark.parametrize(
    ("filters", "matching"),
    [
        ({}, 6),
        ({"campaignId": "winter"}, 3),
        ({"campaignId": "winter", "errorClass": "timeout", "diedBefore": "2026-11-25T13:00:00Z"}, 1),
        ({"eventType": "CampaignCreated", "diedAfter": "2026-11-25T13:05:00Z"}, 1),
        ({"endpointId": "ep_1", "replayed": False}, 2),
        ({"campaignId": "autumn"}, 0),
        ({"replayed": True}, 0),
    ],
)
async def test_a_job_replays_what_its_filters_match_and_a_dry_run_counts_it(
    api: Api, database: Database, filters: dict[str, Any], matching: int
) -> None:
    """PROMISE: a dry run changes nothing, and the job then does what it said."""
    await make_endpoint(database, "ep_1", "http://127.0.0.1:9")
    await varied(database)

    dry = await replay_many(api, dryRun=True, **filters)
    untouched = (await waiting(database), await found(api, replayed="true"))
    job = await replay_many(api, **filters)
    await work_off(database)

    assert (dry.status, dry.json) == (200, {"matching": matching, "skipped": 0, "atLeast": False})
    assert untouched == ([], [])
    assert len(await waiting(database)) == matching
    assert job.json["filters"] == {"replayed": False} | filters
    shown = (await api.get(job.headers["Location"])).json
    assert (shown["status"], shown["replayed"], shown["skipped"]) == ("finished", matching, 0)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("endpointId=" + "x" * 201, "endpointId"),
        ("eventType=campaignupdated", "eventType"),
        ("errorClass=500", "errorClass"),
        ("errorClass=http_2xx", "errorClass"),
        ("diedAfter=yesterday", "diedAfter"),
        ("diedAfter=2026-11-25T12:00:00", "diedAfter"),
        ("diedBefore=0001-01-01T00:00:00%2B14:00", "diedBefore"),
        ("diedBefore=9999-12-31T23:59:59-14:00", "diedBefore"),
        ("replayed=perhaps", "replayed"),
    ],
)
async def test_a_malformed_filter_is_refused_by_its_name(api: Api, query: str, field: str) -> None:
    reply = await api.get(f"{LETTERS}?{query}")

    assert (query, reply.status, reply.fields) == (query, 422, [field])


# --- one


async def test_a_replay_is_owed_at_once_outside_its_lane_and_shown_with_its_time(
    api: Api, database: Database
) -> None:
    """PROMISE: the same event under the same id, numbered on. The body is the ledger's, byte for byte."""
    (dead,) = await bury(database, Dead(version=7))
    await tried(database, dead, Status.INTERRUPTED, 4)
    before = (await api.get(LETTERS)).json["items"][0]

    reply = await api.post(path=dead.path)

    (row,) = await waiting(database)
    assert reply.status == 202
    assert before["replayedAt"] is None
    assert reply.json == before | {"replayedAt": reply.json["replayedAt"]}
    assert (await api.get(LETTERS)).json["items"] == [reply.json]
    assert (row["event_id"], row["body"], row["version"]) == (dead.event_id, dead.body, 7)
    assert (row["tries"], row["tries_before"], row["sending"]) == (0, 3, False)
    assert row["due_at"] == row["replayed_at"]
    assert row["partition"] == await database.fetchval("select partition from outbox_events")


async def test_what_is_on_its_way_is_not_replayed_twice(api: Api, database: Database) -> None:
    (dead,) = await bury(database, Dead())

    first, second = await api.post(path=dead.path), await api.post({"force": True}, path=dead.path)

    assert (first.status, second.status) == (202, 409)
    assert "at present" in second.json["detail"]
    assert len(await waiting(database)) == 1


async def test_what_was_delivered_since_is_replayed_only_by_force(api: Api, database: Database) -> None:
    """PROMISE: nobody gets an event twice by mistake."""
    (dead,) = await bury(database, Dead())
    await tried(database, dead, Status.DELIVERED, 4)

    refused = [await api.post(body, path=dead.path) for body in (None, {}, {"force": False})]
    left = await waiting(database)
    forced = await api.post({"force": True}, path=dead.path)

    assert [(reply.status, "force" in reply.json["detail"]) for reply in refused] == [(409, True)] * 3
    assert left == []
    assert forced.status == 202
    assert [row["tries_before"] for row in await waiting(database)] == [4]


async def test_what_another_endpoint_got_may_be_replayed(api: Api, database: Database) -> None:
    (dead,) = await bury(database, Dead())
    await tried(database, Dead(endpoint_id="ep_1", event_id=dead.event_id), Status.DELIVERED, 1)

    assert (await api.post(path=dead.path)).status == 202


async def test_what_died_again_is_replayed_by_its_newer_letter(api: Api, database: Database) -> None:
    (dead,) = await bury(database, Dead())
    (newer,) = await bury(database, again(dead, attempts=6))

    old, new = await api.post(path=dead.path), await api.post(path=newer.path)

    assert (old.status, new.status) == (409, 202)
    assert "newer letter" in old.json["detail"]
    assert [row["tries_before"] for row in await waiting(database)] == [6]


async def test_what_expired_in_its_replay_may_be_replayed_again(api: Api, database: Database) -> None:
    (dead,) = await bury(database, Dead())
    await api.post(path=dead.path)
    async with database.transaction() as tx:
        await tx.execute("delete from webhook_waiting")
    await tried(database, dead, Status.EXPIRED, 3)

    assert (await api.post(path=dead.path)).status == 202


async def test_an_endpoint_that_is_off_gone_or_nowhere_gets_no_replay(
    system: System, api: Api, database: Database
) -> None:
    await make_endpoint(database, "ep_1", "http://127.0.0.1:9")
    disabled, deleted = await bury(database, Dead(), Dead(version=2, endpoint_id="ep_1"))
    await switch(database, enabled=False)
    async with database.transaction() as tx:
        await tx.execute("update webhook_endpoints set deleted_at = now()")

    replies = [await api.post({"force": True}, path=one.path) for one in (disabled, deleted)]
    job = await replay_many(api)
    await work_off(database)

    assert [reply.status for reply in replies] == [409, 409]
    assert "PATCH /webhook-endpoints/default" in replies[0].json["detail"]
    assert "deleted" in replies[1].json["detail"]
    shown = (await api.get(job.headers["Location"])).json
    assert (shown["replayed"], shown["skipped"]) == (0, 2)
    assert (await waiting(database), await found(api, replayed="true")) == ([], [])


async def test_without_a_url_the_default_endpoint_gets_no_replay(database_url: str, redis_url: str) -> None:
    async with running(database_url, redis_url, workers=0, settings={"webhook_url": ""}) as system:
        (dead,) = await bury(system.database, Dead())
        refused, dry = await system.api.post(path=dead.path), await replay_many(system.api, dryRun=True)

    assert refused.status == 409
    assert "FAMEDASH_WEBHOOK_URL" in refused.json["detail"]
    assert dry.json == {"matching": 1, "skipped": 1, "atLeast": False}


async def test_a_replay_right_after_enabling_is_due_when_the_endpoint_is_on(
    api: Api, database: Database
) -> None:
    """PROMISE: what was asked for after enabling is not ended by the disable before it.

    Breaks if the replay counts as older than a change that lies ahead.
    """
    (dead,) = await bury(database, Dead())
    for enabled in (False, True):
        await api.patch({"enabled": enabled}, path="/webhook-endpoints/default")

    reply = await api.post(path=dead.path)

    (row,) = await waiting(database)
    newest = await database.fetchval("select max(effective_at) from webhook_endpoint_changes")
    assert reply.status == 202
    assert row["due_at"] == row["replayed_at"] == newest


async def test_an_event_that_the_ledger_has_not_is_refused(api: Api, database: Database) -> None:
    (dead,) = await bury(database, Dead(), kept=False)

    reply = await api.post(path=dead.path)

    assert (reply.status, "by hand" in reply.json["detail"]) == (409, True)


# --- many


async def test_a_job_tells_how_far_it_is(api: Api, database: Database) -> None:
    await dead_versions(database, 5)

    begun = await replay_many(api, campaignId="summer")
    await replay_some(database, default_points=True, limit=2)
    under_way = (await api.get(begun.headers["Location"])).json
    await work_off(database)
    finished = (await api.get(begun.headers["Location"])).json

    assert (begun.status, begun.headers["Location"]) == (202, f"{REPLAYS}/{begun.json['id']}")
    assert begun.json == {
        "id": begun.json["id"],
        "status": "running",
        "replayed": 0,
        "skipped": 0,
        "filters": {"campaignId": "summer", "replayed": False},
        "force": False,
        "createdAt": begun.json["createdAt"],
        "finishedAt": None,
    }
    assert under_way == begun.json | {"replayed": 2}
    assert finished == begun.json | {
        "status": "finished",
        "replayed": 5,
        "finishedAt": finished["finishedAt"],
    }
    assert finished["finishedAt"] > finished["createdAt"]


async def test_a_job_without_a_match_is_finished_at_once(api: Api) -> None:
    reply = await replay_many(api, diedAfter="2026-11-25T12:00:00+01:00")

    assert (reply.status, reply.json["status"], reply.json["replayed"]) == (202, "finished", 0)
    assert reply.json["filters"]["diedAfter"] == "2026-11-25T11:00:00Z"


@pytest.mark.parametrize(("force", "replayed"), [(False, 2), (True, 3)])
async def test_a_job_leaves_out_what_was_delivered_since_unless_forced(
    api: Api, database: Database, force: bool, replayed: int
) -> None:
    dead = await dead_versions(database, 3)
    await tried(database, dead[1], Status.DELIVERED, 4)

    dry = await replay_many(api, force=force, dryRun=True)
    job = await replay_many(api, force=force)
    await work_off(database)

    assert dry.json == {"matching": 3, "skipped": 3 - replayed, "atLeast": False}
    shown = (await api.get(job.headers["Location"])).json
    assert (shown["replayed"], shown["skipped"], shown["force"]) == (replayed, 3 - replayed, force)
    assert len(await waiting(database)) == replayed


async def test_a_workspace_has_ten_jobs_under_way_at_most(system: System, database: Database) -> None:
    """PROMISE: nobody fills the queue that all workspaces' jobs stand in. One that has ended makes room."""
    await dead_versions(database, 3)
    begun = [(await replay_many(system.api)).status for _ in range(letters.MOST_OPEN)]

    refused, other = await replay_many(system.api), await replay_many(system.api_of("rival"))
    await work_off(database)
    after = await replay_many(system.api)

    assert set(begun) == {202}
    assert (refused.status, "wait" in refused.json["detail"]) == (409, True)
    assert (other.status, after.status) == (202, 202)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"campaign_id": "x"}, "campaign_id"),
        ({"limit": 5}, "limit"),
        ({"campaignId": 7}, "campaignId"),
        ({"campaignId": "x" * 201}, "campaignId"),
        ({"campaignId": "a\0b"}, "campaignId"),
        ({"eventType": "EndpointTest"}, "eventType"),
        ({"errorClass": "timeouts"}, "errorClass"),
        ({"diedAfter": "yesterday"}, "diedAfter"),
        ({"diedBefore": "2026-11-25T12:00:00"}, "diedBefore"),
        ({"diedBefore": "0001-01-01T00:00:00+14:00"}, "diedBefore"),
        ({"replayed": "true"}, "replayed"),
        ({"replayed": None}, "replayed"),
        ({"dryRun": 1}, "dryRun"),
        ({"force": "yes"}, "force"),
        ([], "body"),
        (None, "body"),
    ],
)
async def test_a_malformed_job_is_refused_by_its_field(
    api: Api, database: Database, body: Any, field: str
) -> None:
    """PROMISE: everything is replayed only by who says so: no body is not `{}`."""
    reply = await api.post(body, path=REPLAYS)

    assert (reply.status, reply.headers["Content-Type"]) == (422, "application/problem+json")
    assert reply.fields == [field]
    assert await database.fetchval("select count(*) from webhook_replays") == 0


@pytest.mark.parametrize(
    ("body", "field"), [({"force": 1}, "force"), ({"force": None}, "force"), ({"x": 1}, "x"), ([], "body")]
)
async def test_a_malformed_replay_is_refused_by_its_field(
    api: Api, database: Database, body: Any, field: str
) -> None:
    (dead,) = await bury(database, Dead())

    reply = await api.post(body, path=dead.path)

    assert (reply.status, reply.fields) == (422, [field])
    assert await waiting(database) == []


# --- who may


async def test_reading_and_replaying_need_their_scopes(system: System) -> None:
    """PROMISE: who may only read replays nothing."""
    (dead,) = await bury(system.database, Dead())
    reader, replayer = system.api_of("acme", READS), system.api_of("acme", WRITES)
    job = (await replay_many(system.api, campaignId="autumn")).headers["Location"]

    refused = [
        await reader.post(path=dead.path),
        await reader.post({}, path=REPLAYS),
        await reader.post({"dryRun": True}, path=REPLAYS),
        await replayer.get(LETTERS),
        await replayer.get(job),
    ]
    allowed = [
        await reader.get(LETTERS),
        await reader.get(job),
        await replayer.post(path=dead.path),
        await replayer.post({}, path=REPLAYS),
    ]

    assert [reply.status for reply in refused] == [403] * 5
    assert [reply.status for reply in allowed] == [200, 200, 202, 202]


@pytest.mark.parametrize("letter_id", ["nowhere", "1", "%F0%9F%8C%B1", NOWHERE, NOWHERE[:-1], "default"])
async def test_an_unknown_or_malformed_id_is_404(api: Api, letter_id: str) -> None:
    letter, job = (
        await api.post(path=f"{LETTERS}/{letter_id}/replay"),
        await api.get(f"{REPLAYS}/{letter_id}"),
    )

    assert (letter.status, job.status) == (404, 404)


async def test_another_workspace_sees_replays_and_counts_nothing_of_ours(system: System) -> None:
    """PROMISE: a foreign letter is answered like one that exists nowhere, and no job of another takes it."""
    (dead,) = await bury(system.database, Dead())
    rival = system.api_of("rival")
    job = (await replay_many(system.api, campaignId="autumn")).headers["Location"]

    foreign = await rival.post({"force": True}, path=dead.path)
    nowhere = await rival.post(path=f"{LETTERS}/{uuid7()}/replay")
    dry, theirs = await replay_many(rival, dryRun=True), await replay_many(rival)
    await work_off(system.database)

    assert (foreign.status, foreign.body) == (404, nowhere.body)
    assert (await rival.get(job)).status == 404
    assert dry.json == {"matching": 0, "skipped": 0, "atLeast": False}
    assert theirs.json["status"] == "finished"
    assert await waiting(system.database) == []


async def test_a_dry_run_looks_at_so_many_letters_and_says_so(
    api: Api, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PROMISE: no request of one workspace holds a connection for as long as it likes."""
    monkeypatch.setattr(letters, "MOST_FORESEEN", 2)
    monkeypatch.setattr(letters, "_COUNTED_AT_ONCE", 1)
    await make_endpoint(database, "ep_1", "http://127.0.0.1:9")
    await varied(database)

    dry = await replay_many(api, dryRun=True)

    assert dry.json == {"matching": 2, "skipped": 0, "atLeast": True}
