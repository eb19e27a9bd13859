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
