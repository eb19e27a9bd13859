"""The practice receiver verifies with the helper, and shows what it made of each POST."""

import time

import pytest
from starlette.testclient import TestClient

from famedash.practice.receiver import create_app
from tests.receiver.posts import BODY, FOREIGN, NEW, signed


@pytest.mark.parametrize(
    ("signer", "age", "answered", "refused"),
    [(NEW, 0, 200, None), (FOREIGN, 0, 401, "No signature"), (NEW, 310, 401, "too old")],
)
def test_it_shows_whether_a_post_verified(signer: str, age: int, answered: int, refused: str | None) -> None:
    client = TestClient(create_app(NEW))
    headers = signed(signer, timestamp=int(time.time()) - age)

    status = client.post("/campaign", content=BODY, headers=headers).status_code
    (shown,) = client.get("/received").json()["received"]

    assert (status, shown["answered"], shown["verified"]) == (answered, answered, refused is None)
    assert (refused or "") in (shown["refused"] or "")


def test_it_learns_the_secrets_of_further_endpoints() -> None:
    client, now = TestClient(create_app(NEW)), int(time.time())

    assert client.put("/behaviour", json={"secrets": [FOREIGN]}).status_code == 200
    assert client.post("/campaign", content=BODY, headers=signed(FOREIGN, timestamp=now)).status_code == 200
    assert client.post("/campaign", content=BODY, headers=signed(NEW, timestamp=now)).status_code == 200


def test_what_is_no_secret_is_refused() -> None:
    reply = TestClient(create_app(NEW)).put("/behaviour", json={"secrets": ["whsec_no base64"]})

    assert reply.status_code == 422
    assert "secrets: " in reply.json()["detail"]
