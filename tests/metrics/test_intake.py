"""What `POST /events` makes of a body."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from famedash.infra.errors import Invalid, Malformed, TooLarge
from famedash.infra.log.partitions import PARTITIONS, partition_of
from famedash.metrics import decode, intake
from famedash.metrics.intake import Taken

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
LINES = "application/x-ndjson"
BOMB = b"[" * 100_000 + b"]" * 100_000


def event(**changes: Any) -> dict[str, Any]:
    """A view of the campaign `summer`, as a producer sends it. None takes a field away."""
    whole = {
        "eventId": "e1",
        "campaignId": "summer",
        "influencerId": "ada",
        "platform": "tiktok",
        "type": "view",
        "timestamp": "2026-07-01T11:59:59.250Z",
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not None}


def text(value: Any, **how: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value, **how).encode()


def array(*events: Any, **how: Any) -> bytes:
    return b"[" + b",".join(text(each, **how) for each in events) + b"]"


def lines(*events: Any, **how: Any) -> bytes:
    return b"\n".join(text(each, **how) for each in events)


def read(body: bytes, content_type: str = "application/json", *, workspace: str = "acme") -> Taken:
    return intake.read(body, content_type, workspace=workspace, now=NOON)


def accepted(taken: Taken) -> list[decode.Event]:
    """As the reader of the log will understand them."""
    return [decode.read(line) for _, entry in taken.entries for line in entry.split(b"\n")]


def ids(taken: Taken) -> list[str]:
    return [each.event_id for each in accepted(taken)]


def outcome(taken: Taken) -> tuple[int, dict[str, int]]:
    return taken.accepted, dict(taken.reasons)


def refused_fields(body: bytes, content_type: str = "application/json") -> list[str]:
    with pytest.raises(Invalid) as refused:
        read(body, content_type)
    return [each.field for each in refused.value.fields]


TWO = [event(), event(eventId="e2")]
SINGLE = {
    "one": (text(event()), "application/json"),
    "one on many lines": (text(event(), indent=2), "application/json"),
    "one with an end of line": (text(event()) + b"\r\n", "application/json"),
    "one line": (text(event()), LINES),
}
MANY = {
    "array": (text(TWO), "application/json; charset=utf-8"),
    "array on many lines": (text(TWO, indent=2), "application/json"),
    "wrapped": (text({"events": TWO}), "application/json"),
    "wrapped with more": (text({"version": 1, "events": TWO, "sentAt": None}, indent=1), "application/json"),
    "lines": (lines(*TWO), LINES),
    "lines as jsonl": (lines(*TWO), "application/jsonl"),
    "lines in capitals": (lines(*TWO), "Application/X-NDJSON; charset=utf-8"),
    "lines as JSON": (lines(*TWO), "application/json"),
    "lines as nothing": (lines(*TWO), ""),
    "lines with blank ones": (b"\n\n" + lines(*TWO).replace(b"\n", b"\r\n \r\n\n") + b"\n\n", LINES),
}


@pytest.mark.parametrize("form", SINGLE | MANY)
def test_each_form_of_a_body_is_understood(form: str) -> None:
    taken = read(*(SINGLE | MANY)[form])

    assert ids(taken) == (["e1", "e2"] if form in MANY else ["e1"])
    assert (taken.accepted, taken.reasons.total()) == (len(ids(taken)), 0)


@pytest.mark.parametrize("form", MANY)
def test_an_event_that_is_refused_spoils_no_other_whatever_the_form(form: str) -> None:
    """PROMISE: one bad event costs nobody the others. Breaks if an array is decoded as a whole only."""
    body, content_type = MANY[form]

    taken = read(body.replace(b'"e1"', b"7"), content_type)

    assert (ids(taken), outcome(taken)) == (["e2"], (1, {"invalid_field": 1}))
    assert taken.shown[0].index == 0


@pytest.mark.parametrize("form", SINGLE)
def test_where_nothing_can_be_taken_the_fields_are_named(form: str) -> None:
    body, content_type = SINGLE[form]

    assert refused_fields(body.replace(b'"view"', b'"stare"'), content_type) == ["events[0].type"]


REFUSED: dict[str, tuple[Any, str, str]] = {
    "no type": (event(type=None), "missing_field", "type"),
    "no id": (event(eventId=None), "missing_field", "eventId"),
    "unknown type": (event(type="stare"), "unknown_type", "type"),
    "type 7": (event(type=7), "unknown_type", "type"),
    "no offset": (event(timestamp="2026-07-01T11:59:59"), "bad_timestamp", "timestamp"),
    "1999": (event(timestamp="1999-12-31T23:59:59Z"), "bad_timestamp", "timestamp"),
    "3000": (event(timestamp="3000-01-01T00:00:00Z"), "bad_timestamp", "timestamp"),
    "60 s ahead and more": (event(timestamp="2026-07-01T12:01:00.001Z"), "future", "timestamp"),
    "ahead elsewhere": (event(timestamp="2026-07-01T17:31:00.001+05:30"), "future", "timestamp"),
    "value": (event(value=10**9 + 1), "value_out_of_range", "value"),
    "value beyond 64 bits": (event(value=-(10**30)), "value_out_of_range", "value"),
    "value 1.5": (event(value=1.5), "value_out_of_range", "value"),
    "long id": (event(eventId="x" * 201), "invalid_field", "eventId"),
    "empty id": (event(campaignId=""), "invalid_field", "campaignId"),
    "blank platform": (event(platform=" "), "invalid_field", "platform"),
    "empty hashtag": (event(hashtags=["a", ""]), "invalid_field", "hashtags[1]"),
    "31 hashtags": (event(hashtags=["a"] * 31), "invalid_field", "hashtags"),
    "U+0000": (event(campaignId="a\0b"), "control_character", "campaignId"),
    "U+001F": (event(influencerId="a\x1f"), "control_character", "influencerId"),
    "U+007F": (event(eventId="a\x7f"), "control_character", "eventId"),
    "U+0085": (event(platform="tik\x85tok"), "control_character", "platform"),
    "U+009F": (event(hashtags=["fine", "not\x9f"]), "control_character", "hashtags"),
    "foreign workspace": (event(workspace="rival"), "workspace_in_body", "workspace"),
    "own workspace": (event(workspace="acme"), "workspace_in_body", "workspace"),
    "default workspace": (event(workspace="default"), "workspace_in_body", "workspace"),
    "workspace null": (text(event())[:-1] + b',"workspace":null}', "workspace_in_body", "workspace"),
    "an array": ([event()], "not_an_object", ""),
    "a text": ("view", "not_an_object", ""),
    "null": (b"null", "not_an_object", ""),
    "bad UTF-8": (text(event()).replace(b"ada", b"\xff"), "bad_utf8", ""),
}


@pytest.mark.parametrize("form", [array, lines])
@pytest.mark.parametrize("ensure_ascii", [True, False])
@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_event_is_refused_with_its_reason_and_field(
    case: str, form: Any, ensure_ascii: bool
) -> None:
    wrong, reason, place = REFUSED[case]

    body = form(event(), wrong, event(eventId="e3"), ensure_ascii=ensure_ascii)
    taken = read(body, LINES if form is lines else "application/json")

    assert ids(taken) == ["e1", "e3"]
    assert outcome(taken) == (2, {reason: 1})
    assert [(each.index, each.reason, each.place) for each in taken.shown] == [(1, reason, place)]
    assert taken.shown[0].detail.startswith(f"{place}: " if place else intake.SENTENCES[reason])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"eventId": "cut', "not_json"),
        (text(event()) + b" {}", "not_json"),
        (text(event()).replace(b"ada", b"\\ud800"), "not_json"),
        (b'{"x":' + BOMB + b"}", "too_deep"),
        (b"\xff", "bad_utf8"),
    ],
)
def test_a_broken_line_is_refused_alone(line: bytes, reason: str) -> None:
    assert outcome(read(lines(line, *TWO), LINES)) == (2, {reason: 1})


def test_the_edges_are_taken() -> None:
    """Breaks if a bound is taken as exclusive."""
    edges = [
        event(eventId="x" * 200, timestamp="2026-07-01T12:01:00Z", value=10**9, hashtags=["a" * 100] * 30),
        event(eventId="é" * 200, timestamp="2000-01-01T23:59:00+23:59", value=-(10**9), hashtags=[]),
    ]

    assert outcome(read(array(*edges))) == (2, {})


@pytest.mark.parametrize("ensure_ascii", [True, False])
def test_texts_of_every_script_arrive_as_they_were(ensure_ascii: bool) -> None:
    """Among them what is not printable and yet no control character: a joined emoji, a soft hyphen."""
    spoken = event(
        eventId='"\\/',
        campaignId="été © \u00a0",
        influencerId="愛子",
        hashtags=["👩\u200d🎤", "süß\u00ad", "\u2028"],
    )

    (taken,) = accepted(read(array(spoken, ensure_ascii=ensure_ascii)))

    assert (taken.event_id, taken.campaign_id) == (spoken["eventId"], spoken["campaignId"])
    assert (taken.influencer_id, taken.hashtags) == (spoken["influencerId"], spoken["hashtags"])


def test_a_line_says_whose_it_is_and_drops_what_nobody_counts() -> None:
    sent = event(value=-2, timestamp="2026-07-01T17:29:59.250+05:30", metadata={"big": "x" * 100_000})

    ((partition, entry),) = read(array(sent), workspace="agência").entries

    assert len(entry) < 500
    assert partition == partition_of("agência", "summer")
    taken = decode.read(entry)
    assert (taken.workspace, taken.value) == ("agência", -2)
    assert taken.timestamp == NOON - timedelta(milliseconds=750)


def test_each_campaign_goes_to_its_partition_in_the_order_of_the_body() -> None:
    """Breaks if a partition is remembered for the wrong campaign, or by a crc32 without the workspace."""
    campaigns = [f"c{number}" for number in range(100)]
    body = lines(*[event(eventId=f"{turn}", campaignId=each) for turn in (1, 2) for each in campaigns])

    taken = read(body, LINES)

    assert {partition for partition, _ in taken.entries} == set(range(PARTITIONS))
    assert len(taken.entries) == PARTITIONS
    for partition, entry in taken.entries:
        there = [decode.read(line) for line in entry.split(b"\n")]
        expected = [each for each in campaigns if partition_of("acme", each) == partition]
        assert [each.campaign_id for each in there] == expected * 2


def test_no_entry_is_larger_than_the_bound_and_none_ends_with_a_newline() -> None:
    most = [
        event(eventId=f"{number}" + "x" * 190, hashtags=["h" * 100] * 30)
        for number in range(intake.MOST_EVENTS)
    ]
    body = b"[" + b",".join(map(text, most)) + b"]"

    taken = read(body)

    sizes = [len(entry) for _, entry in taken.entries]
    assert len(sizes) > sum(sizes) // intake.LARGEST_ENTRY
    assert max(sizes) <= intake.LARGEST_ENTRY
    assert sum(entry.count(b"\n") + 1 for _, entry in taken.entries) == taken.accepted == len(most)


@pytest.mark.parametrize(("largest", "pieces"), [(11, 1), (10, 2), (7, 2), (6, 3), (3, 3)])
def test_lines_are_split_between_lines_only(largest: int, pieces: int) -> None:
    split = list(intake.split(b"abc\ndef\nghi\n", largest))

    assert b"\n".join(split) == b"abc\ndef\nghi"
    assert len(split) == pieces
    assert max(map(len, split)) <= largest


@pytest.mark.parametrize("form", [array, lines])
def test_one_event_too_many_is_too_large(form: Any) -> None:
    content_type = LINES if form is lines else "application/json"

    assert read(form(*[event()] * intake.MOST_EVENTS), content_type).accepted == intake.MOST_EVENTS
    for last in (event(), event(type="stare")):
        with pytest.raises(TooLarge, match="10,000 events"):
            read(form(*[event()] * intake.MOST_EVENTS, last), content_type)


@pytest.mark.parametrize("body", [b"[" + b"0," * 4_000_000 + b"0]", b"{}\n" + b"\n" * 8_000_000 + b"{}"])
def test_a_body_of_nothing_but_marks_is_refused_before_it_becomes_millions_of_objects(
    body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PROMISE: 8 MiB cost megabytes, not hundreds of them."""

    def never(*_: object) -> Any:
        raise AssertionError("it was taken to pieces")

    monkeypatch.setattr(intake, "_decode_raw", never)

    with pytest.raises(TooLarge):
        read(body)


@pytest.mark.parametrize(
    "body",
    [
        b"[",
        b'[{"eventId": "cut',
        b"{",
        b'{"events": [}',
        b'{"eventId": "a"} {"eventId": "b"}',
        b"view",
        b"[1,]",
        b"\xff",
        array(text(event()).replace(b"ada", b"\\ud800")),
        BOMB,
        b'{"x":' + BOMB + b"}",
        text(TWO) + text(TWO),
    ],
)
def test_broken_json_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        read(body)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b" \r\n ", "body"),
        (b"[]", "events"),
        (b'{"events": []}', "events"),
        (b'{"events": null}', "events"),
        (b'{"events": {"eventId": "a"}}', "events"),
        (b"7", "body"),
        (b'"view"', "body"),
        (b"null", "body"),
        (b"{}", "events[0].eventId"),
        (text({"workspace": "rival", "events": TWO}), "workspace"),
        (text({"workspace": None, "events": TWO}), "workspace"),
        (b"[7]", "events[0]"),
    ],
)
def test_a_body_without_an_event_names_what_is_wrong(body: bytes, field: str) -> None:
    assert refused_fields(body) == [field]


def test_only_the_first_twenty_are_described_and_all_are_counted() -> None:
    wrong = [event(type="stare")] * 30

    taken = read(array(*wrong, event(), event(value=0.5)))

    assert outcome(taken) == (1, {"unknown_type": 30, "value_out_of_range": 1})
    assert [each.index for each in taken.shown] == list(range(20))
    assert len(refused_fields(array(*wrong))) == 20
