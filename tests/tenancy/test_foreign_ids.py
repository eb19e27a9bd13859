"""Every route of the OpenAPI document, called with an id of another workspace."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from famedash.briefs.model import Ask, Platform
from famedash.briefs.service import Written, record
from famedash.infra.database import Database
from famedash.metrics import queries
from famedash.performers.model import Options
from famedash.performers.service import begin
from tests.campaigns.api import Api, Reply
from tests.flow.system import System, running
from tests.metrics.builders import Counted, count
from tests.webhooks.letters.builders import Dead, bury

FOREIGN = {
    "campaign_id": "summer",
    "import_id": "01a21268-41e6-7dc9-9cd8-30341e7cbfa6",
    "brief_id": "01a21268-41e6-7dc9-9cd8-30341e7cbfa7",
    "letter_id": "01a21268-41e6-7dc9-9cd8-30341e7cbfa8",
    "document_id": "",
    "endpoint_id": "",
    "replay_id": "",
}
"""What stands for each path parameter: an id that acme owns; some are known once the thing is there."""

OWN_OF_EVERYBODY = {"endpoint_id": "default"}
"""Every workspace has these under the same id, so none is foreign: what counts is that they are apart."""

BODIES: dict[str, Any] = {
    "/campaigns/{campaign_id}": {"name": "Mine now"},
    "/briefs/{brief_id}/feedback": {"verdict": "rejected"},
    "/webhook-endpoints/{endpoint_id}": {"url": "http://127.0.0.1:9/mine-now"},
}


async def operations(api: Api) -> Iterator[tuple[str, str]]:
    document = (await api.get("/openapi.json")).json
    return iter((method.upper(), path) for path, item in document["paths"].items() for method in item)


def parameters(path: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", path))


async def brief(database: Database, brief_id: UUID) -> None:
    ask = Ask("Lumi", "Serum", "Sell", Platform.X)
    written = Written(brief_id, "composer", "composer-1", b"{}", b"{}")
    async with database.transaction() as tx:
        await record(tx, "acme", ask, written, actor="test")


async def document(api: Api) -> str:
    text = {"title": "Voice", "text": "We speak plainly."}
    return str((await api.post(text, path="/knowledge")).json["id"])


async def endpoint(api: Api) -> str:
    return str((await api.post({"url": "http://127.0.0.1:9/hook"}, path="/webhook-endpoints")).json["id"])


async def replay(api: Api) -> str:
    return str((await api.post({"campaignId": "autumn"}, path="/dead-letters/replays")).json["id"])


async def call(api: Api, method: str, path: str, ids: dict[str, str]) -> Reply:
    return await api.send(method, path.format(**ids), BODIES.get(path) if method != "GET" else None)


async def test_a_foreign_id_is_answered_like_one_that_exists_nowhere(
    database_url: str, redis_url: str
) -> None:
    """PROMISE: a workspace cannot find out what exists in another one."""
    async with running(database_url, redis_url, workers=0) as system:
        await system.create()
        await count(system.database, Counted(await queries.now(system.database)))
        import_id = UUID(FOREIGN["import_id"])
        await begin(system.database, "acme", file_name="a.csv", options=Options(), import_id=import_id)
        await brief(system.database, UUID(FOREIGN["brief_id"]))
        await bury(system.database, Dead(id=UUID(FOREIGN["letter_id"])))
        ids = FOREIGN | {
            "document_id": await document(system.api),
            "endpoint_id": await endpoint(system.api),
            "replay_id": await replay(system.api),
        }
        rival, checked = system.api_of("rival"), 0

        for method, path in await operations(system.api):
            if not parameters(path) & set(FOREIGN):
                continue
            foreign = await call(rival, method, path, ids)
            nowhere = await call(rival, method, path, dict.fromkeys(FOREIGN, "nowhere"))
            assert (foreign.status, method, path) == (404, method, path)
            assert foreign.body == nowhere.body
            checked += 1

        assert checked >= 9
        assert (await system.api.get("/campaigns/summer")).json["version"] == 1
        assert (await system.api.get(f"/imports/{import_id}")).status == 200
        assert (await system.api.get(f"/knowledge/{ids['document_id']}")).status == 200
        assert (await system.api.get(f"/briefs/{ids['brief_id']}")).json["feedback"] is None
        (letter,) = (await system.api.get("/dead-letters")).json["items"]
        assert letter["replayedAt"] is None
        assert (await system.api.get(f"/dead-letters/replays/{ids['replay_id']}")).status == 200
        path = f"/webhook-endpoints/{ids['endpoint_id']}"
        assert (await system.api.get(path)).json["url"] == "http://127.0.0.1:9/hook"


async def test_every_path_parameter_is_accounted_for(database_url: str, redis_url: str) -> None:
    """Breaks when a new kind of id appears and nobody has said what a foreign one is."""
    async with running(database_url, redis_url, workers=0) as system:
        named = {name for _, path in await operations(system.api) for name in parameters(path)}

    assert named == set(FOREIGN) | set(OWN_OF_EVERYBODY)


async def test_what_everybody_has_under_one_id_is_switched_for_oneself_only(
    database_url: str, redis_url: str
) -> None:
    path = "/webhook-endpoints/{endpoint_id}".format(**OWN_OF_EVERYBODY)
    async with running(database_url, redis_url, workers=0) as system:
        before = (await system.api.get(path)).json

        reply = await system.api_of("rival").patch({"enabled": False}, path=path)

        assert (reply.status, reply.json["enabled"]) == (200, False)
        assert (await system.api.get(path)).json == before
        assert before["enabled"] is True


def is_foreign(item: dict[str, Any]) -> bool:
    return item.get("id") not in OWN_OF_EVERYBODY.values()


async def test_every_list_of_another_workspace_is_empty(system_with_a_death: System) -> None:
    rival, lists = system_with_a_death.api_of("rival"), 0

    for method, path in await operations(rival):
        if method == "GET" and "{" not in path:
            own = await system_with_a_death.api.get(path)
            assert own.status in (200, 422), (path, own.body)
            if own.headers.get("Content-Type") == "application/json" and "items" in own.json:
                assert own.json["items"] != []
                assert [each for each in (await rival.get(path)).json["items"] if is_foreign(each)] == []
                lists += 1

    assert lists >= 4
