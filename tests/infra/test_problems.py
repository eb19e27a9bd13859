"""Every error is a problem document that helps, over real HTTP."""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from tests.infra.app import bearer, client


@pytest.fixture
async def api() -> AsyncIterator[aiohttp.ClientSession]:
    async with client() as session:
        yield session


async def problem(response: aiohttp.ClientResponse) -> dict[str, Any]:
    """The document, whose status is the status and whose type is a stable reference."""
    assert response.content_type == "application/problem+json"
    document = await response.json(content_type=None)
    assert document["status"] == response.status
    assert document["type"].startswith("/problems/")
    assert document["title"]
    assert document["detail"].endswith((".", "?", ")"))
    return dict(document)


def fields(document: dict[str, Any]) -> dict[str, str]:
    return {error["field"]: error["message"] for error in document["errors"]}


@pytest.mark.parametrize(
    ("kind", "status", "type"),
    [
        ("conflict", 409, "/problems/conflict"),
        ("own", 409, "/problems/never-mind"),
        ("missing", 404, "/problems/not-found"),
        ("moved", 412, "/problems/precondition-failed"),
        ("busy", 429, "/problems/too-many-requests"),
        ("away", 503, "/problems/unavailable"),
    ],
)
async def test_a_refusal_has_its_kinds_status_and_its_own_type(
    api: aiohttp.ClientSession, kind: str, status: int, type: str
) -> None:
    response = await api.get(f"/refusals/{kind}")

    assert response.status == status
    assert (await problem(response))["type"] == type


@pytest.mark.parametrize(("kind", "seconds"), [("away", "7"), ("busy", "4")])
async def test_a_refusal_for_now_says_when_to_come_back(
    api: aiohttp.ClientSession, kind: str, seconds: str
) -> None:
    assert (await api.get(f"/refusals/{kind}")).headers["Retry-After"] == seconds


async def test_without_a_token_the_answer_names_the_scheme_and_no_error(api: aiohttp.ClientSession) -> None:
    for headers in ({}, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer "}):
        response = await api.get("/me", headers=headers)

        assert response.status == 401
        assert response.headers["WWW-Authenticate"] == 'Bearer realm="famedash"'
        assert (await problem(response))["type"] == "/problems/unauthenticated"


async def test_with_a_bad_token_the_answer_says_what_is_wrong_with_it(api: aiohttp.ClientSession) -> None:
    response = await api.get("/me", headers=bearer(exp=1))

    assert response.status == 401
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]
    assert "expired" in (await problem(response))["detail"]


async def test_a_missing_scope_is_403_and_named(api: aiohttp.ClientSession) -> None:
    response = await api.get("/me", headers=bearer(scope="campaigns:write"))

    assert response.status == 403
    assert 'scope="campaigns:read"' in response.headers["WWW-Authenticate"]
    assert "campaigns:read" in (await problem(response))["detail"]


async def test_a_good_token_with_the_scope_gets_in(api: aiohttp.ClientSession) -> None:
    response = await api.get("/me", headers=bearer(workspace="acme") | {})

    assert (response.status, await response.json()) == (200, {"workspace": "acme"})


async def test_the_scheme_of_a_token_is_written_in_any_case(api: aiohttp.ClientSession) -> None:
    token = bearer()["Authorization"].removeprefix("Bearer ")

    assert (await api.get("/me", headers={"Authorization": f"bearer  {token}"})).status == 200


async def test_each_wrong_field_is_named_by_its_path_with_a_remedy(api: aiohttp.ClientSession) -> None:
    body = {"budget": {"amount": -1}, "platforms": ["x", 1], "nmae": "y", "startsAt": "tomorrow"}
    response = await api.post("/things", json=body)

    assert response.status == 422
    found = fields(await problem(response))
    assert found == {
        "name": "Required: add it.",
        "budget.amount": "Must be 0 or more.",
        "platforms[1]": "Must be text.",
        "nmae": "Unknown field: remove it.",
        "startsAt": "Must be a time such as 2026-07-01T12:00:00Z.",
    }


async def test_the_python_name_of_a_field_is_not_an_alias_for_it(api: aiohttp.ClientSession) -> None:
    response = await api.post("/things", json={"name": "x", "starts_at": None})

    assert fields(await problem(response)) == {"starts_at": "Unknown field: remove it."}


async def test_a_wrong_query_path_or_header_value_is_named_too(api: aiohttp.ClientSession) -> None:
    query = await api.get("/things?limit=0")
    path = await api.get("/things/seven/parts", headers={"X-Count": "many"})

    assert fields(await problem(query)) == {"limit": "Must be 1 or more."}
    assert set(fields(await problem(path))) == {"thing_id", "x-count"}


@pytest.mark.parametrize("body", [b"{", b'{"name": }', b"\xff\xfe", b'{"name":"\xff"}', b"[" * 900])
async def test_a_body_that_is_not_json_is_malformed(api: aiohttp.ClientSession, body: bytes) -> None:
    response = await api.post("/things", data=body, headers={"Content-Type": "application/json"})

    assert response.status == 400
    assert (await problem(response))["type"] == "/problems/malformed"


async def test_a_body_that_is_not_called_json_is_told_so(api: aiohttp.ClientSession) -> None:
    response = await api.post("/things", data=b'{"name":"x"}', headers={"Content-Type": "text/plain"})

    assert "Content-Type: application/json" in (await problem(response))["detail"]


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/thing", "/things"),
        ("/THINGS", "/things"),
        ("/things/", "/things"),
        ("/things/abc/part", "/things/abc/parts"),
        ("/v1/things", "/things"),
    ],
)
async def test_an_unknown_path_that_looks_like_a_known_one_says_so(
    api: aiohttp.ClientSession, path: str, meant: str
) -> None:
    response = await api.get(path)

    assert response.status == 404
    assert f"did you mean {meant}?" in (await problem(response))["detail"]


@pytest.mark.parametrize("path", ["/", "/wp-login.php", "/refusals/", "/things/" + "x" * 5000 + "/part"])
async def test_an_unknown_path_like_no_other_gets_no_suggestion(
    api: aiohttp.ClientSession, path: str
) -> None:
    response = await api.get(path)

    assert response.status == 404
    assert "did you mean" not in (await problem(response))["detail"]


async def test_a_wrong_method_is_told_all_the_methods_there_are(api: aiohttp.ClientSession) -> None:
    response = await api.delete("/things")

    assert response.status == 405
    assert response.headers["Allow"] == "GET, POST"
    assert "GET, POST" in (await problem(response))["detail"]


async def test_a_fault_of_ours_is_logged_once_and_never_shown(api: aiohttp.ClientSession) -> None:
    """PROMISE: no exception's text, and no stack, in an answer.

    Breaks if an exception's text reaches the document, or if two places log the same fault.
    """
    with capture_logs() as logs:
        response = await api.get("/faults/bug")

    assert response.status == 500
    text = await response.text()
    assert "secret" not in text
    assert "KeyError" not in text
    document = await problem(response)
    assert document["instance"] == f"/requests/{response.headers['X-Request-Id']}"
    failures = [log for log in logs if log["log_level"] == "error"]
    assert [log["event"] for log in failures] == ["http.request_failed"]
    assert isinstance(failures[0]["exc_info"], KeyError)


async def test_a_database_that_goes_away_within_a_request_is_503(api: aiohttp.ClientSession) -> None:
    response = await api.get("/faults/database")

    assert response.status == 503
    assert "Retry-After" in response.headers
    assert "secret" not in json.dumps(await problem(response))


async def test_a_value_that_the_driver_cannot_send_is_a_fault_and_no_outage(
    api: aiohttp.ClientSession,
) -> None:
    """To try again would not help, although asyncpg derives both errors from `InterfaceError`."""
    response = await api.get("/faults/value")

    assert response.status == 500
    assert "secret" not in json.dumps(await problem(response))


async def test_a_fault_in_the_middle_of_an_answer_cuts_it_off(
    api: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    """The client must not take half an answer for a whole one, and we do not send a second one after it."""
    response = await api.get("/faults/late")

    assert response.status == 200
    with pytest.raises(aiohttp.ClientPayloadError):
        await response.read()
    assert "Exception in ASGI application" not in caplog.text


async def test_the_next_request_is_answered_after_a_fault(api: aiohttp.ClientSession) -> None:
    await api.get("/faults/bug")

    assert (await api.get("/things")).status == 200


async def test_each_request_is_logged_in_a_line_without_its_query(api: aiohttp.ClientSession) -> None:
    with capture_logs() as logs:
        await api.get("/things?limit=0&token=hunter2")
        await api.get("/things?token=hunter2")

    lines = [log for log in logs if log["event"] == "http.request"]
    assert [(log["log_level"], log["status"], log["path"]) for log in lines] == [
        ("info", 422, "/things"),
        ("debug", 200, "/things"),
    ]
    assert "hunter2" not in str(logs)
