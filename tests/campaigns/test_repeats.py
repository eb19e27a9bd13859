"""The same request again, over HTTP: after an answer, at the same moment, after a lost answer."""

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit

from famedash.infra.database import Database
from tests.campaigns.api import Api, Reply
from tests.campaigns.conftest import ApiOf

BODY = b'{"name":  "Summer", "metadata": {"b": 1, "a": 1.0}}'


def same(one: Reply, other: Reply) -> bool:
    return (one.status, one.body, one.headers["ETag"], one.headers.get("Location")) == (
        other.status,
        other.body,
        other.headers["ETag"],
        other.headers.get("Location"),
    )


async def events(database: Database) -> int:
    count: int = await database.fetchval("select count(*) from outbox_events where workspace_id = 'acme'")
    return count


async def test_the_same_post_twice_is_one_campaign_and_the_same_bytes(api: Api, database: Database) -> None:
    first = await api.post(data=BODY, idempotency_key="k1")
    again = await api.post(data=BODY, idempotency_key="k1")

    assert first.status == 201
    assert same(first, again)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert await events(database) == 1


async def test_without_a_key_the_same_post_twice_is_two_campaigns(api: Api, database: Database) -> None:
    for _ in range(2):
        await api.post(data=BODY)

    assert await events(database) == 2


async def test_the_same_patch_twice_is_one_version_and_the_first_answer(api: Api, database: Database) -> None:
    """PROMISE: a repeat gets the answer it was owed, not the present state and not a 412 or 409 of today."""
    await api.post({"id": "c1", "name": "Summer"})

    first = await api.patch({"status": "active"}, idempotency_key="k1", if_match='"1"')
    await api.patch({"status": "completed"})
    again = await api.patch({"status": "active"}, idempotency_key="k1", if_match='"1"')

    assert first.json["version"] == 2
    assert same(first, again)
    assert await events(database) == 3


async def test_a_patch_that_changed_nothing_is_answered_again_too(api: Api) -> None:
    await api.post({"id": "c1", "name": "Summer"})

    first = await api.patch({}, idempotency_key="k1")
    await api.patch({"name": "Autumn"})

    assert same(first, await api.patch({}, idempotency_key="k1"))


async def test_twenty_posts_at_once_make_one_campaign_and_get_one_answer(
    api: Api, database: Database
) -> None:
    replies = await asyncio.gather(*(api.post(data=BODY, idempotency_key="k1") for _ in range(20)))

    assert {(reply.status, reply.body) for reply in replies} == {(201, replies[0].body)}
    assert sum("Idempotent-Replayed" in reply.headers for reply in replies) == 19
    assert await events(database) == 1


async def test_twenty_patches_at_once_make_one_version(api: Api, database: Database) -> None:
    await api.post({"id": "c1", "name": "Summer"})

    replies = await asyncio.gather(
        *(api.patch({"metadata": {"n": 1}}, idempotency_key="k1") for _ in range(20))
    )

    assert {(reply.status, reply.body) for reply in replies} == {(200, replies[0].body)}
    assert await events(database) == 2


async def test_the_key_of_another_request_is_refused(api: Api, database: Database) -> None:
    await api.post({"id": "c1", "name": "Summer"}, idempotency_key="k1")

    others = [
        await api.post({"id": "c1", "name": "Summer "}, idempotency_key="k1"),
        await api.patch({"id": "c1", "name": "Summer"}, idempotency_key="k1"),
        await api.patch({"name": "Autumn"}, idempotency_key="k1"),
        await api.patch({"name": "Autumn"}, path="/campaigns/c2", idempotency_key="k1"),
    ]

    assert [reply.status for reply in others] == [422] * 4
    assert [reply.json["type"].rsplit("/", 1)[-1] for reply in others[2:]] == ["idempotency-key-reused"] * 2
    assert others[0].fields == ["Idempotency-Key"]
    assert await events(database) == 1


async def test_another_if_match_is_another_request(api: Api) -> None:
    await api.post({"id": "c1", "name": "Summer"})
    await api.patch({"name": "Autumn"}, idempotency_key="k1", if_match='"1"')

    assert (await api.patch({"name": "Autumn"}, idempotency_key="k1")).status == 422


async def test_the_same_patch_of_another_campaign_is_another_request(api: Api) -> None:
    for id in ("c1", "c2"):
        await api.post({"id": id, "name": "Summer"})
    await api.patch({"name": "Autumn"}, idempotency_key="k1")

    assert (await api.patch({"name": "Autumn"}, path="/campaigns/c2", idempotency_key="k1")).status == 422
    assert (await api.get("/campaigns/c2")).json["name"] == "Summer"


async def test_workspaces_do_not_share_keys(api: Api, api_of: ApiOf) -> None:
    first = await api.post(data=BODY, idempotency_key="k1")
    other = await api_of("other").post(data=BODY, idempotency_key="k1")

    assert (first.status, other.status) == (201, 201)
    assert first.json["id"] != other.json["id"]


async def test_a_refused_request_may_be_repeated_and_succeed(api: Api) -> None:
    refused = await api.patch({"name": "Autumn"}, idempotency_key="k1")
    await api.post({"id": "c1", "name": "Summer"})
    accepted = await api.patch({"name": "Autumn"}, idempotency_key="k1")

    assert (refused.status, accepted.status) == (404, 200)


async def test_a_key_that_cannot_be_used_is_refused_by_name(api: Api, database: Database) -> None:
    for key in ["", "x" * 256, "a b", "é"]:
        reply = await api.post(data=BODY, idempotency_key=key)

        assert (reply.status, reply.fields) == (422, ["Idempotency-Key"]), key
    assert await events(database) == 0


async def test_an_answer_that_got_lost_after_the_commit_is_given_again(api: Api, database: Database) -> None:
    """PROMISE: a client that never saw its answer asks again and gets exactly it; nothing happens twice.

    The first connection is cut after the commit and before one byte of the answer is read.
    """
    await post_and_hang_up(api, BODY, key="k1")
    async with asyncio.timeout(5):
        while await events(database) == 0:
            await asyncio.sleep(0.01)

    again = await api.post(data=BODY, idempotency_key="k1")

    row = await database.fetchrow("select id, version from campaigns where workspace_id = 'acme'")
    assert row is not None
    assert (again.status, again.json["id"], again.json["version"]) == (201, row["id"], 1)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Location"] == f"/campaigns/{row['id']}"
    assert again.json == await created_campaign(database)
    assert await events(database) == 1


async def test_a_crash_before_the_commit_leaves_nothing_and_the_repeat_is_performed(
    api: Api, database: Database
) -> None:
    """PROMISE: there is nothing to clean after a crash.

    The server's own database session is killed while the request waits in the middle of its transaction.
    """
    async with database.transaction() as blocker:
        await blocker.execute("lock table outbox_events in access exclusive mode")
        cut = asyncio.create_task(api.post(data=BODY, idempotency_key="k1"))
        async with asyncio.timeout(5):
            while not await database.fetchval(KILL_WAITING):
                await asyncio.sleep(0.01)
        reply = await cut
    assert reply.status >= 500

    again = await api.post(data=BODY, idempotency_key="k1")

    assert again.status == 201
    assert "Idempotent-Replayed" not in again.headers
    assert await events(database) == 1


KILL_WAITING = """
    select bool_or(pg_terminate_backend(pid)) from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'
"""


async def post_and_hang_up(api: Api, body: bytes, *, key: str) -> None:
    address = urlsplit(api.base_url)
    _, writer = await asyncio.open_connection(address.hostname, address.port)
    head = (
        "POST /campaigns HTTP/1.1\r\nHost: famedash\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {api.token}\r\nIdempotency-Key: {key}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    await writer.drain()
    writer.transport.abort()


async def created_campaign(database: Database) -> Any:
    body = await database.fetchval("select body from outbox_events where workspace_id = 'acme'")
    return json.loads(body)["data"]["campaign"]
