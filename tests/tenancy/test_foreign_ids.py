"""Every route of the OpenAPI document, called with an id of another workspace."""

from collections.abc import Iterator
from typing import Any

from tests.campaigns.api import Api, Reply
from tests.flow.system import System, running

FOREIGN = {"campaign_id": "summer", "endpoint_id": "theirs"}
"""What stands for each path parameter: an id that acme owns (the endpoint `default` is everybody's)."""

BODIES: dict[str, Any] = {
    "/campaigns/{campaign_id}": {"name": "Mine now"},
    "/webhook-endpoints/{endpoint_id}": {"enabled": False},
}


async def operations(api: Api) -> Iterator[tuple[str, str]]:
    document = (await api.get("/openapi.json")).json
    return iter((method.upper(), path) for path, item in document["paths"].items() for method in item)


async def call(api: Api, method: str, path: str, ids: dict[str, str]) -> Reply:
    return await api.send(method, path.format(**ids), BODIES.get(path) if method != "GET" else None)


async def test_a_foreign_id_is_answered_like_one_that_exists_nowhere(
    database_url: str, redis_url: str
) -> None:
    """PROMISE: a workspace cannot find out what exists in another one."""
    async with running(database_url, redis_url, workers=0) as system:
        await system.create()
        rival, checked = system.api_of("rival"), 0

        for method, path in await operations(system.api):
            if "{" not in path:
                continue
            foreign = await call(rival, method, path, FOREIGN)
            nowhere = await call(rival, method, path, dict.fromkeys(FOREIGN, "nowhere"))
            assert (foreign.status, method, path) == (404, method, path)
            assert foreign.body == nowhere.body
            checked += 1

        assert checked >= 5
        assert (await system.api.get("/campaigns/summer")).json["version"] == 1


async def test_every_list_of_another_workspace_is_empty(system_with_a_death: System) -> None:
    rival, lists = system_with_a_death.api_of("rival"), 0

    for method, path in await operations(rival):
        if method == "GET" and "{" not in path:
            own = await system_with_a_death.api.get(path)
            if own.headers.get("Content-Type") == "application/json" and "items" in own.json:
                assert own.json["items"] != []
                assert (await rival.get(path)).json["items"] == []
                lists += 1

    assert lists >= 3
