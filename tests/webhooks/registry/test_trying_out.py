"""The test event of an endpoint: sent as a delivery is, at once, and nowhere on record."""

import asyncio
from typing import Any

from famedash.infra.database import Database
from famedash.webhooks.registry.pipeline import MOST_TESTS
from tests.campaigns.api import Api
from tests.flow.system import System, until
from tests.secrets import WEBHOOK_SECRET
from tests.webhooks.registry.hooks import ENDPOINTS, Hook, make, patch


async def try_out(api: Api, endpoint_id: str) -> dict[str, Any]:
    reply = await api.post(path=f"{ENDPOINTS}/{endpoint_id}/test")
    assert reply.status == 200, reply.body
    return dict(reply.json)


async def test_it_is_signed_and_has_the_headers_of_a_delivery(api: Api, hook: Hook) -> None:
    made = await make(api, f"{hook.url}/a", headers={"X-Token": "caf\xe9"})

    answer = await try_out(api, made["id"])

    (post,) = hook.posts
    assert answer == {
        "delivered": True,
        "httpStatus": 200,
        "errorClass": None,
        "durationMs": answer["durationMs"],
        "responseExcerpt": "thanks\n",
    }
    assert post.verifies(made["secret"])
    assert (post.headers["x-token"], post.headers["webhook-id"]) == ("caf\xe9", post.event["id"])
    assert (post.event["type"], post.event["data"]) == (
        "EndpointTest",
        {"workspace": "acme", "endpointId": made["id"]},
    )
    assert set(post.event) == {"id", "type", "timestamp", "data"}


async def test_it_is_tried_once_and_not_on_record(system: System, hook: Hook) -> None:
    made = await make(system.api, f"{hook.url}/a")
    hook.answers["/a"] = 503

    answer = await try_out(system.api, made["id"])

    assert (answer["delivered"], answer["httpStatus"], answer["errorClass"]) == (False, 503, "http_5xx")
    assert len(hook.posts) == 1
    assert await system.logs(None) == []
    for path in ("/dead-letters", "/logs"):
        assert (await system.api.get(path)).json["items"] == []


async def test_whatever_comes_back_is_shown_and_has_no_consequences(api: Api, hook: Hook) -> None:
    """Breaks if a redirect is followed, or if 410 to a test switches the endpoint off."""
    made = await make(api, f"{hook.url}/a")

    for status, error_class in ((302, "http_3xx"), (404, "http_4xx"), (410, "gone")):
        hook.answers["/a"] = status
        answer = await try_out(api, made["id"])
        assert (answer["delivered"], answer["httpStatus"]) == (False, status)
        assert answer["errorClass"] == error_class

    assert [post.path for post in hook.posts] == ["/a", "/a", "/a"]
    assert (await api.get(f"{ENDPOINTS}/{made['id']}")).json["enabled"] is True


async def test_nobody_at_home_is_an_answer_too(api: Api) -> None:
    made = await make(api, "http://127.0.0.1:9/hook")

    answer = await try_out(api, made["id"])

    assert (answer["delivered"], answer["httpStatus"], answer["errorClass"]) == (False, None, "connect")


async def test_an_endpoint_that_is_off_can_be_tried_out_before_it_is_switched_on(
    api: Api, hook: Hook
) -> None:
    made = await make(api, f"{hook.url}/a")
    await patch(api, made["id"], enabled=False)

    assert (await try_out(api, made["id"]))["delivered"]


async def test_default_is_signed_with_the_secret_of_the_setting(system: System) -> None:
    answer = await try_out(system.api, "default")

    (received,) = system.receiver.received
    assert (answer["delivered"], received.verified) == (True, True)
    assert system.receiver.secret == WEBHOOK_SECRET


async def test_an_address_that_has_become_forbidden_is_not_connected_to(api: Api, database: Database) -> None:
    """PROMISE: the check at creation is not the only one. Breaks if test events have a sender without it."""
    made = await make(api, "http://127.0.0.1:9/hook")
    await database.fetch("update webhook_endpoints set url = $1", "https://10.0.0.1/hook")

    answer = await try_out(api, made["id"])

    assert (answer["delivered"], answer["errorClass"]) == (False, "forbidden")


async def test_a_workspace_may_have_only_so_many_open_at_once(system: System, hook: Hook) -> None:
    """PROMISE: test events to a receiver that hangs take no more than their share of the API."""
    made = await make(system.api, f"{hook.url}/a")
    other = system.api_of("rival")
    others = await make(other, f"{hook.url}/b")
    hook.open.clear()
    waiting = [asyncio.create_task(try_out(system.api, made["id"])) for _ in range(MOST_TESTS)]
    await until(lambda: arrived(hook, MOST_TESTS))

    refused = await system.api.post(path=f"{ENDPOINTS}/{made['id']}/test")
    another = asyncio.create_task(try_out(other, others["id"]))
    await until(lambda: arrived(hook, MOST_TESTS + 1))
    hook.open.set()

    assert (refused.status, "Retry-After" in refused.headers) == (429, True)
    assert all([(await task)["delivered"] for task in (*waiting, another)])
    assert (await try_out(system.api, made["id"]))["delivered"]


async def arrived(hook: Hook, posts: int) -> bool:
    return len(hook.posts) >= posts
