"""What an endpoint is owed, from HTTP to its receiver, with real workers."""

from typing import Any

from famedash.practice.receiver import Behaviour
from tests.flow.system import System, until
from tests.webhooks.registry.hooks import ENDPOINTS, Hook, delete, in_effect, make, patch, settled


async def outcomes(system: System, endpoint_id: str) -> dict[int, str]:
    """What became of each version of `summer`."""
    return {row["version"]: row["status"] for row in await system.logs() if row["endpointId"] == endpoint_id}


async def heard(hook: Hook, path: str, expected: list[int]) -> bool:
    return hook.versions(path) == expected


async def test_each_endpoint_gets_what_it_is_owed_at_the_time_of_the_event(
    system: System, hook: Hook
) -> None:
    """PROMISE: made, disabled or deleted between commit and fan-out: exactly the endpoints owed.

    Breaks if the worker asks what is so when it reads an event, not what was so when that happened.
    """
    kept, off, deleted, late = [await make(system.api, f"{hook.url}/{name}") for name in ("a", "b", "c", "d")]
    await delete(system.api, late["id"])
    await system.create()
    await in_effect(system.database)
    late = await make(system.api, f"{hook.url}/d")
    await system.change(name="Summer 2")
    await patch(system.api, off["id"], enabled=False)
    await delete(system.api, deleted["id"])
    await system.change(name="Summer 3")
    await in_effect(system.database)
    await system.change(name="Summer 4")

    await system.start_worker()
    await settled(system.api, 12)

    assert await outcomes(system, kept["id"]) == {2: "delivered", 3: "delivered", 4: "delivered"}
    assert await outcomes(system, off["id"]) == {2: "expired", 3: "expired"}
    assert await outcomes(system, deleted["id"]) == {2: "expired", 3: "expired"}
    assert await outcomes(system, late["id"]) == {4: "delivered"}
    assert [hook.versions(path) for path in ("/a", "/b", "/c", "/d")] == [[2, 3, 4], [], [], [4]]


async def test_410_disables_and_enabling_delivers_what_comes_after_and_says_what_was_skipped(
    system: System, hook: Hook
) -> None:
    """PROMISE: a receiver that says it is gone is left alone, and nobody has to guess what it missed."""
    made = await make(system.api, f"{hook.url}/a")
    hook.answers["/a"] = 410
    await in_effect(system.database)
    await system.start_worker()
    await system.create()
    await settled(system.api, 2)

    off = (await system.api.get(f"{ENDPOINTS}/{made['id']}")).json
    await in_effect(system.database)
    began = (await system.api.get(f"{ENDPOINTS}/{made['id']}")).json["changedAt"]
    for number in range(3):
        await system.change(name=f"Nobody hears {number}")
    await system.api_of("rival").post({"name": "Somebody else's"})
    await settled(system.api, 5)
    hook.answers.clear()
    on = await patch(system.api, made["id"], enabled=True)
    await in_effect(system.database)
    await system.change(name="Heard")
    await settled(system.api, 7)

    assert hook.versions("/a") == [1, 5]
    assert (off["enabled"], off["reason"]) == (False, "gone")
    assert off["changedAt"] > made["changedAt"]
    assert (on["enabled"], on["reason"]) == (True, "by_request")
    assert on["skipped"] == {"since": began, "events": 3}
    assert await outcomes(system, made["id"]) == {1: "dead", 5: "delivered"}


async def test_what_was_skipped_counts_only_the_types_that_it_asks_for(system: System, hook: Hook) -> None:
    made = await make(system.api, f"{hook.url}/a", eventTypes=["CampaignCreated"])
    await patch(system.api, made["id"], enabled=False)
    await patch(system.api, "default", enabled=False)
    await in_effect(system.database)
    await system.create()
    await system.change(name="Late summer")

    on = await patch(system.api, made["id"], enabled=True)
    default = await patch(system.api, "default", enabled=True)

    assert (on["skipped"]["events"], default["skipped"]["events"]) == (1, 2)


async def test_an_endpoint_gets_the_types_that_it_asked_for_when_they_happened(
    system: System, hook: Hook
) -> None:
    every = await make(system.api, f"{hook.url}/every")
    updates = await make(system.api, f"{hook.url}/updates", eventTypes=["CampaignUpdated"])
    births = await make(system.api, f"{hook.url}/births", eventTypes=["CampaignUpdated"])
    await patch(system.api, births["id"], eventTypes=["CampaignCreated"])
    await in_effect(system.database)
    await system.create()
    await system.change(name="Late summer")
    await patch(system.api, updates["id"], eventTypes=["CampaignCreated"])
    await in_effect(system.database)
    await system.change(name="Autumn")

    await system.start_worker()
    await settled(system.api, 8)

    assert hook.versions("/every") == [1, 2, 3]
    assert hook.versions("/updates") == [2]
    assert hook.versions("/births") == [1]
    assert len(await outcomes(system, every["id"])) == 3


async def test_own_headers_arrive_and_a_new_address_and_new_headers_hold_from_the_next_try_on(
    system: System, hook: Hook
) -> None:
    made = await make(system.api, f"{hook.url}/a", headers={"X-Token": "one", "X-Team": "caf\xe9"})
    await in_effect(system.database)
    await system.start_worker()
    await system.create()
    await until(lambda: heard(hook, "/a", [1]))

    await patch(system.api, made["id"], url=f"{hook.url}/b", headers={"X-Token": "two"})
    await system.change(name="Moved")
    await until(lambda: heard(hook, "/b", [2]))

    first, second = hook.posts
    assert (first.headers["x-token"], first.headers["x-team"]) == ("one", "caf\xe9")
    assert second.headers["x-token"] == "two"
    assert "x-team" not in second.headers
    assert second.verifies(made["secret"])


async def test_endpoints_of_another_workspace_get_nothing(system: System, hook: Hook) -> None:
    """PROMISE: what happens in a workspace is told to its own endpoints only."""
    await make(system.api, f"{hook.url}/ours")
    theirs = await make(system.api_of("rival"), f"{hook.url}/theirs")
    await in_effect(system.database)
    await system.create()
    await system.api_of("rival").post({"id": "winter", "name": "Theirs"})

    await system.start_worker()
    await settled(system.api, 2)
    await settled(system.api_of("rival"), 2, "winter")

    assert [post.event["data"]["campaignId"] for post in hook.at("/ours")] == ["summer"]
    assert [post.event["data"]["campaignId"] for post in hook.at("/theirs")] == ["winter"]
    assert await outcomes(system, theirs["id"]) == {}
    assert {row["endpointId"] for row in (await system.api_of("rival").get("/logs")).json["items"]} == {
        "default",
        theirs["id"],
    }


async def test_a_failing_endpoint_delays_no_other_of_its_workspace(system: System, hook: Hook) -> None:
    made = await make(system.api, f"{hook.url}/a")
    await make(system.api, f"{hook.url}/b")
    hook.answers["/a"] = 500
    system.receiver.behaviour = Behaviour(then=500)
    await in_effect(system.database)
    await system.start_worker()
    await system.create()
    await settled(system.api, 3)

    letters: list[dict[str, Any]] = (await system.api.get("/dead-letters")).json["items"]

    assert sorted(letter["endpointId"] for letter in letters) == sorted(["default", made["id"]])
    assert (hook.versions("/a"), hook.versions("/b")) == ([1, 1, 1], [1])
