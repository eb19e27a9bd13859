"""The judge of these runs, judged: each kind of harm is seen, and a run without harm is clean."""

from typing import Any

import pytest

from tests.chaos.receiver import Post
from tests.chaos.verdict import Verdict, judge

pytestmark = pytest.mark.chaos

EVENTS = [("c", 1, "e1"), ("c", 2, "e2")]


STATUSES = {"delivered": 200, "retrying": 503}


def posted(event_id: str, nth: int = 1, answered: int | None = 200, endpoint: str = "default") -> Post:
    return Post(event_id, "c", int(event_id[1:]), nth, 0.0, answered, endpoint)


def row(
    event_id: str, status: str = "delivered", attempt: int = 1, endpoint: str = "default"
) -> dict[str, Any]:
    return {
        "eventId": event_id,
        "endpointId": endpoint,
        "status": status,
        "attempt": attempt,
        "httpStatus": STATUSES.get(status),
    }


def verdict(
    rows: list[dict[str, Any]],
    posts: list[Post],
    *,
    versions: tuple[int, ...] = (1, 2),
    endpoints: tuple[str, ...] = ("default",),
) -> Verdict:
    return judge({"c": versions}, EVENTS, rows, posts, endpoints)


def test_a_run_with_a_repeat_and_a_failure_is_clean() -> None:
    rows = [row("e1", "interrupted"), row("e1"), row("e2", "retrying"), row("e2", attempt=2)]
    posts = [posted("e1", answered=None), posted("e1", 2), posted("e2", 1, 503), posted("e2", 2)]

    found = verdict(rows, posts)

    assert found.is_clean, str(found)
    assert (found.accepted, found.delivered, found.interrupted) == (2, 2, 1)


@pytest.mark.parametrize(
    ("harm", "rows", "posts"),
    [
        ("lost", [row("e1")], [posted("e1")]),
        ("lost", [row("e1"), row("e2")], [posted("e1")]),
        ("lost", [row("e1"), row("e2")], [posted("e1"), posted("e2", answered=503)]),
        ("missing", [row("e1"), row("e2")], [posted("e1"), posted("e1", 2), posted("e2")]),
        ("twice", [row("e1"), row("e1"), row("e2")], [posted("e1"), posted("e2")]),
        ("out_of_order", [row("e1"), row("e2")], [posted("e2"), posted("e1")]),
        (
            "out_of_order",
            [row("e1", "retrying"), row("e1", attempt=2), row("e2")],
            [posted("e1", 1, 503), posted("e2"), posted("e1", 2)],
        ),
        (
            "unexplained",
            [row("e1", "retrying"), row("e1", attempt=2), row("e2")],
            [posted("e1"), posted("e1", 2), posted("e2")],
        ),
    ],
)
def test_harm_is_seen(harm: str, rows: list[dict[str, Any]], posts: list[Post]) -> None:
    found = verdict(rows, posts)

    assert getattr(found, harm)
    assert not found.is_clean


def test_each_endpoint_is_judged_by_itself() -> None:
    """Breaks if what one endpoint got stands for what another is owed, or if their orders are mixed."""
    a, b = [[row(event, endpoint=name) for event in ("e1", "e2")] for name in "ab"]
    posts = [posted("e1", endpoint="a"), posted("e2", endpoint="a"), posted("e1", endpoint="b")]

    found = verdict(a + b[:1], posts, endpoints=("a", "b"))
    both = verdict(a + b, [*posts, posted("e2", endpoint="b")], endpoints=("a", "b"))

    assert found.lost == ["c to b v2 (e2): rows [], POSTs answered []"]
    assert both.is_clean, str(both)
    assert both.delivered == 4


def test_a_version_that_was_accepted_and_has_no_event_is_lost() -> None:
    found = verdict([row("e1"), row("e2")], [posted("e1"), posted("e2")], versions=(1, 2, 3))

    assert found.lost == ["c v3: accepted, no event"]
