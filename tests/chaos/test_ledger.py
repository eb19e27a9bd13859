"""The audit of these runs, audited: each way to get what is not owed is seen, and a run as owed is clean."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.chaos.ledger import Audit, audit
from tests.chaos.receiver import Post

pytestmark = pytest.mark.chaos

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
EVENTS: list[dict[str, Any]] = [
    {"event_id": f"e{n}", "campaign_id": "c", "version": n, "occurred_at": NOON + timedelta(seconds=n)}
    for n in (1, 2, 3, 4)
]
ANSWERS = {"delivered": 200, "retrying": 400, "dead": 400}


def switched(second: int, enabled: bool) -> dict[str, Any]:
    return {"endpoint_id": "ep", "enabled": enabled, "effective_at": NOON + timedelta(seconds=second)}


OFF_AND_ON = [switched(1, True), switched(3, False), switched(4, True)]
"""On for e1, e2 and e4: at the very second that a change names, it is effective."""


def tried(event_id: str, *statuses: str) -> list[dict[str, Any]]:
    return [
        {
            "eventId": event_id,
            "endpointId": "ep",
            "status": status,
            "attempt": attempt,
            "httpStatus": ANSWERS.get(status),
        }
        for attempt, status in enumerate(statuses, 1)
    ]


DIED = tried("e2", "retrying", "retrying", "dead")
AS_OWED = [*tried("e1", "delivered"), *DIED, *tried("e4", "delivered")]


def audited(rows: list[dict[str, Any]], *, letters: tuple[str, ...] = ("e2",)) -> Audit:
    """The receiver never takes e2, and was asked as often as the rows say."""
    return audit(
        EVENTS,
        OFF_AND_ON,
        rows,
        [
            Post(row["eventId"], "c", 1, row["attempt"], 0.0, row["httpStatus"], row["endpointId"])
            for row in rows
            if row["httpStatus"]
        ],
        [{"endpoint_id": "ep", "event_id": event_id} for event_id in letters],
        refuses=lambda _, event_id: event_id == "e2",
    )


def test_a_run_as_owed_is_clean() -> None:
    found = audited(AS_OWED)

    assert (found.harm, found.waits) == ([], [])
    assert (found.endpoints, found.owed) == (1, 3)
    assert found.outcomes == {"delivered": 2, "dead": 1}


def test_what_was_owed_before_it_was_switched_off_may_have_expired() -> None:
    expired = [*tried("e1", "expired"), *tried("e2", "retrying", "expired"), *tried("e4", "delivered")]

    found = audited(expired, letters=())

    assert found.harm == []
    assert found.outcomes == {"expired": 2, "delivered": 1}


@pytest.mark.parametrize(
    ("rows", "letters", "words"),
    [
        ([*AS_OWED, *tried("e3", "delivered")], ("e2",), "e3 was not owed to ep"),
        ([*AS_OWED, *tried("e3", "expired")], ("e2",), "e3 was not owed to ep"),
        (AS_OWED, ("e2", "e3"), "e3 was not owed to ep"),
        (AS_OWED, (), "0 letters"),
        (AS_OWED, ("e2", "e2"), "2 letters"),
        (AS_OWED, ("e1", "e2"), "1 letters"),
        ([*AS_OWED[:-1], *tried("e4", "expired")], ("e2",), "not switched off after it"),
        ([*tried("e1", "retrying", "retrying", "dead"), *AS_OWED[1:]], ("e1", "e2"), "not delivered"),
        ([AS_OWED[0], *tried("e2", "delivered"), AS_OWED[-1]], (), "not dead"),
        ([AS_OWED[0], *tried("e2", "retrying", "dead"), AS_OWED[-1]], ("e2",), "tries [1, 2]"),
        ([AS_OWED[0], *DIED[1:], AS_OWED[-1]], ("e2",), "tries [2, 3]"),
    ],
)
def test_what_is_not_as_owed_is_seen(
    rows: list[dict[str, Any]], letters: tuple[str, ...], words: str
) -> None:
    found = audited(rows, letters=letters)

    assert any(words in harm for harm in found.harm), found.harm


def test_what_was_owed_and_has_no_outcome_is_lost() -> None:
    found = audited(AS_OWED[:-1])

    assert [harm.partition(" ")[0] for harm in found.harm] == ["c"]
    assert found.waits == ["e4 to ep: rows []"]


def test_what_nobody_was_ever_made_for_is_seen() -> None:
    stray = [{**row, "endpointId": "nobody"} for row in tried("e1", "delivered")]

    assert audited([*AS_OWED, *stray]).harm == ["there is no endpoint nobody"]
