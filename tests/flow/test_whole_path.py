"""From `POST /campaigns` to the receiver and back to `GET /logs`, all of it real."""

from datetime import datetime, timedelta

from famedash.practice.receiver import Behaviour
from tests.flow.system import System, running, until


def seconds_until_next(row: dict) -> float:  # type: ignore[type-arg]
    """From the answer to the next try that it announces."""
    at, following = (datetime.fromisoformat(row[name]) for name in ("timestamp", "nextAttemptAt"))
    return (following - at - timedelta(milliseconds=row["durationMs"])).total_seconds()


async def test_an_event_that_fails_twice_is_delivered_at_the_third_try(system: System) -> None:
    """PROMISE: three tries with exponential back-off, every one on record."""
    system.receiver.behaviour = Behaviour(answers=[503, 503])

    await system.create()
    rows = await system.settled(1)

    assert [(row["attempt"], row["status"], row["httpStatus"]) for row in rows] == [
        (1, "retrying", 503),
        (2, "retrying", 503),
        (3, "delivered", 200),
    ]
    assert [seconds_until_next(row) for row in rows[:2]] == [0.05, 0.1]
    assert rows[2]["nextAttemptAt"] is None
    assert system.received() == [1]
    assert len({one.webhook_id for one in system.receiver.received}) == 1
    assert all(one.verified for one in system.receiver.received)


async def test_an_event_that_always_fails_dies_and_the_lane_goes_on(system: System) -> None:
    """PROMISE: after the third failure it stands in the dead-letter queue, and later versions flow."""
    system.receiver.behaviour = Behaviour(answers=[500, 500, 500])
    await system.create()
    rows = await system.settled(1)
    system.receiver.behaviour = Behaviour()

    await system.change(name="Late summer")
    await system.settled(2)

    assert [(row["attempt"], row["status"]) for row in rows] == [
        (1, "retrying"),
        (2, "retrying"),
        (3, "dead"),
    ]
    assert system.received() == [2]
    (letter,) = (await system.api.get("/dead-letters")).json["items"]
    assert (letter["campaignId"], letter["version"], letter["attempts"]) == ("summer", 1, 3)
    assert letter["httpStatus"] == 500
    await until(lambda: _length_is(system, 1))
    (entry,) = await system.redis.xrange("famedash:dead:webhooks")
    assert letter["id"] in entry[1][b"data"].decode()


async def _length_is(system: System, expected: int) -> bool:
    return int(await system.redis.xlen("famedash:dead:webhooks")) == expected


async def test_versions_of_a_campaign_arrive_in_order(system: System) -> None:
    system.receiver.behaviour = Behaviour(answers=[500])
    await system.create()
    for number in range(9):
        await system.change(name=f"Summer {number}")

    await system.settled(10)

    assert system.received() == list(range(1, 11))


async def test_what_is_sent_is_the_event_byte_for_byte(system: System) -> None:
    await system.create(budget={"amount": "1250.50", "currency": "EUR"})
    await system.settled(1)

    reply = await system.api.get("/campaigns/summer/events")

    assert bytes(system.receiver.received[0].event) in reply.body


async def test_a_dead_receiver_is_told_later(database_url: str, redis_url: str) -> None:
    """PROMISE: what happened while the receiver was down arrives once it is back, in order.

    Breaks if a later version overtakes the one that is being tried again, or is tried beside it.
    """
    async with running(database_url, redis_url, backoff_seconds=0.8) as system:
        system.receiver.behaviour = Behaviour(then=503)
        await system.create()
        for number in range(2, 6):
            await system.change(name=f"Summer {number}")
        await until(lambda: _refused_once(system))
        while_down = system.posts()

        system.receiver.behaviour = Behaviour()
        rows = await system.settled(5)

        refused = [(1, 503)] * len(while_down)
        assert while_down == refused
        assert system.posts() == [*refused, *((version, 200) for version in range(1, 6))]
        assert [row["version"] for row in rows if row["status"] == "delivered"] == [1, 2, 3, 4, 5]
        assert (await system.api.get("/dead-letters")).json["items"] == []


async def _refused_once(system: System) -> bool:
    return any(row["status"] == "retrying" for row in await system.logs())


async def test_retry_after_is_believed(system: System) -> None:
    system.receiver.behaviour = Behaviour(answers=[429], retry_after_seconds=1)

    await system.create()
    rows = await system.settled(1)

    assert [row["status"] for row in rows] == ["retrying", "delivered"]
    assert seconds_until_next(rows[0]) == 1.0


async def test_410_ends_the_delivery_and_the_endpoint(system: System) -> None:
    """PROMISE: a receiver that says it is gone is not called again until somebody enables it."""
    system.receiver.behaviour = Behaviour(answers=[410])
    await system.create()
    rows = await system.settled(1)
    await system.change(name="Nobody hears this")

    later = await system.settled(2)

    assert [(row["status"], row["errorClass"]) for row in rows] == [("dead", "gone")]
    assert (later[-1]["status"], later[-1]["attempt"]) == ("expired", 0)
    assert len(system.receiver.received) == 1
    endpoint = (await system.api.get("/webhook-endpoints/default")).json
    assert (endpoint["enabled"], endpoint["reason"]) == (False, "gone")


async def test_an_enabled_endpoint_gets_what_comes_after(system: System) -> None:
    system.receiver.behaviour = Behaviour(answers=[410])
    await system.create()
    await system.settled(1)
    system.receiver.behaviour = Behaviour()

    reply = await system.api.patch({"enabled": True}, path="/webhook-endpoints/default")
    assert (reply.status, reply.json["enabled"]) == (200, True)
    await until(lambda: _heard(system), 10)

    assert system.received("probe") != []


async def _heard(system: System) -> bool:
    """Campaign changes that come after the change took effect (2 s) are delivered again."""
    reply = await system.api.post({"id": "probe", "name": "Probe"})
    if reply.status == 409:
        await system.api.patch({"metadata": {"at": len(system.receiver.received)}}, path="/campaigns/probe")
        await system.api.patch({"metadata": {"at": None}}, path="/campaigns/probe")
    return bool(system.received("probe"))


async def test_another_workspaces_log_is_its_own(system: System) -> None:
    await system.create()
    await system.settled(1)

    other = await system.api_of("rival").get("/logs")
    unknown = await system.api.get("/logs?campaignId=nowhere")

    assert other.json == {"items": [], "nextCursor": None}
    assert unknown.json == {"items": [], "nextCursor": None}
