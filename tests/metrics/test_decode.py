"""What is an event, and the reason of each thing that is none."""

import json
from typing import Any

import pytest

from famedash.infra.errors import Unreadable
from famedash.metrics import decode
from famedash.metrics.decode import LONGEST_LINE, REASONS, Event, platform_of, stored_hashtags
from tests.metrics.poison import EVENT, POISON, line

PAD = LONGEST_LINE - len(line(note=""))


@pytest.mark.parametrize(("poison", "reason"), [pytest.param(p, r, id=name) for name, p, r in POISON])
def test_each_poison_has_its_reason(poison: bytes, reason: str) -> None:
    with pytest.raises(Unreadable) as unreadable:
        decode.read(poison)

    assert str(unreadable.value) == reason
    assert reason in REASONS


def test_every_reason_that_a_line_alone_can_have_is_shown() -> None:
    of_more_than_the_line = {"future", "too_late", "refused"}

    assert {reason for _, _, reason in POISON} == REASONS.keys() - of_more_than_the_line


@pytest.mark.parametrize(
    "fine",
    [
        {"value": 10**9},
        {"value": -(10**9)},
        {"value": 0},
        {"eventId": "x" * 200, "campaignId": "\U0001f3d6" * 200},
        {"hashtags": ["#x"] * 30},
        {"hashtags": None},
        {"workspace": "acme"},
        {"platform": "\u4e2d\u56fd"},
        {"eventId": "\u2028 \\ \" ' {} , null"},
        {"timestamp": "2026-06-01 12:00:00z"},
        {"timestamp": "2999-12-31T23:59:59.999999Z"},
        {"unknown": {"fields": ["are", "left", "alone", 1.5, None]}},
        {"note": "x" * PAD},
    ],
)
def test_on_the_edge_it_is_an_event(fine: dict[str, Any]) -> None:
    assert isinstance(decode.read(line(**fine)), Event)


def test_what_is_left_out_has_its_default() -> None:
    event = decode.read(line())

    assert (event.value, event.workspace, event.hashtags) == (1, "default", None)


def test_blanks_around_a_line_and_a_carriage_return_do_no_harm() -> None:
    assert decode.read(b" \t" + line() + b" \r") == decode.read(line())


def test_a_platform_is_stored_lower_case_without_blanks() -> None:
    assert platform_of(decode.read(line(platform=" \u00a0TikTok  "))) == "tiktok"


def test_hashtags_are_stored_lower_case_without_their_sign_each_once() -> None:
    assert stored_hashtags(["#Sun", " sun ", "##SUN", "#", "", "sea"]) == ["sun", "sea"]


def test_the_example_that_poison_is_made_of_is_no_poison() -> None:
    assert decode.read(json.dumps(EVENT).encode()).event_id == EVENT["eventId"]


@pytest.mark.parametrize(
    "timestamp", ["2000-01-01T00:00:00+05:30", "1999-12-31T23:59:59Z", "3000-01-01T05:29:59+05:29"]
)
def test_the_years_are_those_of_utc_whatever_the_offset(timestamp: str) -> None:
    with pytest.raises(Unreadable, match="bad_timestamp"):
        decode.read(line(timestamp=timestamp))
