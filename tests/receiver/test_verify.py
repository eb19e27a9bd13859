"""What `verify` takes, and what it refuses with which words."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from famedash.receiver import Event, Refused, verify
from tests.receiver.posts import BODY, FOREIGN, NEW, NOON, OLD, body_of, event, signed


def taken(headers: Any, body: bytes = BODY, secrets: Any = NEW, *, at: float = NOON, **more: Any) -> Event:
    return verify(secrets, headers, body, clock=lambda: at, **more)


def test_a_signed_post_is_an_event() -> None:
    assert taken(signed()) == event(1)


@pytest.mark.parametrize(
    ("signers", "secrets"),
    [
        ([NEW, OLD], [NEW]),
        ([NEW, OLD], OLD),
        ([NEW], [OLD, NEW]),
        ([OLD], (OLD, NEW)),
        ([FOREIGN, NEW], [OLD, NEW]),
        ([NEW], [NEW.removeprefix("whsec_").rstrip("=")]),
    ],
)
def test_one_signature_by_one_of_the_secrets_is_enough(signers: list[str], secrets: Any) -> None:
    """PROMISE: a rotation loses nothing, whoever changes the secret first."""
    assert taken(signed(*signers), secrets=secrets)


@pytest.mark.parametrize("spelled", [str.upper, str.title, str.lower])
def test_header_names_come_in_any_case(spelled: Any) -> None:
    assert taken({spelled(name): value for name, value in signed().items()})


def test_the_headers_of_a_framework_do() -> None:
    assert taken(Headers({"host": "here", **signed()}))


def test_signatures_of_other_versions_and_garbage_are_passed_over() -> None:
    headers = signed()
    headers["webhook-signature"] = f"v1a,AAAA v1 v1,é v1,A {headers['webhook-signature']} ,"

    assert taken(headers)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"webhook-id": "another"}, "No signature"),
        ({"webhook-id": "\ud800"}, "No signature"),
        ({"webhook-id": ""}, "webhook-id is missing"),
        ({"webhook-timestamp": str(NOON + 1)}, "No signature"),
        ({"webhook-timestamp": ""}, "webhook-timestamp is missing"),
        ({"webhook-timestamp": "noon"}, "Unix seconds"),
        ({"webhook-timestamp": f"{NOON}.0"}, "Unix seconds"),
        ({"webhook-timestamp": "-1"}, "Unix seconds"),
        ({"webhook-timestamp": "٣"}, "Unix seconds"),
        ({"webhook-timestamp": "9" * 5000}, "Unix seconds"),
        ({"webhook-signature": ""}, "webhook-signature is missing"),
        ({"webhook-signature": "v1,"}, "No signature"),
        ({"webhook-signature": signed()["webhook-signature"].replace("v1,", "v2,")}, "No signature"),
        ({"webhook-signature": signed(FOREIGN)["webhook-signature"]}, "No signature"),
    ],
)
def test_another_header_is_refused_with_a_reason(change: dict[str, str], reason: str) -> None:
    with pytest.raises(Refused, match=reason) as refused:
        taken({**signed(), **change})

    assert refused.value.status == 401


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_header_that_is_missing_is_named(name: str) -> None:
    headers = signed()
    del headers[name]

    with pytest.raises(Refused, match=name):
        taken(headers)


@pytest.mark.parametrize("body", [b"", BODY + b" ", BODY.replace(b"acme", b"evil"), b"\xff"])
def test_another_body_is_refused(body: bytes) -> None:
    with pytest.raises(Refused, match="No signature"):
        taken(signed(), body)


@pytest.mark.parametrize(
    ("seconds", "reason"),
    [(0, None), (300, None), (-300, None), (300.5, "too old"), (301, "too old"), (-301, "future")],
)
def test_a_timestamp_may_be_five_minutes_off(seconds: float, reason: str | None) -> None:
    """PROMISE: who recorded a POST cannot send it again later. Breaks if the window grows."""
    if reason is None:
        assert taken(signed(), at=NOON + seconds)
    else:
        with pytest.raises(Refused, match=reason):
            taken(signed(), at=NOON + seconds)


@pytest.mark.parametrize(("tolerance", "refused"), [(10, True), (11, False)])
def test_the_tolerance_can_be_set(tolerance: float, refused: bool) -> None:
    if refused:
        with pytest.raises(Refused, match="too old"):
            taken(signed(), at=NOON + 11, tolerance_seconds=tolerance)
    else:
        assert taken(signed(), at=NOON + 11, tolerance_seconds=tolerance)


NO_CAMPAIGN = {**body_of(), "type": "EndpointTest", "data": {"workspace": "acme", "endpointId": "ep_1"}}


def test_an_event_about_no_campaign_is_an_event() -> None:
    body = json.dumps(NO_CAMPAIGN).encode()

    found = taken(signed(body=body), body)

    assert (found.type, found.campaign_id, found.version) == ("EndpointTest", "", 0)
    assert found.data["endpointId"] == "ep_1"


def with_data(**data: Any) -> bytes:
    return json.dumps({**body_of(), "data": {**body_of()["data"], **data}}).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe\x00",
        b"null",
        b"[]",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"1" * 5000,
        json.dumps({**body_of(), "type": 1}).encode(),
        json.dumps({**body_of(), "data": []}).encode(),
        with_data(version="2"),
        with_data(version=True),
        with_data(version=0),
        with_data(version=-1),
        with_data(version=1.0),
        with_data(campaignId=7),
        with_data(campaignId=""),
        with_data(workspace=None),
    ],
)
def test_what_is_signed_and_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(Refused, match="not an event"):
        taken(signed(body=body), body)


@pytest.mark.parametrize("secrets", ["", "whsec_", "whsec_!!!!", "whsec_é", ["AAAA", ""], []])
def test_a_secret_that_is_none_is_the_developers_error(secrets: Any) -> None:
    """Not `Refused`: a receiver with a broken setting must not look like one under attack."""
    with pytest.raises(ValueError, match="secret") as error:
        taken(signed(), secrets=secrets)

    assert "!!!!" not in str(error.value)


NAMES = st.sampled_from(["webhook-id", "Webhook-Timestamp", "WEBHOOK-SIGNATURE", "webhook-signature"])
ANY_TEXT = st.text(st.characters(), max_size=40)
ANY_HEADERS = st.dictionaries(
    NAMES | ANY_TEXT, ANY_TEXT | st.sampled_from([str(NOON), "v1,AAAA", "v1,AAAA v1,=", "\ud800"])
)


@given(ANY_HEADERS, st.binary(max_size=200))
def test_nothing_but_refused_is_raised_whatever_comes_in(headers: dict[str, str], body: bytes) -> None:
    """PROMISE: who does not know the secret gets `Refused`, always, and nothing else."""
    with pytest.raises(Refused):
        taken(headers, body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NEARLY_EVENTS = st.fixed_dictionaries(
    {
        "type": st.just("CampaignUpdated") | JSON,
        "timestamp": st.just("2026-07-01T12:00:00Z") | JSON,
        "data": JSON
        | st.fixed_dictionaries(
            {"workspace": st.just("acme") | JSON},
            optional={"campaignId": st.just("summer") | JSON, "version": st.just(3) | JSON},
        ),
    }
)


@given(st.binary(max_size=200) | (JSON | NEARLY_EVENTS).map(lambda value: json.dumps(value).encode()))
def test_nothing_but_refused_is_raised_for_what_is_signed(body: bytes) -> None:
    try:
        found = taken(signed(body=body), body)
    except Refused:
        return

    assert json.loads(body)["data"] == found.data
    assert (found.campaign_id != "") == (found.version > 0)
