"""Once and in order: what `Inbox.take` hands over, and what it remembers."""

import asyncio
import sqlite3
import threading
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from famedash.receiver import Event, Inbox, Memory, NotYet, Ram
from tests.receiver.posts import body_of, event


class History:
    """`GET /campaigns/{id}/events?since=` of a campaign with so many versions."""

    def __init__(self, versions: int = 9) -> None:
        self.versions = versions
        self.asked: list[tuple[str, int]] = []

    def __call__(self, campaign_id: str, since: int) -> list[dict[str, Any]]:
        self.asked.append((campaign_id, since))
        return [body_of(version, campaign_id) for version in range(since + 1, self.versions + 1)]


class Table:
    """The `Memory` that the documents advise: one table, written in the receiver's transaction."""

    def __init__(self) -> None:
        self.database = sqlite3.connect(":memory:")
        self.database.execute("create table handled (event_id primary key, workspace, campaign_id, version)")

    def seen(self, event_id: str) -> bool:
        return bool(self._first("select count(*) from handled where event_id = ?", event_id))

    def last_version(self, workspace: str, campaign_id: str) -> int:
        return self._first(
            "select coalesce(max(version), 0) from handled where workspace = ? and campaign_id = ?",
            *(workspace, campaign_id),
        )

    def remember(self, event: Event) -> None:
        row = (event.id, event.workspace, event.campaign_id, event.version)
        self.database.execute("insert into handled values (?, ?, ?, ?)", row)

    def _first(self, query: str, *values: str) -> int:
        return int(self.database.execute(query, values).fetchone()[0])


@pytest.fixture(params=[Ram, Table])
def memory(request: pytest.FixtureRequest) -> Memory:
    kept: Memory = request.param()
    return kept


def handled(inbox: Inbox, *events: Event) -> list[tuple[int, bool]]:
    """(version, late) of everything that was handed over, event after event."""
    found = []
    for each in events:
        with inbox.take(each) as due:
            found += [(one.version, one.late) for one in due]
    return found


def prompt(*versions: int) -> list[tuple[int, bool]]:
    return [(version, False) for version in versions]


def test_versions_in_order_are_handed_over_one_by_one(memory: Memory) -> None:
    history = History()

    assert handled(Inbox(fetch=history, memory=memory), *map(event, (1, 2, 3))) == prompt(1, 2, 3)
    assert history.asked == []


def test_a_repeat_is_dropped(memory: Memory) -> None:
    """PROMISE: what was handled is not handed over again. Breaks if ids are not kept."""
    assert handled(Inbox(memory=memory), *map(event, (1, 1, 2, 1, 2))) == prompt(1, 2)


def test_missing_versions_are_fetched_and_come_first(memory: Memory) -> None:
    """PROMISE: with `fetch` no version is left out and none comes before an older one."""
    history = History()

    assert handled(Inbox(fetch=history, memory=memory), *map(event, (1, 4, 5, 2, 3))) == prompt(1, 2, 3, 4, 5)
    assert history.asked == [("summer", 1)]


def test_a_campaign_that_is_new_to_the_receiver_begins_at_version_1(memory: Memory) -> None:
    assert handled(Inbox(fetch=History(), memory=memory), event(3)) == prompt(1, 2, 3)


def test_what_was_fetched_is_put_in_order_and_of_this_campaign_only() -> None:
    def fetch(campaign_id: str, since: int) -> list[dict[str, Any]]:
        """More than was asked for, in no order."""
        return [*map(body_of, (5, 3, 2, 1, 4)), body_of(2, "winter"), body_of(3, workspace="other")]

    inbox = Inbox(fetch=fetch)
    handled(inbox, event(1))

    with inbox.take(event(4)) as due:
        assert due == [event(2), event(3), event(4)]


def test_what_no_longer_can_be_fetched_holds_nothing_up() -> None:
    assert handled(Inbox(fetch=lambda *_: []), event(1), event(4)) == prompt(1, 4)


def test_without_fetch_the_versions_that_come_later_are_late(memory: Memory) -> None:
    inbox = Inbox(memory=memory)

    assert handled(inbox, *map(event, (1, 3, 2, 2, 4))) == [(1, False), (3, False), (2, True), (4, False)]


def test_campaigns_and_workspaces_do_not_wait_for_each_other(memory: Memory) -> None:
    inbox = Inbox(memory=memory)
    events = [event(5), event(1, "winter"), event(1, workspace="other"), event(2, "winter")]

    assert handled(inbox, *events) == prompt(5, 1, 1, 2)


def test_an_event_about_no_campaign_is_handed_over_once() -> None:
    tests = [Event(id, "EndpointTest", "2026-07-01T12:00:00Z", "acme", "", 0, {}) for id in ("a", "b", "a")]

    assert handled(Inbox(fetch=History()), *tests) == prompt(0, 0)


def test_what_raised_is_not_remembered(memory: Memory) -> None:
    """PROMISE: an event whose handling failed comes again. Breaks if it is remembered before."""
    inbox = Inbox(fetch=History(), memory=memory)

    with pytest.raises(RuntimeError), inbox.take(event(2)):
        raise RuntimeError

    assert handled(inbox, event(2)) == prompt(1, 2)


def test_a_fetch_that_failed_is_tried_again_with_the_next_try() -> None:
    answers = [[OSError()], History()("summer", 0)]

    def fetch(*_: object) -> list[Any]:
        answer = answers.pop(0)
        if isinstance(answer[0], OSError):
            raise answer[0]
        return answer

    inbox = Inbox(fetch=fetch)
    with pytest.raises(OSError), inbox.take(event(2)):  # noqa: PT011 - it is the one of fetch
        pytest.fail("there is nothing to handle")

    assert handled(inbox, event(2)) == prompt(1, 2)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_version_waits_for_the_one_before() -> None:
    clock = Clock()
    inbox = Inbox(wait_seconds=2, clock=clock)
    handled(inbox, event(1))

    with pytest.raises(NotYet, match="Version 2 of campaign summer") as put_off:
        handled(inbox, event(3))

    assert put_off.value.status == 503
    assert handled(inbox, event(2), event(3)) == prompt(2, 3)


def test_a_version_waits_no_longer_than_it_was_told() -> None:
    """PROMISE: a version that never comes stops nothing. Breaks if each try begins the wait anew."""
    clock = Clock()
    inbox = Inbox(wait_seconds=2, clock=clock)
    handled(inbox, event(1))

    for clock.now in (10, 11, 11.9):
        with pytest.raises(NotYet):
            handled(inbox, event(3))
    clock.now = 12

    assert handled(inbox, event(3), event(2), event(4)) == [(3, False), (2, True), (4, False)]


def test_the_first_event_of_a_campaign_waits_for_nothing() -> None:
    assert handled(Inbox(wait_seconds=2), event(3)) == prompt(3)


def test_a_campaign_is_handled_by_one_at_a_time() -> None:
    """PROMISE: a resend while the first is still handled is not handled twice, and not answered 2xx."""
    inbox = Inbox()

    with inbox.take(event(1)):
        for again in (1, 2):
            with pytest.raises(NotYet, match="being handled"), inbox.take(event(again)):
                pytest.fail("taken twice")
        with inbox.take(event(1, "winter")) as due:
            assert due == [event(1, "winter")]

    assert handled(inbox, event(1), event(2)) == prompt(2)


async def test_handling_that_awaits_takes_the_same(memory: Memory) -> None:
    inbox, taken = Inbox(fetch=History(), memory=memory), []

    for version in (1, 3, 3):
        async with inbox.take(event(version)) as due:
            await asyncio.sleep(0)
            taken += [each.version for each in due]
    with pytest.raises(RuntimeError):
        async with inbox.take(event(4)):
            raise RuntimeError

    assert taken == [1, 2, 3]
    assert handled(inbox, event(4)) == prompt(4)


async def test_fetching_does_not_stop_the_event_loop_and_may_be_cancelled() -> None:
    """PROMISE: a slow history holds up this campaign only, and a cancelled request lets go of it."""
    asked, go_on = threading.Event(), threading.Event()

    def fetch(campaign_id: str, since: int) -> list[dict[str, Any]]:
        asked.set()
        assert go_on.wait(10)
        return History()(campaign_id, since)

    inbox = Inbox(fetch=fetch)

    async def take() -> list[int]:
        async with inbox.take(event(2)) as due:
            return [each.version for each in due]

    taking = asyncio.create_task(take())
    while not asked.is_set():
        await asyncio.sleep(0.001)
    async with inbox.take(event(1, "winter")) as due:
        assert due == [event(1, "winter")]
    with pytest.raises(NotYet):
        await take()
    taking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await taking
    go_on.set()

    assert await take() == [1, 2]


def test_threads_handle_each_event_once() -> None:
    inbox, seen, lock = Inbox(), [], threading.Lock()
    events = [event(version, f"c{number}") for version in (1, 2, 3) for number in range(20)]

    def deliver() -> None:
        for each in events:
            while True:
                try:
                    with inbox.take(each) as due, lock:
                        seen.extend(one.id for one in due)
                    break
                except NotYet:
                    continue

    threads = [threading.Thread(target=deliver) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(seen) == sorted(each.id for each in events)


def test_memory_in_ram_is_bounded() -> None:
    ram = Ram(limit=2)

    for version in (1, 2, 3):
        ram.remember(event(version))
    for number in (1, 2):
        ram.remember(event(1, f"c{number}"))

    assert [ram.seen(event(version).id) for version in (1, 2, 3)] == [False, False, False]
    assert [ram.last_version("acme", name) for name in ("summer", "c1", "c2")] == [0, 1, 1]


@given(st.lists(st.integers(1, 7), max_size=30))
def test_whatever_the_order_of_arrival_versions_are_handed_over_once_and_rising(arrived: list[int]) -> None:
    """PROMISE: with `fetch`, any arrival, repeats too, becomes 1, 2, 3 up to the newest that came."""
    found = handled(Inbox(fetch=History()), *map(event, arrived))

    assert found == prompt(*range(1, max(arrived, default=0) + 1))


@given(st.lists(st.integers(1, 7), max_size=30))
def test_without_fetch_nothing_that_came_is_lost_and_what_is_older_is_late(arrived: list[int]) -> None:
    found = handled(Inbox(), *map(event, arrived))

    assert [version for version, _ in found] == list(dict.fromkeys(arrived))
    newest = accumulate((version for version, _ in found), max)
    assert [late for _, late in found] == [each < best for (each, _), best in zip(found, newest, strict=True)]
