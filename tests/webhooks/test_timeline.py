"""`GET /campaigns/{id}/timeline`: what happened, and in words why a version was delivered or not."""

from datetime import timedelta
from typing import Any

import pytest

from famedash.infra.database import Database
from famedash.infra.http.paging import encode_cursor
from famedash.infra.ids import uuid7
from famedash.practice.receiver import Behaviour
from famedash.webhooks import service
from famedash.webhooks.model import Change, Status
from famedash.webhooks.timeline.model import Case, Fate, Try, Turn, Waiting
from famedash.webhooks.timeline.words import explain, summary
from tests.flow.system import running, until
from tests.webhooks.builders import NOON
from tests.webhooks.rows import make_endpoint

PATH = "/campaigns/summer/timeline"
READS = frozenset({"campaigns:read", "webhooks:read"})
DELIVERED, RETRYING, DEAD = Status.DELIVERED, Status.RETRYING, Status.DEAD
INTERRUPTED, EXPIRED = Status.INTERRUPTED, Status.EXPIRED
DUE = NOON + timedelta(seconds=65)


def turn(seconds: float, *, on: bool = True, types: tuple[str, ...] | None = None, reason: str = "") -> Turn:
    return Turn(
        Change(NOON + timedelta(seconds=seconds), on, types), reason or ("created" if on else "by_request")
    )


def one(attempt: int, status: Status, error: int | str | None = None, *, after: float = 0.2) -> Try:
    """It began so many seconds after the change, and took 100 ms."""
    http_status = error if isinstance(error, int) else 200 if status is DELIVERED else None
    return Try(
        uuid7(),
        uuid7(),
        "CampaignUpdated",
        "summer",
        2,
        "default",
        attempt,
        status,
        NOON + timedelta(seconds=after),
        http_status=http_status,
        error_class="gone" if error == 410 else error if isinstance(error, str) else None,
        duration_ms=None if status in (INTERRUPTED, EXPIRED) else 100,
    )


def case(*tries: Try, turns: tuple[Turn, ...] = (), waiting: Waiting | None = None, **more: Any) -> Case:
    return Case(
        **{"endpoint_id": "default", "event_type": "CampaignUpdated", "occurred_at": NOON, **more},
        turns=turns,
        tries=tries,
        waiting=waiting,
    )


FAILED = (one(1, RETRYING, 503), one(2, RETRYING, "connect", after=1.3))
DIED = (*FAILED, one(3, DEAD, "timeout", after=4))
REPLAY = Waiting(NOON, tries_before=3, replayed_at=NOON + timedelta(hours=1))
OFF = turn(30, on=False)


@pytest.mark.parametrize(
    ("told", "fate", "words"),
    [
        (case(one(1, DELIVERED)), Fate.DELIVERED, "Delivered at the first try, 0.3 s after the change."),
        (
            case(one(1, RETRYING, 503), one(2, DELIVERED, after=1.1)),
            Fate.DELIVERED,
            "Delivered at the second try, 1.2 s after the change; the first got HTTP 503.",
        ),
        (
            case(*FAILED, one(3, DELIVERED, after=90)),
            Fate.DELIVERED,
            "Delivered at the third try, 90 s after the change; the first got HTTP 503 and the second"
            " could not"
            " connect.",
        ),
        (
            case(one(1, DELIVERED, after=600)),
            Fate.DELIVERED,
            "Delivered at the first try, 10 min after the change; it had to wait for earlier versions,"
            " for a free"
            " slot of the endpoint, or for a worker.",
        ),
        (
            case(one(1, INTERRUPTED), one(1, DELIVERED, after=7)),
            Fate.DELIVERED,
            "Delivered at the first try, 7.1 s after the change; the first was interrupted.",
        ),
        (
            case(*DIED, one(4, DELIVERED, after=7200)),
            Fate.DELIVERED,
            "Delivered at the fourth try, 2 h after the change; the first got HTTP 503, the second could not"
            " connect and the third got no whole answer in time. It had been given up before, and was"
            " replayed.",
        ),
        (
            case(*DIED),
            Fate.DEAD,
            "Given up after the third try, which got no whole answer in time; the first got HTTP 503"
            " and the second"
            " could not connect. It is a dead letter, and can be replayed.",
        ),
        (
            case(one(1, DEAD, 410)),
            Fate.DEAD,
            "Given up after the first try, which got HTTP 410. With that the receiver asked never to"
            " be called"
            " again, so the endpoint was disabled. It is a dead letter: enable the endpoint, then it"
            " can be replayed.",
        ),
        (
            case(one(1, RETRYING, 503), waiting=Waiting(DUE)),
            Fate.WAITING,
            "The first try got HTTP 503; the next one is due at 2026-11-25 12:01:05 UTC.",
        ),
        (
            case(one(1, RETRYING, "reset"), waiting=Waiting(DUE, sending=True)),
            Fate.WAITING,
            "The first try was cut off; the next one is under way.",
        ),
        (
            case(waiting=Waiting(None)),
            Fate.WAITING,
            "Waits behind an earlier version of the campaign, which goes first.",
        ),
        (case(waiting=Waiting(NOON)), Fate.WAITING, "Waits for a free slot of the endpoint."),
        (
            case(one(2, INTERRUPTED), waiting=Waiting(NOON)),
            Fate.WAITING,
            "The second try was interrupted, and nobody knows whether it arrived; it is sent again"
            " under the same id.",
        ),
        (
            case(*DIED, waiting=REPLAY),
            Fate.WAITING,
            "A replay was asked for at 2026-11-25 13:00:00 UTC; it waits for a free slot.",
        ),
        (
            case(*DIED, one(4, RETRYING, "tls"), waiting=REPLAY),
            Fate.WAITING,
            "The fourth try found no safe connection (TLS); the next one is due at 2026-11-25 12:00:00 UTC.",
        ),
        (
            case(waiting=Waiting(None), turns=(OFF,)),
            Fate.WAITING,
            "The endpoint was disabled at 2026-11-25 12:00:30 UTC: this ends as expired soon.",
        ),
        (
            case(one(0, EXPIRED), turns=(OFF, turn(60))),
            Fate.EXPIRED,
            "Never sent: the endpoint was disabled at 2026-11-25 12:00:30 UTC.",
        ),
        (
            case(one(1, RETRYING, 503), one(1, EXPIRED), turns=(turn(30, on=False, reason="deleted"),)),
            Fate.EXPIRED,
            "Not sent again after the first try: the endpoint was deleted at 2026-11-25 12:00:30 UTC.",
        ),
        (
            case(one(0, EXPIRED), turns=(turn(30, on=False, reason="gone"),)),
            Fate.EXPIRED,
            "Never sent: the endpoint was disabled at 2026-11-25 12:00:30 UTC, after the receiver had"
            " answered 410.",
        ),
        (case(one(0, EXPIRED)), Fate.EXPIRED, "Never sent: the endpoint points nowhere any more."),
        (case(), Fate.PENDING, "Not tried yet: no worker has read it, or the first try is under way."),
        (
            case(turns=(OFF,)),
            Fate.PENDING,
            "The endpoint was disabled at 2026-11-25 12:00:30 UTC: this ends as expired once a worker"
            " has read it.",
        ),
        (
            case(endpoint_id="ep_1", turns=(turn(5),)),
            Fate.NOT_OWED,
            "Not owed: the endpoint was made later, at 2026-11-25 12:00:05 UTC.",
        ),
        (
            case(turns=(turn(-60, on=False),)),
            Fate.NOT_OWED,
            "Not owed: the endpoint had been disabled at 2026-11-25 11:59:00 UTC.",
        ),
        (
            case(endpoint_id="ep_1", turns=(turn(-60, types=("CampaignCreated",)),)),
            Fate.NOT_OWED,
            "Not owed: the endpoint took only CampaignCreated then.",
        ),
    ],
)
def test_it_says_what_became_of_a_version_and_why(told: Case, fate: Fate, words: str) -> None:
    assert explain(told) == (fate, words)


def test_an_endpoint_that_was_deleted_before_is_not_worth_a_word() -> None:
    assert explain(case(endpoint_id="ep_1", turns=(turn(-60, on=False, reason="deleted"),))) is None


@pytest.mark.parametrize(
    ("field", "then", "now", "words"),
    [
        ("status", "draft", "active", "Status went from draft to active."),
        ("name", "Old", "New", 'Name went from "Old" to "New".'),
        ("brand", None, "Lumi", 'Brand was set to "Lumi".'),
        ("goal", "Sell", None, "Goal was cleared."),
        ("goal", None, "x" * 80, f'Goal was set to "{"x" * 59}…".'),
        ("startsAt", None, "2026-07-01T12:00:00Z", "Start was set to 2026-07-01T12:00:00Z."),
        ("influencerIds", ["a", "b"], ["b", "c", "d"], "Influencers: 2 added, 1 removed."),
        ("platforms", ["x", "tiktok"], ["tiktok", "x"], "Platforms: another order."),
        (
            "budget",
            {"amount": 100, "currency": "EUR"},
            {"amount": 250.5, "currency": "EUR"},
            "Budget went from 100 EUR to 250.5 EUR.",
        ),
        ("metadata", {"a": 1}, {"a": 2}, "Metadata changed."),
    ],
)
def test_a_change_in_words(field: str, then: Any, now: Any, words: str) -> None:
    assert summary("CampaignUpdated", {field: {"from": then, "to": now}}) == words


def test_several_changes_are_several_sentences_and_a_creation_is_one() -> None:
    changes = {"status": {"from": None, "to": "draft"}, "name": {"from": None, "to": "Summer"}}

    assert summary("CampaignUpdated", changes) == 'Status was set to draft. Name was set to "Summer".'
    assert summary("CampaignCreated", changes) == '"Summer" was created as draft.'


async def switched_off(database: Database) -> None:
    async with database.transaction() as tx:
        await service.switch(tx, "acme", "ep_off", enabled=False, reason="by_request")
        await tx.execute(
            "update webhook_endpoint_changes set effective_at = now() - interval '1 minute'"
            " where workspace_id = 'acme' and endpoint_id = 'ep_off' and not enabled"
        )


async def test_it_joins_changes_and_attempts_page_by_page(database_url: str, redis_url: str) -> None:
    async with running(database_url, redis_url) as system:
        await make_endpoint(system.database, "ep_off", "https://off.test")
        await switched_off(system.database)
        system.receiver.behaviour = Behaviour(answers=[503])
        created = await system.create()
        await system.change(status="active")
        await system.settled(2)
        logs = await system.logs()

        whole = (await system.api.get(PATH)).json
        first = (await system.api.get(f"{PATH}?limit=1")).json
        second = (await system.api.get(f"{PATH}?limit=1&cursor={first['nextCursor']}")).json
        beyond = (await system.api.get(f"{PATH}?cursor={encode_cursor([2])}")).json
        events = (await system.api.get("/campaigns/summer/events")).json["items"]

        assert whole["items"] == first["items"] + second["items"]
        assert (whole["nextCursor"], second["nextCursor"]) == (None, None)
        assert beyond == {"items": [], "nextCursor": None}
        told = whole["items"][1]
        default, off = told.pop("deliveries")
        assert told == {
            "version": 2,
            "eventId": events[1]["id"],
            "type": "CampaignUpdated",
            "timestamp": events[1]["timestamp"],
            "actor": "ada",
            "changes": {"status": {"from": "draft", "to": "active"}},
            "summary": "Status went from draft to active.",
        }
        assert (default["endpointId"], default["status"]) == ("default", "delivered")
        assert default["explanation"].startswith("Delivered at the second try, ")
        assert default["explanation"].endswith(" after the change; the first got HTTP 503.")
        assert default["attempts"] == [row for row in logs if row["version"] == 2]
        assert (off["endpointId"], off["status"], off["attempts"]) == ("ep_off", "not_owed", [])
        assert whole["items"][0]["timestamp"] == created["createdAt"]


async def test_what_waits_is_told_while_it_waits(database_url: str, redis_url: str) -> None:
    async with running(database_url, redis_url, workers=0, backoff_seconds=600) as system:
        system.receiver.behaviour = Behaviour(then=500)
        await system.create()
        await system.change(name="Second")

        async def fates() -> list[tuple[str, str]]:
            items = (await system.api.get(PATH)).json["items"]
            return [(way["status"], way["explanation"][:9]) for item in items for way in item["deliveries"]]

        before = await fates()
        await system.start_worker()

        async def waits() -> bool:
            return await fates() == [("waiting", "The first"), ("waiting", "Waits beh")]

        await until(waits)
        assert before == [("pending", "Not tried")] * 2


async def test_the_contract_of_the_route(database_url: str, redis_url: str) -> None:
    async with running(database_url, redis_url, workers=0) as system:
        await system.create()
        foreign = await system.api_of("rival").get(PATH)
        nowhere = await system.api_of("rival").get("/campaigns/nowhere/timeline")

        assert (foreign.status, foreign.body) == (nowhere.status, nowhere.body)
        assert foreign.status == 404
        assert (await system.api_of("acme", READS).get(PATH)).status == 200
        for scope in READS:  # it shows what both show
            assert (await system.api_of("acme", READS - {scope}).get(PATH)).status == 403
        for query in ("limit=0", "limit=1001", "cursor=x", "cursor=WzE"):
            assert (await system.api.get(f"{PATH}?{query}")).status == 422
