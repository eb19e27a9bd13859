"""`/webhook-endpoints` over HTTP: shapes, scopes, refusals by name, pages."""

import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from famedash.infra.auth.settings import AuthSettings
from famedash.infra.auth.tokens import open_authenticator
from famedash.infra.database import Database
from famedash.processes.api import Resources, create_app
from famedash.processes.settings import Settings
from famedash.webhooks.registry.model import MOST_ENDPOINTS
from tests.campaigns.api import Api
from tests.flow.system import LOOPBACK, System, running
from tests.secrets import JWT_SECRET, SEAL
from tests.serving import serving
from tests.webhooks.registry.hooks import ENDPOINTS, delete, make, patch

DEFAULT = f"{ENDPOINTS}/default"
HERE = "http://127.0.0.1:9/hook"
THERE = "http://127.0.0.1:9/other"
PRIVATE = "https://10.0.0.1/hook"
READS = frozenset({"webhooks:read"})
WRITES = frozenset({"webhooks:write"})
OF_ONE = [
    ("GET", "", None),
    ("PATCH", "", {"description": "mine"}),
    ("DELETE", "", None),
    ("POST", "/rotate-secret", None),
    ("POST", "/test", None),
]
"""Every route of one endpoint, with a body that it takes."""


@pytest.fixture
async def api_without_url(database: Database, redis: Redis, api: Api) -> AsyncIterator[Api]:
    """The same installation, served with FAMEDASH_WEBHOOK_URL empty."""
    authenticator = await open_authenticator(AuthSettings(JWT_SECRET, "", "famedash", "famedash"))
    settings = Settings(webhook_url="", webhook_allow_private=LOOPBACK)
    app = create_app(settings, Resources(database, redis, authenticator, SEAL))
    async with serving(app) as base_url:
        yield Api(api.session, base_url, api.token)


async def pages(api: Api, limit: int) -> AsyncIterator[list[str]]:
    """The ids, page after page, as a client follows `nextCursor`."""
    cursor: str | None = ""
    while cursor is not None:
        reply = await api.get(f"{ENDPOINTS}?limit={limit}&cursor={cursor}")
        assert reply.status == 200, reply.body
        yield [item["id"] for item in reply.json["items"]]
        cursor = reply.json["nextCursor"]


async def ids(api: Api) -> list[str]:
    return [item["id"] for item in (await api.get(ENDPOINTS)).json["items"]]


async def changes(database: Database, endpoint_id: str) -> list[tuple[bool, str]]:
    rows = await database.fetch(
        "select enabled, reason from webhook_endpoint_changes where endpoint_id = $1 order by effective_at",
        endpoint_id,
    )
    return [(row["enabled"], row["reason"]) for row in rows]


# --- made


async def test_an_endpoint_that_was_made_shows_what_was_asked_for(api: Api) -> None:
    asked = {
        "url": HERE,
        "description": "Our calendar",
        "eventTypes": ["CampaignUpdated"],
        "headers": {"X-Tenant": "acme", "Authorization": "Bearer opensesame"},
        "maxInFlight": 100,
    }

    reply = await api.post(asked, path=ENDPOINTS)

    made = reply.json
    assert reply.status == 201
    assert reply.headers["Location"] == f"{ENDPOINTS}/{made['id']}"
    assert reply.headers["Cache-Control"] == "no-store"
    assert made == {
        "id": made["id"],
        "url": HERE,
        "description": "Our calendar",
        "eventTypes": ["CampaignUpdated"],
        "headerNames": ["X-Tenant", "Authorization"],
        "maxInFlight": 100,
        "enabled": True,
        "reason": "created",
        "changedAt": made["changedAt"],
        "createdAt": made["createdAt"],
        "updatedAt": made["createdAt"],
        "secret": made["secret"],
    }
    assert len(made["id"]) == len("ep_") + 32
    assert len(base64.b64decode(made["secret"].removeprefix("whsec_"), validate=True)) == 32


async def test_it_takes_effect_two_seconds_after_it_was_made(api: Api) -> None:
    made = await make(api, HERE)

    ahead = datetime.fromisoformat(made["changedAt"]) - datetime.now(UTC)
    assert timedelta() < ahead <= timedelta(seconds=2)


async def test_what_is_left_out_or_null_is_every_type_no_headers_and_the_cap_of_the_setting(
    api: Api,
) -> None:
    fields = ["description", "eventTypes", "headerNames", "maxInFlight"]
    for left_out in ({}, dict.fromkeys(["description", "eventTypes", "headers", "maxInFlight"])):
        made = await make(api, HERE, **left_out)

        assert [made[name] for name in fields] == [None, None, [], Settings().webhook_max_in_flight]


async def test_its_secret_is_shown_this_once(api: Api) -> None:
    """PROMISE: who may read the endpoints cannot sign for us."""
    made = await make(api, HERE, headers={"X-Token": "opensesame"})
    secret = made.pop("secret")

    read = await api.get(f"{ENDPOINTS}/{made['id']}")
    listed = await api.get(ENDPOINTS)
    changed = await api.patch({"description": "x"}, path=f"{ENDPOINTS}/{made['id']}")

    assert read.json == made
    assert listed.json["items"][1] == made
    for reply in (read, listed, changed):
        assert secret.encode() not in reply.body
        assert b"opensesame" not in reply.body


async def test_two_endpoints_of_one_address_have_secrets_of_their_own(api: Api) -> None:
    first, second = await make(api, HERE), await make(api, HERE)

    assert first["id"] < second["id"]
    assert first["secret"] != second["secret"]


async def test_a_secret_never_lies_in_the_ledger_of_answers(api: Api, database: Database) -> None:
    """PROMISE: an Idempotency-Key keeps no secret: such a key is not looked at here."""
    replies = [
        await api.post({"url": HERE}, path=ENDPOINTS, idempotency_key="once"),
        await api.post({"url": HERE}, path=ENDPOINTS, idempotency_key="once"),
    ]

    assert replies[0].json["id"] != replies[1].json["id"]
    assert await database.fetchval("select count(*) from idempotency_keys") == 0


async def test_one_endpoint_too_many_is_refused_until_one_is_deleted(api: Api) -> None:
    made = [await make(api, HERE) for _ in range(MOST_ENDPOINTS)]

    refused = await api.post({"url": HERE}, path=ENDPOINTS)
    await delete(api, made[0]["id"])

    assert (refused.status, str(MOST_ENDPOINTS) in refused.json["detail"]) == (409, True)
    await make(api, HERE)
    assert len((await api.get(f"{ENDPOINTS}?limit=1000")).json["items"]) == MOST_ENDPOINTS + 1


# --- refused by name


BAD: list[tuple[dict[str, Any], str]] = [
    ({"url": None}, "url"),
    ({"url": ""}, "url"),
    ({"url": 7}, "url"),
    ({"url": "http://127.0.0.1/" + "x" * 2000}, "url"),
    ({"url": "ftp://127.0.0.1/hook"}, "url"),
    ({"url": "hook"}, "url"),
    ({"url": "http://127.0.0.1:0/hook"}, "url"),
    ({"url": "http://user:pass@127.0.0.1/hook"}, "url"),
    ({"url": "http://127.0.0.1/a\r\nX-Evil: 1"}, "url"),
    ({"url": "http://10.0.0.1/hook"}, "url"),
    ({"url": "http://1.1.1.1/hook"}, "url"),
    ({"url": PRIVATE}, "url"),
    ({"url": "https://169.254.169.254/latest/meta-data"}, "url"),
    ({"description": 7}, "description"),
    ({"description": "x" * 501}, "description"),
    ({"description": "a\0b"}, "description"),
    ({"eventTypes": []}, "eventTypes"),
    ({"eventTypes": "CampaignCreated"}, "eventTypes"),
    ({"eventTypes": ["CampaignDeleted"]}, "eventTypes[0]"),
    ({"eventTypes": ["CampaignCreated", "CampaignCreated"]}, "eventTypes"),
    ({"maxInFlight": 0}, "maxInFlight"),
    ({"maxInFlight": 101}, "maxInFlight"),
    ({"maxInFlight": 1.5}, "maxInFlight"),
    ({"maxInFlight": "8"}, "maxInFlight"),
    ({"maxInFlight": True}, "maxInFlight"),
    ({"headers": []}, "headers"),
    ({"headers": {"X-A": 1}}, "headers.X-A"),
    ({"headers": {"X-A": None}}, "headers.X-A"),
    ({"headers": {"X-A": "1", "x-a": "2"}}, "headers"),
    ({"headers": {f"X-{number}": "1" for number in range(21)}}, "headers"),
    ({"headers": {"X-A": "x" * 4094}}, "headers"),
    ({"secret": "whsec_mine"}, "secret"),
    ({"id": "mine"}, "id"),
    ({"URL": HERE}, "URL"),
]


async def test_a_malformed_endpoint_is_refused_by_its_field(api: Api) -> None:
    for fields, name in BAD:
        reply = await api.post({"url": HERE} | fields, path=ENDPOINTS)

        assert (fields, reply.status, name in reply.fields) == (fields, 422, True)
        assert reply.headers["Content-Type"] == "application/problem+json"
    assert await ids(api) == ["default"]


async def test_a_malformed_change_is_refused_by_its_field_and_changes_nothing(api: Api) -> None:
    """PROMISE: a change is made as a whole or not at all. `enabled` is right in all of these."""
    made = await make(api, HERE)
    made.pop("secret")
    path = f"{ENDPOINTS}/{made['id']}"
    more: list[tuple[dict[str, Any], str]] = [
        ({"enabled": None}, "enabled"),
        ({"enabled": "false"}, "enabled"),
        ({"enabled": 0}, "enabled"),
        ({"reason": "x"}, "reason"),
    ]

    for fields, name in [*BAD, *more]:
        reply = await api.patch({"enabled": False, "description": "changed"} | fields, path=path)
        assert (fields, reply.status, name in reply.fields) == (fields, 422, True)

    assert (await api.get(path)).json == made


async def test_what_is_no_object_is_refused(api: Api) -> None:
    for body in ([], "x", 7, True):
        made, changed = await api.post(body, path=ENDPOINTS), await api.patch(body, path=DEFAULT)

        assert [(made.status, made.fields), (changed.status, changed.fields)] == [(422, ["body"])] * 2


async def test_an_endpoint_needs_a_url(api: Api) -> None:
    reply = await api.post({"description": "nowhere"}, path=ENDPOINTS)

    assert (reply.status, reply.fields) == (422, ["url"])


RESERVED = (
    *("host", "content-length", "content-type", "transfer-encoding", "connection", "te", "trailer"),
    *("upgrade", "expect", "keep-alive", "proxy-authorization", "proxy-connection", "user-agent"),
    *("accept-encoding", "webhook-id", "webhook-signature", "webhook-timestamp", "webhook-anything"),
)


async def test_headers_that_we_or_http_need_are_refused_whatever_their_case(api: Api) -> None:
    """PROMISE: a header cannot change whose request it is, where it ends or what is signed."""
    for name in (cased for each in RESERVED for cased in (each, each.title(), each.upper())):
        reply = await api.post({"url": HERE, "headers": {name: "1"}}, path=ENDPOINTS)

        assert (name, reply.status, reply.fields) == (name, 422, ["headers"])


BREAKING_OUT = [
    ("X-Token", "secret\r\nX-Evil: 1"),
    ("X-Token", "secret\n"),
    ("X-Token", "secret\r"),
    ("X-Token", "secret\x7f"),
    ("X-Token", "secret\tb"),
    ("X-Token", "secret\x85"),
    ("X-Token", "secret \u20ac"),
    ("X-Token", " secret"),
    ("X-Token", "secret "),
    ("X-Token", ""),
    ("X-Token", " "),
    ("X Token", "secret"),
    ("X-Token:", "secret"),
    ("X-Token\r\nX-Evil", "secret"),
    ("X-T\xf6ken", "secret"),
    ("", "secret"),
]


async def test_a_header_that_could_break_out_of_its_line_is_refused_without_a_word_of_its_value(
    api: Api,
) -> None:
    for name, value in BREAKING_OUT:
        reply = await api.post({"url": HERE, "headers": {name: value}}, path=ENDPOINTS)

        assert (name, value, reply.status, reply.fields) == (name, value, 422, ["headers"])
        assert b"secret" not in reply.body
        assert b"X-Evil" not in reply.body


async def test_headers_up_to_their_bounds_are_taken(api: Api) -> None:
    many = await make(api, HERE, headers={f"X-{number}": "caf\xe9 (au lait)" for number in range(20)})
    long = await make(api, HERE, headers={"X-A": "x" * 4093})

    assert (len(many["headerNames"]), long["headerNames"]) == (20, ["X-A"])


# --- read


async def test_the_pages_are_every_endpoint_once_default_first_then_the_oldest(system: System) -> None:
    made = [(await make(system.api, HERE))["id"] for _ in range(3)]
    await make(system.api_of("rival"), HERE)

    for limit in (1, 2, 3, 4, 5):
        found = [page async for page in pages(system.api, limit)]

        assert [each for page in found for each in page] == ["default", *made]
        assert all(len(page) == limit for page in found[:-1])
        assert found[-1] != []


async def test_a_cursor_of_another_workspace_opens_nothing(system: System) -> None:
    """PROMISE: a cursor is a place, not a key."""
    for _ in range(3):
        await make(system.api, HERE)
    cursor = (await system.api.get(f"{ENDPOINTS}?limit=2")).json["nextCursor"]

    reply = await system.api_of("rival").get(f"{ENDPOINTS}?cursor={cursor}")

    assert (reply.status, reply.json) == (200, {"items": [], "nextCursor": None})


QUERIES = [
    ("limit=0", "limit"),
    ("limit=1001", "limit"),
    ("limit=x", "limit"),
    ("cursor=!!!", "cursor"),
    ("cursor=WzFd", "cursor"),  # [1]
    ("cursor=W10", "cursor"),  # []
    ("cursor=" + "x" * 2001, "cursor"),
]


async def test_a_malformed_query_is_refused_by_the_name_of_its_parameter(api: Api) -> None:
    for query, field in QUERIES:
        reply = await api.get(f"{ENDPOINTS}?{query}")

        assert (query, reply.status, reply.fields) == (query, 422, [field])


async def test_default_is_not_in_the_list_where_it_points_nowhere(api_without_url: Api) -> None:
    made = await make(api_without_url, HERE)

    assert await ids(api_without_url) == [made["id"]]
    assert (await api_without_url.get(DEFAULT)).json["url"] is None


async def test_every_answer_has_the_fields_that_the_openapi_document_names(api: Api) -> None:
    schemas = (await api.get("/openapi.json")).json["components"]["schemas"]
    made = await make(api, HERE)
    path = f"{ENDPOINTS}/{made['id']}"
    await patch(api, made["id"], enabled=False)

    shown = {
        "EndpointMade": made,
        "EndpointShown": (await api.get(path)).json,
        "EndpointChanged": await patch(api, made["id"], enabled=True),
        "SecretShown": (await api.post(path=f"{path}/rotate-secret")).json,
        "TestShown": (await api.post(path=f"{path}/test")).json,
    }

    for name, answer in shown.items():
        assert (name, set(answer)) == (name, set(schemas[name]["properties"]))


# --- changed


async def test_a_change_of_every_field_at_once(api: Api) -> None:
    made = await make(api, HERE, headers={"X-A": "1"}, description="before", eventTypes=["CampaignCreated"])

    changed = await patch(
        api,
        made["id"],
        url=THERE,
        description="after",
        eventTypes=["CampaignUpdated", "CampaignCreated"],
        headers={"X-B": "2"},
        maxInFlight=3,
        enabled=False,
    )

    assert changed == {
        "id": made["id"],
        "url": THERE,
        "description": "after",
        "eventTypes": ["CampaignCreated", "CampaignUpdated"],
        "headerNames": ["X-B"],
        "maxInFlight": 3,
        "enabled": False,
        "reason": "by_request",
        "changedAt": changed["changedAt"],
        "createdAt": made["createdAt"],
        "updatedAt": changed["updatedAt"],
    }
    assert changed["changedAt"] > made["changedAt"]
    assert changed["updatedAt"] > made["updatedAt"]
    assert (await api.get(f"{ENDPOINTS}/{made['id']}")).json == changed


async def test_null_is_what_leaving_it_out_is_at_creation(api: Api) -> None:
    made = await make(
        api, HERE, description="x", eventTypes=["CampaignCreated"], headers={"X-A": "1"}, maxInFlight=3
    )

    changed = await patch(api, made["id"], description=None, eventTypes=None, headers=None, maxInFlight=None)

    fields = ["url", "description", "eventTypes", "headerNames", "maxInFlight", "enabled"]
    assert [changed[name] for name in fields] == [HERE, None, None, [], 8, True]


SAME: list[dict[str, Any]] = [
    {},
    {"enabled": True},
    {"url": HERE},
    {"eventTypes": ["CampaignUpdated", "CampaignCreated"]},
    {"headers": {"X-A": "1"}},
    {"url": HERE, "description": None, "maxInFlight": 8, "enabled": True},
]


async def test_a_change_to_what_is_so_already_writes_nothing(api: Api, database: Database) -> None:
    made = await make(api, HERE, eventTypes=["CampaignCreated", "CampaignUpdated"], headers={"X-A": "1"})
    made.pop("secret")

    for same in SAME:
        assert await patch(api, made["id"], **same) == made
    assert await changes(database, made["id"]) == [(True, "created")]


async def test_what_owes_nothing_new_leaves_no_change_row(api: Api, database: Database) -> None:
    made = await make(api, HERE)

    changed = await patch(api, made["id"], url=THERE, description="x", headers={"X-A": "1"}, maxInFlight=1)

    assert await changes(database, made["id"]) == [(True, "created")]
    assert (changed["reason"], changed["changedAt"]) == ("created", made["changedAt"])


async def test_switching_and_filtering_at_once_is_one_change(api: Api, database: Database) -> None:
    made = await make(api, HERE)

    await patch(api, made["id"], enabled=False, eventTypes=["CampaignCreated"])

    assert await changes(database, made["id"]) == [(True, "created"), (False, "by_request")]


async def test_only_who_switches_it_on_is_told_what_was_skipped(api: Api) -> None:
    made = await make(api, HERE)

    off = await patch(api, made["id"], enabled=False)
    on = await patch(api, made["id"], enabled=True)
    again = await patch(api, made["id"], enabled=True)

    assert "skipped" not in off
    assert on["skipped"] == {"since": off["changedAt"], "events": 0}
    assert "skipped" not in again


# --- deleted


async def test_a_deleted_endpoint_is_gone_for_every_route(api: Api) -> None:
    made = await make(api, HERE)

    gone = await delete(api, made["id"])

    assert (gone.status, gone.body) == (204, b"")
    assert await ids(api) == ["default"]
    for method, under, body in OF_ONE:
        reply = await api.send(method, f"{ENDPOINTS}/{made['id']}{under}", body)
        assert (method, under, reply.status) == (method, under, 404)


# --- who may


async def test_an_unknown_endpoint_is_404(api: Api) -> None:
    for endpoint_id in ("nowhere", "Default", "default%20", "ep_", "%F0%9F%8C%B1", "x" * 300):
        for method, under, body in OF_ONE:
            reply = await api.send(method, f"{ENDPOINTS}/{endpoint_id}{under}", body)

            assert (method, under, reply.status) == (method, under, 404)
            assert reply.headers["Content-Type"] == "application/problem+json"


async def test_an_endpoint_of_another_workspace_is_like_one_that_exists_nowhere(
    system: System, database: Database
) -> None:
    """PROMISE: nobody finds out, changes, rotates, tries out or deletes what is somebody else's."""
    made = await make(system.api, HERE)
    row = await database.fetchrow("select * from webhook_endpoints")
    rival = system.api_of("rival")

    for method, under, body in OF_ONE:
        foreign = await rival.send(method, f"{ENDPOINTS}/{made['id']}{under}", body)
        nowhere = await rival.send(method, f"{ENDPOINTS}/nowhere{under}", body)
        assert (method, under, foreign.status, foreign.body) == (method, under, 404, nowhere.body)
    assert await database.fetchrow("select * from webhook_endpoints") == row
    assert await changes(database, made["id"]) == [(True, "created")]


async def test_every_route_needs_its_scope(system: System) -> None:
    """PROMISE: who may only read changes nothing, and who may only write reads nothing."""
    made = await make(system.api, HERE)
    reader, writer = system.api_of("acme", READS), system.api_of("acme", WRITES)
    one = f"{ENDPOINTS}/{made['id']}"
    routes = [("GET", ENDPOINTS, None), ("POST", ENDPOINTS, {"url": HERE})]
    routes += [(method, f"{one}{under}", body) for method, under, body in OF_ONE]

    for method, path, body in routes:
        wrong, scope = (writer, "webhooks:read") if method == "GET" else (reader, "webhooks:write")
        refused = await wrong.send(method, path, body)
        assert (method, path, refused.status) == (method, path, 403)
        assert scope in refused.headers["WWW-Authenticate"]
    for method, path, body in [*routes[:4], routes[5], routes[6], routes[4]]:
        taken = await (reader if method == "GET" else writer).send(method, path, body)
        assert (method, path, taken.status // 100) == (method, path, 2)


# --- default


async def test_default_that_was_never_switched_is_on(api: Api) -> None:
    reply = await api.get(DEFAULT)

    url = reply.json["url"]
    assert (reply.status, reply.json) == (
        200,
        {
            "id": "default",
            "url": url,
            "description": None,
            "eventTypes": None,
            "headerNames": [],
            "maxInFlight": 8,
            "enabled": True,
            "reason": None,
            "changedAt": None,
            "createdAt": None,
            "updatedAt": None,
        },
    )
    assert url.startswith("http://127.0.0.1:")
    assert "/campaign" not in url


async def test_default_is_switched_off_and_on_again_and_says_why_and_from_when(api: Api) -> None:
    off = await patch(api, "default", enabled=False)
    read = (await api.get(DEFAULT)).json
    on = await patch(api, "default", enabled=True)

    assert (off["enabled"], off["reason"]) == (False, "by_request")
    assert read == off
    assert (on["enabled"], on["reason"]) == (True, "by_request")
    assert on["skipped"] == {"since": off["changedAt"], "events": 0}
    ahead = datetime.fromisoformat(off["changedAt"]) - datetime.now(UTC)
    assert timedelta() < ahead <= timedelta(seconds=2)
    assert on["changedAt"] > off["changedAt"]


async def test_to_switch_default_to_what_it_is_changes_nothing(api: Api, database: Database) -> None:
    await patch(api, "default", enabled=True)
    off = await patch(api, "default", enabled=False)
    again = await patch(api, "default", enabled=False)
    nothing = await patch(api, "default")

    assert again == nothing == off
    assert len(await changes(database, "default")) == 1


async def test_of_the_url_of_default_only_the_host_is_shown(database_url: str, redis_url: str) -> None:
    """PROMISE: who may read the endpoint does not learn what opens it: a password, or a path that is one."""
    url = "http://user:pass@127.0.0.1:9/hook/T0KEN?a=b"
    async with running(database_url, redis_url, workers=0, receiver_url=url) as system:
        shown = (await system.api.get(DEFAULT)).json

    assert shown["url"] == "http://127.0.0.1:9"


NOT_OF_DEFAULT: list[dict[str, Any]] = [
    {"url": HERE},
    {"description": "x"},
    {"eventTypes": ["CampaignCreated"]},
    {"headers": {"X-A": "1"}},
    {"maxInFlight": 1},
    {"url": HERE, "headers": None},
]


async def test_of_default_only_enabled_can_be_changed(api: Api) -> None:
    for fields in NOT_OF_DEFAULT:
        reply = await api.patch({"enabled": False} | fields, path=DEFAULT)

        assert (reply.status, sorted(reply.fields)) == (422, sorted(fields))
    assert (await api.get(DEFAULT)).json["enabled"] is True


async def test_default_is_neither_deleted_nor_rotated(api: Api) -> None:
    for method, under in (("DELETE", ""), ("POST", "/rotate-secret")):
        reply = await api.send(method, f"{DEFAULT}{under}")

        assert (reply.status, "default" in reply.json["detail"]) == (409, True)
    assert (await api.get(DEFAULT)).json["enabled"] is True


async def test_without_a_url_default_is_off_and_can_neither_be_switched_on_nor_tried_out(
    api_without_url: Api,
) -> None:
    on = await api_without_url.patch({"enabled": True}, path=DEFAULT)
    tried = await api_without_url.post(path=f"{DEFAULT}/test")
    off = await api_without_url.patch({"enabled": False}, path=DEFAULT)

    assert (on.status, tried.status) == (409, 409)
    assert "FAMEDASH_WEBHOOK_URL" in on.json["detail"]
    assert (off.status, off.json["enabled"], off.json["url"]) == (200, False, None)
