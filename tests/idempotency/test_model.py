"""What makes two requests the same."""

import itertools

import pytest

from famedash.idempotency import model
from famedash.infra.errors import Invalid

REQUEST = {"method": "POST", "path": "/campaigns", "if_match": None, "body": b'{"name":"Summer"}'}


def asked(key: str | None, **parts: object) -> model.Asked | None:
    return model.asked("acme", key, **{**REQUEST, **parts})  # type: ignore[arg-type]


def test_a_request_without_a_key_asks_for_nothing() -> None:
    assert asked(None) is None


@pytest.mark.parametrize("key", ["k", "x" * 255, "5f2b-~!\"#$%&'()*+,/:;<=>?@[]^_`{|}", "0"])
def test_visible_ascii_is_a_key(key: str) -> None:
    found = asked(key)

    assert found is not None
    assert (found.workspace, found.key) == ("acme", key)


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "é", "a\n", "\x7f", "tab\t"])
def test_anything_else_is_refused_by_name(key: str) -> None:
    with pytest.raises(Invalid) as refusal:
        asked(key)

    assert [each.field for each in refusal.value.fields] == ["Idempotency-Key"]


def test_the_same_request_has_the_same_fingerprint() -> None:
    assert asked("k") == asked("k")


def test_every_part_of_a_request_counts() -> None:
    """PROMISE: a key answers one request only. Breaks if a part is left out, or if parts can run together."""
    requests = [
        ("POST", "/campaigns", None, b"ab"),
        ("PATCH", "/campaigns", None, b"ab"),
        ("POST", "/campaigns/", None, b"ab"),
        ("POST", "/campaignsa", None, b"b"),
        ("POST", "/campaigns", "", b"ab"),
        ("POST", "/campaigns", '"1"', b"ab"),
        ("POST", "/campaigns", "a", b"b"),
        ("POST", "/campaigns", None, b"ab "),
        ("POST", "/campaigns", None, b""),
    ]

    for one, other in itertools.combinations(requests, 2):
        assert model.fingerprint(*one) != model.fingerprint(*other)
