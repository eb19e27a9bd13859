"""Campaigns over HTTP: what is answered, what is refused and by which name."""

import asyncio
import json
from typing import Any

import pytest

from famedash.campaigns.schemas import CampaignShown, CampaignsShown, EventsShown
from famedash.infra.database import Database
from tests.campaigns.api import Api
from tests.campaigns.conftest import ApiOf

FULL: dict[str, Any] = {
    "id": "c1",
    "name": "Summer",
    "brand": "Acme",
    "product": "Sandals",
    "goal": "reach\nand sales",
    "platforms": ["instagram", "tiktok"],
    "budget": {"amount": "1250.50", "currency": "EUR"},
    "startsAt": "2030-06-01T02:00:00+02:00",
    "endsAt": "2030-07-01T00:00:00Z",
    "influencerIds": ["007", "7"],
    "metadata": {"owner": {"team": "x"}, "tags": [1, None, True]},
    "status": "scheduled",
}


async def created(api: Api, **fields: Any) -> dict[str, Any]:
    reply = await api.post({"id": "c1", "name": "Summer", **fields})
    assert reply.status == 201, reply.body
    found: dict[str, Any] = reply.json
    return found


async def test_a_name_is_all_that_a_campaign_needs(api: Api) -> None:
    reply = await api.post({"name": "Summer"})

    assert reply.status == 201
    assert reply.headers["ETag"] == '"1"'
    assert reply.headers["Location"] == f"/campaigns/{reply.json['id']}"
    assert reply.json | {"id": "", "createdAt": "", "updatedAt": ""} == {
        "id": "",
        "version": 1,
        "status": "draft",
        "name": "Summer",
        "brand": None,
        "product": None,
        "goal": None,
        "platforms": [],
        "budget": None,
        "startsAt": None,
        "endsAt": None,
        "influencerIds": [],
        "metadata": {},
        "createdAt": "",
        "updatedAt": "",
    }
    again = await api.get(reply.headers["Location"])
    assert (again.status, again.body, again.headers["ETag"]) == (200, reply.body, '"1"')


async def test_every_field_comes_back_as_it_was_sent_with_numbers_and_utc(api: Api) -> None:
    reply = await api.post(FULL)

    assert reply.status == 201
    assert b'"amount":1250.50,' in reply.body
    assert reply.json | {"createdAt": "", "updatedAt": ""} == {
        **FULL,
        "budget": {"amount": 1250.5, "currency": "EUR"},
        "startsAt": "2030-06-01T00:00:00Z",
        "version": 1,
        "createdAt": "",
        "updatedAt": "",
    }
    assert (await api.get("/campaigns/c1")).body == reply.body


async def test_an_amount_goes_in_as_number_or_text_and_comes_out_as_number(api: Api) -> None:
    amounts = {
        "5": b"5",
        5: b"5",
        0.1: b"0.1",
        "0.10": b"0.10",
        0: b"0",
        "-0.0": b"0.0",
        99999999999.9999: b"99999999999.9999",
    }

    for amount, shown in amounts.items():
        reply = await api.post({"name": "x", "budget": {"amount": amount}})

        assert b'"budget":{"amount":' + shown + b"," in reply.body
        assert (await api.get(reply.headers["Location"])).body == reply.body


@pytest.mark.parametrize("status", ["draft", "active"])
async def test_a_campaign_may_start_in_these_states(api: Api, status: str) -> None:
    assert (await created(api, status=status))["status"] == status


LONG = "x" * 201
DEEP: Any = "x"
for _ in range(100):
    DEEP = {"d": DEEP}

BOTH: list[tuple[dict[str, Any], str]] = [
    ({"name": None}, "name"),
    ({"name": ""}, "name"),
    ({"name": "  "}, "name"),
    ({"name": 5}, "name"),
    ({"name": ["x"]}, "name"),
    ({"name": LONG}, "name"),
    ({"name": "a\u0000b"}, "name"),
    ({"name": "a\nb"}, "name"),
    ({"name": "\ud800"}, "name"),
    ({"brand": LONG}, "brand"),
    ({"product": 1}, "product"),
    ({"goal": "x" * 2001}, "goal"),
    ({"goal": "\u0000"}, "goal"),
    ({"platforms": "tiktok"}, "platforms"),
    ({"platforms": ["ok", ""]}, "platforms[1]"),
    ({"platforms": ["a", "a"]}, "platforms"),
    ({"platforms": [str(n) for n in range(21)]}, "platforms"),
    ({"budget": 5}, "budget"),
    ({"budget": {"amount": "ten"}}, "budget.amount"),
    ({"budget": {"amount": "1_000"}}, "budget.amount"),
    ({"budget": {"amount": " 1"}}, "budget.amount"),
    ({"budget": {"amount": "1e3"}}, "budget.amount"),
    ({"budget": {"amount": "٣"}}, "budget.amount"),
    ({"budget": {"amount": "NaN"}}, "budget.amount"),
    ({"budget": {"amount": True}}, "budget.amount"),
    ({"budget": {"amount": -1}}, "budget.amount"),
    ({"budget": {"amount": 0.00001}}, "budget.amount"),
    ({"budget": {"amount": 1e300}}, "budget.amount"),
    ({"budget": {"amount": float("nan")}}, "budget.amount"),
    ({"budget": {"amount": float("inf")}}, "budget.amount"),
    ({"budget": {"amount": 10**400}}, "budget.amount"),
    ({"budget": {"amount": 1, "currency": "euro"}}, "budget.currency"),
    ({"budget": {"amount": 1, "currency": "EUR\n"}}, "budget.currency"),
    ({"budget": {"amount": 1, "cents": 2}}, "budget.cents"),
    ({"startsAt": 1780000000}, "startsAt"),
    ({"startsAt": "1780000000"}, "startsAt"),
    ({"startsAt": "2030-06-01"}, "startsAt"),
    ({"startsAt": "2030-06-01T00:00:00"}, "startsAt"),
    ({"startsAt": "2030-13-01T00:00:00Z"}, "startsAt"),
    ({"startsAt": "2030-06-01T00:00:00+99:99"}, "startsAt"),
    ({"startsAt": "0001-01-01T00:00:00+14:00"}, "startsAt"),
    ({"endsAt": "9999-12-31T23:59:59-14:00"}, "endsAt"),
    ({"startsAt": "2030-06-01T00:00:00Z", "endsAt": "2030-06-01T02:00:00+02:00"}, "endsAt"),
    ({"influencerIds": [7]}, "influencerIds[0]"),
    ({"influencerIds": ["a\u0000"]}, "influencerIds[0]"),
    ({"influencerIds": [LONG]}, "influencerIds[0]"),
    ({"influencerIds": ["a", "b", "a"]}, "influencerIds"),
    ({"influencerIds": [str(n) for n in range(501)]}, "influencerIds"),
    ({"metadata": []}, "metadata"),
    ({"metadata": {"a": "x" * 17_000}}, "metadata"),
    ({"metadata": {"a": [{"b": "\u0000"}]}}, "metadata.a[0].b"),
    ({"metadata": {"a\u0000": 1}}, "metadata"),
    ({"metadata": {"a": float("nan")}}, "metadata.a"),
    ({"metadata": {"a": float("-inf")}}, "metadata.a"),
    ({"metadata": {"a": "\udfff"}}, "metadata.a"),
    ({"metadata": DEEP}, "metadata.d.d"),
    ({"status": "archived"}, "status"),
    ({"status": 1}, "status"),
    ({"status": None}, "status"),
    ({"status": "scheduled"}, "startsAt"),
    ({"version": 9}, "version"),
    ({"createdAt": "2030-06-01T00:00:00Z"}, "createdAt"),
    ({"updatedAt": None}, "updatedAt"),
    ({"workspace": "other"}, "workspace"),
    ({"nmae": "x"}, "nmae"),
    ({"starts_at": "2030-06-01T00:00:00Z"}, "starts_at"),
]
NEW: list[tuple[dict[str, Any], str]] = [
    ({"id": ""}, "id"),
    ({"id": LONG}, "id"),
    ({"id": 7}, "id"),
    ({"id": "a\tb"}, "id"),
    ({"id": "a/b"}, "id"),
    ({"id": ".."}, "id"),
    ({"id": "\u0000"}, "id"),
    ({"status": "paused"}, "status"),
    ({"status": "completed"}, "status"),
    ({"status": "cancelled"}, "status"),
    ({"budget": {"currency": "EUR"}}, "budget.amount"),
]
CHANGED: list[tuple[dict[str, Any], str]] = [
    ({"id": "c2"}, "id"),
    ({"id": None}, "id"),
    ({"budget": {"currency": "EUR"}}, "budget.amount"),
]


# Many cases share one database here: the differing ones show in the comparison.


async def test_a_new_campaign_with_a_malformed_field_is_refused_by_its_name(
    api: Api, database: Database
) -> None:
    cases = [({"name": "Summer", **wrong}, field) for wrong, field in BOTH + NEW]

    replies = [(case, await api.post(case)) for case, _ in cases]

    assert [(case, reply.status, reply.fields) for case, reply in replies] == [
        (case, 422, [field]) for case, field in cases
    ]
    assert {reply.headers["Content-Type"] for _, reply in replies} == {"application/problem+json"}
    assert await database.fetchval("select count(*) from campaigns where workspace_id = 'acme'") == 0


async def test_a_patch_with_a_malformed_field_is_refused_by_its_name(api: Api) -> None:
    before = await created(api)

    replies = [(case, await api.patch(case)) for case, _ in BOTH + CHANGED]

    assert [(case, reply.status, reply.fields) for case, reply in replies] == [
        (case, 422, [field]) for case, field in BOTH + CHANGED
    ]
    assert (await api.get("/campaigns/c1")).json == before


async def test_several_malformed_fields_are_all_named(api: Api) -> None:
    reply = await api.post({"brand": 1, "budget": {"amount": "x"}, "extra": 1})

    assert sorted(reply.fields) == ["brand", "budget.amount", "extra", "name"]


NO_OBJECTS = [
    (b"{", 400),
    (b'{"name": "x"', 400),
    (b"\xff\xfe", 400),
    (b'{"name": "\xff"}', 400),
    (b"[" * 100_000, 400),
    (b'{"metadata": {"a": ' + b"9" * 5000 + b"}}", 400),
    (b"", 422),
    (b"null", 422),
    (b"[]", 422),
    (b'"x"', 422),
    (b"5", 422),
]


@pytest.mark.parametrize(("method", "path"), [("POST", "/campaigns"), ("PATCH", "/campaigns/c1")])
async def test_a_body_that_is_no_json_object_is_refused(api: Api, method: str, path: str) -> None:
    await created(api)

    replies = [(data[:30], await api.send(method, path, data=data)) for data, _ in NO_OBJECTS]

    assert [(data, reply.status) for data, reply in replies] == [
        (data[:30], status) for data, status in NO_OBJECTS
    ]
    assert {reply.headers["Content-Type"] for _, reply in replies} == {"application/problem+json"}


async def test_a_taken_id_is_a_conflict_in_its_workspace_only(api: Api, api_of: ApiOf) -> None:
    await created(api)

    reply = await api.post({"id": "c1", "name": "Other"})

    assert (reply.status, reply.fields) == (409, ["id"])
    await created(api_of("other"))


async def test_an_id_with_odd_characters_is_found_at_its_location(api: Api) -> None:
    reply = await api.post({"id": "ö?#% 7", "name": "x"})

    assert reply.status == 201
    assert (await api.get(reply.headers["Location"])).json["id"] == "ö?#% 7"


@pytest.mark.parametrize("media_type", ["application/json", "application/merge-patch+json"])
async def test_a_patch_merges_and_null_clears(api: Api, media_type: str) -> None:
    await api.post(FULL)

    reply = await api.patch(
        {
            "goal": None,
            "platforms": None,
            "budget": {"amount": 2000},
            "metadata": {"owner": {"team": None, "lead": "bob"}, "tags": None},
        },
        content_type=media_type,
    )

    assert (reply.status, reply.headers["ETag"], reply.json["version"]) == (200, '"2"', 2)
    assert reply.json["goal"] is None
    assert reply.json["platforms"] == []
    assert reply.json["budget"] == {"amount": 2000, "currency": "EUR"}
    assert reply.json["metadata"] == {"owner": {"lead": "bob"}}
    assert reply.json["brand"] == "Acme"
    assert (await api.get("/campaigns/c1")).body == reply.body
    assert (await api.patch({"budget": None, "metadata": None})).json["budget"] is None


async def test_a_patch_without_a_change_keeps_the_version_and_emits_nothing(
    api: Api, database: Database
) -> None:
    await api.post(FULL)

    patches: list[dict[str, Any]] = [{}, {"name": "Summer"}, {key: FULL[key] for key in FULL if key != "id"}]
    for same in patches:
        reply = await api.patch(same)
        assert (reply.status, reply.json["version"]) == (200, 1)

    assert await database.fetchval("select count(*) from outbox_events where workspace_id = 'acme'") == 1


async def test_if_match_guards_a_patch(api: Api) -> None:
    await created(api)
    assert (await api.patch({"name": "Autumn"}, if_match='"1"')).status == 200

    assert (await api.patch({"name": "Winter"}, if_match='"1"')).status == 412
    assert (await api.patch({"name": "Autumn"}, if_match='"1"')).status == 412, "even without a change"
    assert (await api.patch({"name": "Winter"}, if_match='W/"2"')).status == 412
    assert (await api.patch({"name": "Winter"}, if_match='"02"')).status == 412
    assert (await api.get("/campaigns/c1")).json["name"] == "Autumn"
    assert (await api.patch({"name": "Winter"}, if_match='"7", "2"')).status == 200
    assert (await api.patch({"name": "Spring"}, if_match="*")).status == 200


async def test_an_if_match_that_cannot_be_read_is_refused_by_name(api: Api) -> None:
    await created(api)

    for if_match in ["1", '"1', "", '"1" "2"', "W/1"]:
        reply = await api.patch({"name": "Autumn"}, if_match=if_match)

        assert (reply.status, reply.fields) == (422, ["If-Match"]), if_match


async def test_a_reader_that_has_the_version_is_told_so_without_a_body(api: Api) -> None:
    await created(api)

    unchanged = await api.get("/campaigns/c1", if_none_match='"1"')

    assert (unchanged.status, unchanged.body, unchanged.headers["ETag"]) == (304, b"", '"1"')
    assert (await api.get("/campaigns/c1", if_none_match='"2"')).status == 200


async def test_an_illegal_move_names_the_legal_ones(api: Api) -> None:
    await created(api)

    reply = await api.patch({"status": "paused"})

    assert (reply.status, reply.fields) == (409, ["status"])
    assert "legal moves: scheduled, active, cancelled" in reply.json["detail"]


async def test_in_a_final_state_only_metadata_changes_and_the_answer_names_the_moves_there_are(
    api: Api,
) -> None:
    await created(api)
    await api.patch({"status": "cancelled"})

    moved = await api.patch({"status": "active"})
    renamed = await api.patch({"name": "Autumn", "metadata": {"a": 1}})
    noted = await api.patch({"metadata": {"a": 1}})

    assert (moved.status, renamed.status, noted.status) == (409, 409, 200)
    assert "legal moves: none" in moved.json["detail"]
    assert "legal moves: none" in renamed.json["detail"]
    assert renamed.fields == ["name"]
    assert noted.json["version"] == 3


async def test_twenty_concurrent_patches_leave_no_gap(api: Api) -> None:
    await created(api)

    replies = await asyncio.gather(*(api.patch({"name": f"n{n}"}) for n in range(20)))

    assert sorted(reply.json["version"] for reply in replies) == list(range(2, 22))
    history = (await api.get("/campaigns/c1/events")).json["items"]
    assert [event["data"]["version"] for event in history] == list(range(1, 22))


async def test_of_twenty_patches_for_one_version_one_wins(api: Api) -> None:
    await created(api)

    replies = await asyncio.gather(*(api.patch({"name": f"n{n}"}, if_match='"1"') for n in range(20)))

    assert sorted(reply.status for reply in replies) == [200] + [412] * 19


async def test_the_history_is_the_published_bytes_after_a_version(api: Api, database: Database) -> None:
    await created(api)
    for n in range(4):
        await api.patch({"name": f"n{n}"})
    rows = await database.fetch("select body from outbox_events where workspace_id = 'acme' order by seq")

    everything = await api.get("/campaigns/c1/events")
    later = await api.get("/campaigns/c1/events?since=3")

    assert everything.body == b'{"items":[' + b",".join(row["body"] for row in rows) + b'],"nextCursor":null}'
    assert [event["data"]["version"] for event in later.json["items"]] == [4, 5]
    assert (await api.get("/campaigns/c1/events?since=5")).json == {"items": [], "nextCursor": None}


async def test_the_history_pages(api: Api) -> None:
    await created(api)
    for n in range(4):
        await api.patch({"name": f"n{n}"})

    seen: list[int] = []
    cursor = ""
    while cursor is not None:
        page = (await api.get(f"/campaigns/c1/events?since=1&limit=2&cursor={cursor}")).json
        seen += [event["data"]["version"] for event in page["items"]]
        cursor = page["nextCursor"]

    assert seen == [2, 3, 4, 5]


async def test_the_list_shows_the_newest_first_and_pages_without_repeats_or_gaps(
    api: Api, api_of: ApiOf
) -> None:
    """PROMISE: what was there when the first page was read is seen once, whatever is created or changed.

    Breaks if a page is found by offset, or by something that changes.
    """
    await created(api_of("other"), id="foreign")
    for n in range(7):
        await created(api, id=f"c{n}")

    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        page = (await api.get(f"/campaigns?limit=2&cursor={cursor}")).json
        seen += [each["id"] for each in page["items"]]
        cursor = page["nextCursor"]
        await created(api, id=f"later{len(seen)}")
        await api.patch({"name": f"seen {len(seen)}"}, path="/campaigns/c0")

    assert seen == ["c6", "c5", "c4", "c3", "c2", "c1", "c0"]


async def test_campaigns_of_the_same_moment_page_by_id(api: Api, database: Database) -> None:
    for n in range(5):
        await created(api, id=f"c{n}")
    await database.fetch(
        "update campaigns set created_at = '2030-01-01Z' where workspace_id = 'acme' returning 1"
    )

    first = (await api.get("/campaigns?limit=3")).json
    rest = (await api.get(f"/campaigns?limit=3&cursor={first['nextCursor']}")).json

    assert [each["id"] for each in first["items"] + rest["items"]] == ["c4", "c3", "c2", "c1", "c0"]
    assert rest["nextCursor"] is None


async def test_the_list_can_be_narrowed_to_a_status(api: Api) -> None:
    await created(api, id="a", status="active")
    await created(api, id="b")

    found = (await api.get("/campaigns?status=active")).json["items"]

    assert [each["id"] for each in found] == ["a"]


async def test_a_malformed_query_is_refused_by_the_name_of_its_parameter(api: Api) -> None:
    await created(api)
    cases = [
        ("/campaigns?limit=0", "limit"),
        ("/campaigns?limit=1001", "limit"),
        ("/campaigns?limit=x", "limit"),
        ("/campaigns?status=archived", "status"),
        ("/campaigns?cursor=nonsense", "cursor"),
        ("/campaigns?cursor=WyIxIiwiYSJd", "cursor"),  # ["1","a"]
        ("/campaigns?cursor=Wy0xLCJhIl0", "cursor"),  # [-1,"a"]
        ("/campaigns?cursor=Wzk5OTk5OTk5OTk5OTk5OTk5OTk5LCJhIl0", "cursor"),  # [99999999999999999999,"a"]
        ("/campaigns?cursor=WzEsIlx1MDAwMCJd", "cursor"),  # [1,"\\u0000"]
        ("/campaigns/c1/events?since=-1", "since"),
        ("/campaigns/c1/events?since=x", "since"),
        ("/campaigns/c1/events?since=2147483648", "since"),
        ("/campaigns/c1/events?limit=0", "limit"),
        ("/campaigns/c1/events?cursor=WzIxNDc0ODM2NDhd", "cursor"),  # [2147483648]
    ]

    replies = [(path, await api.get(path)) for path, _ in cases]

    assert [(path, reply.status, reply.fields) for path, reply in replies] == [
        (path, 422, [field]) for path, field in cases
    ]


async def test_a_foreign_id_answers_the_same_bytes_as_one_that_exists_nowhere(
    api: Api, api_of: ApiOf
) -> None:
    """PROMISE: nobody learns which ids another workspace has."""
    await created(api_of("other"), id="theirs")

    for method, suffix, body in [
        ("GET", "", None),
        ("GET", "/events", None),
        ("PATCH", "", {"name": "Mine"}),
        ("PATCH", "", {"status": "paused"}),
    ]:
        theirs = await api.send(method, f"/campaigns/theirs{suffix}", body, if_match='"9"')
        nowhere = await api.send(method, f"/campaigns/nowhere{suffix}", body, if_match='"9"')
        assert theirs.status == nowhere.status == 404
        assert theirs.body == nowhere.body
    assert (await api.get("/campaigns")).json["items"] == []


async def test_reading_and_writing_need_their_scopes(api: Api, api_of: ApiOf) -> None:
    await created(api)
    reader = api_of("acme", scopes=frozenset({"campaigns:read"}))
    writer = api_of("acme", scopes=frozenset({"campaigns:write"}))

    assert [(await reader.get(path)).status for path in ("/campaigns", "/campaigns/c1")] == [200, 200]
    assert (await reader.get("/campaigns/c1/events")).status == 200
    assert (await reader.post({"name": "x"})).status == 403
    assert (await reader.patch({"name": "x"})).status == 403
    assert (await writer.post({"name": "x"})).status == 201
    assert (await writer.patch({"name": "x"})).status == 200
    assert (await writer.get("/campaigns")).status == 403
    assert (await writer.get("/campaigns/c1")).status == 403
    assert (await writer.get("/campaigns/c1/events")).status == 403


async def test_what_is_answered_is_what_the_openapi_document_says(api: Api) -> None:
    await api.post(FULL)
    await api.patch({"budget": None, "metadata": {"a": 1}})

    CampaignShown.model_validate_json((await api.get("/campaigns/c1")).body)
    CampaignsShown.model_validate_json((await api.get("/campaigns")).body)
    EventsShown.model_validate_json((await api.get("/campaigns/c1/events")).body)
    document = json.loads((await api.get("/openapi.json")).body)
    takes = document["paths"]["/campaigns/{campaign_id}"]["patch"]["requestBody"]["content"]
    assert set(takes) == {"application/json", "application/merge-patch+json"}
    new = document["components"]["schemas"]["NewCampaign"]
    assert "version" not in new["properties"]
    assert (await api.post(new["example"])).status == 201
