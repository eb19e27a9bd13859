"""What `famedash bench deliver` and `isolation` stand on counts right; speed is nobody's assertion."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from famedash.infra.database import Database
from famedash.infra.embedded import DeadMansSwitch, Endpoints
from famedash.infra.sealing import Seal, new_key
from famedash.outbox import service as outbox
from famedash.processes.bench import endpoints, isolation, usage, wrk
from famedash.processes.bench.backlog import Backlog, check, new_backlog, truth
from famedash.processes.bench.counted import Miscounted
from famedash.processes.bench.endpoints import Endpoint
from famedash.processes.bench.ground import Ground, Seen, SinkAddress, open_sink
from famedash.webhooks.decode import event_of
from famedash.webhooks.endpoints import Endpoints as Known
from famedash.webhooks.settings import WebhookSettings
from tests.flow.system import until

TRUTH = {"a1": ("a", 1), "a2": ("a", 2), "a3": ("a", 3), "b1": ("b", 1)}
WRK = """\
Running 1s test @ http://127.0.0.1:1/wrk
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.10ms  310.00us   9.80ms   91.20%
    Req/Sec    29.10k     2.10k   32.00k    70.00%
  {sent} requests in 1.00s, 1.10MB read
{more}Requests/sec:  29012.55
Transfer/sec:      1.10MB
"""


@pytest.fixture
async def ground(tmp_path: Path) -> AsyncIterator[Ground]:
    """Without servers."""
    nowhere = Endpoints("", "")
    with DeadMansSwitch() as switch:
        yield Ground(tmp_path, nowhere, None, None, switch, "", "", new_key())


@pytest.fixture
async def sink(ground: Ground) -> AsyncIterator[SinkAddress]:
    async with open_sink(ground) as sink:
        yield sink


async def grown(database: Database, versions: int = 3) -> Backlog:
    backlog = new_backlog(4)
    await backlog.grow(database, versions - 1)
    await backlog.grow(database)
    return backlog


async def test_a_backlog_written_in_bulk_is_what_the_relay_and_the_worker_read(database: Database) -> None:
    """Breaks if a pattern is left in a body, a partition is wrong, or `seq` is not the order of versions."""
    backlog = await grown(database)

    waiting = await outbox.unpublished(database, limit=100, limit_bytes=1 << 20)

    found = [event_of(each.record.data, partition=each.record.partition) for each in waiting]
    written = await truth(database, backlog.workspace)
    assert backlog.events == len(found) == len(written) == 12
    assert {str(event.id): (event.campaign_id, event.version) for event in found} == written
    assert b"Summer glow" in found[0].body
    check(written, [str(event.id) for event in found])


@pytest.mark.parametrize("received", [["a1", "b1", "a2", "a3"], ["a1", "a2", "a1", "a3", "a2", "b1"]])
def test_events_in_order_are_right_and_again_is_allowed(received: list[str]) -> None:
    check(TRUTH, received)


@pytest.mark.parametrize(
    ("received", "why"),
    [
        (["a1", "a3", "a2", "b1"], "version 3 was received after version 1"),
        (["a2", "a3", "b1"], "version 2 was received after version 0"),
        (["a1", "a2", "a3", "b1", "c1"], "nobody wrote"),
        (["a1", "a2", "b1"], "3 of 4 events"),
    ],
)
def test_events_out_of_order_missing_or_foreign_are_no_result(received: list[str], why: str) -> None:
    """PROMISE: no rate is printed for deliveries that break what we promise of them."""
    with pytest.raises(Miscounted, match=why):
        check(TRUTH, received)


def test_a_run_that_ends_in_the_middle_is_checked_as_far_as_it_came() -> None:
    check(TRUTH, ["a1", "a2"], complete=False)

    with pytest.raises(Miscounted):
        check(TRUTH, ["a1", "a3"], complete=False)


async def test_an_endpoint_made_as_rows_is_one_that_the_worker_knows(
    database: Database, ground: Ground
) -> None:
    backlog = await grown(database)
    url = "http://127.0.0.1:1/e1"
    made = [Endpoint("e1", url, 8), Endpoint("away", url, 50, ["Other"])]

    await endpoints.make(ground, database, backlog.workspace, made)

    known = Known(WebhookSettings("", ()), Seal([ground.encryption_key]))
    await known.refresh(database, [backlog.workspace])
    (waiting, *_) = await outbox.unpublished(database, limit=1, limit_bytes=1)
    owed = known.owing(event_of(waiting.record.data, partition=waiting.record.partition))
    assert [delivery.endpoint_id for delivery in owed] == ["e1"]
    target = known.target((backlog.workspace, "e1"))
    assert target is not None
    assert (target.url, target.max_in_flight, len(target.secrets[0])) == (url, 8, 32)


async def test_a_sink_holds_back_the_answers_of_the_path_that_hangs(sink: SinkAddress) -> None:
    async def post(path: str) -> int:
        async with sink.session.post(f"{sink.url}{path}", headers={"webhook-id": path[1:]}) as response:
            return response.status

    await sink.hang("/e2")
    hung = asyncio.create_task(post("/e2"))
    answered = await post("/e1")
    await until(lambda: _counts(sink, "/e2"))
    still_hangs = not hung.done()
    await sink.answer()

    seen = await sink.seen()
    assert (answered, still_hangs, await hung, await post("/e2")) == (200, True, 200, 200)
    assert (seen.ids_at("/e1"), seen.ids_at("/e2"), await sink.count()) == (["e1"], ["e2"], 3)


async def _counts(sink: SinkAddress, path: str) -> bool:
    return await sink.count(path) > 0


def test_rates_are_of_the_healthy_endpoints_in_each_span() -> None:
    at = [0.5, 1.0, 1.5, 2.0, 2.5, 3.9, 4.0]
    paths = ["/e1", "/e1", "/e2", "/e5", "/e3", "/e4", "/e4"]

    assert isolation.rates(Seen([""] * 7, at, paths), [1.0, 2.0, 4.0]) == [2.0, 1.0]


@pytest.mark.parametrize(("endpoint_id", "error_class"), [("e5", "reset"), ("e1", "timeout")])
async def test_only_a_timeout_of_the_fifth_endpoint_shows_that_it_hangs(
    endpoint_id: str, error_class: str, database: Database
) -> None:
    insert = """
        insert into webhook_attempts
            (workspace_id, id, event_id, event_type, campaign_id, version, endpoint_id, attempt, status,
             attempted_at, error_class)
        values ('w', uuidv7(), uuidv7(), 'CampaignUpdated', 'a', 1, $1, 1, 'retrying', now(), $2)
    """
    async with database.transaction() as tx:
        await tx.execute(insert, endpoint_id, error_class)

    assert not await isolation.has_timed_out(database, "w")
    async with database.transaction() as tx:
        await tx.execute(insert, "e5", "timeout")
    assert await isolation.has_timed_out(database, "w")


async def test_rows_in_back_off_that_were_touched_are_no_result(database: Database, ground: Ground) -> None:
    await isolation.park(ground, database, "w", 64)
    rows = await database.fetch(
        "select endpoint_id, count(distinct partition) from webhook_waiting"
        " where workspace_id = 'w' group by 1"
    )
    await isolation.check_waiting(database, ["w"], 64)

    async with database.transaction() as tx:
        await tx.execute(
            "update webhook_waiting set tries = 2 where workspace_id = 'w' and campaign_id = 'waiting-7'"
        )

    assert {tuple(row) for row in rows} == {("e1", 16), ("away", 16)}
    with pytest.raises(Miscounted, match="63 deliveries wait, not 64"):
        await isolation.check_waiting(database, ["w"], 64)


@pytest.mark.skipif(not usage.IS_KNOWN, reason="only Linux tells what other processes cost")
def test_what_ended_children_cost_is_counted() -> None:
    before = usage.cpu_seconds([os.getpid()])

    subprocess.run([sys.executable, "-c", "import time\nwhile time.process_time() < 0.3: pass"], check=True)

    assert usage.cpu_seconds([os.getpid()]) - before >= 0.28
    assert usage.peak_mb(os.getpid()) > 10


@pytest.mark.parametrize(
    ("sent", "more"),
    [
        (29013, "  Non-2xx or 3xx responses: 7\n"),
        (29013, "  Socket errors: connect 0, read 7, write 0\n"),
        ("", ""),
    ],
)
def test_what_wrk_says_of_failures_is_no_result(sent: int | str, more: str) -> None:
    assert wrk.parse(WRK.format(sent=29013, more="")) == (29013, 29012.55)

    with pytest.raises(Miscounted, match="wrk did not measure"):
        wrk.parse(WRK.format(sent=sent, more=more))


@pytest.fixture
def claims(tmp_path: Path) -> Path:
    """A `wrk` that posts three times and claims what the file `claims` holds."""
    program = tmp_path / "wrk"
    program.write_text(
        f"#!{sys.executable}\n"
        "import sys, pathlib, urllib.request\n"
        "assert sys.argv[1:-1] == ['-t1', '-c32', '-d1s', '-s', 'wrk.lua'], sys.argv\n"
        "body = pathlib.Path('wrk-body').read_bytes()\n"
        "for _ in range(3): urllib.request.urlopen(sys.argv[-1], body)\n"
        "print(pathlib.Path('claims').read_text())\n"
    )
    program.chmod(0o700)
    return tmp_path / "claims"


async def test_a_rate_of_wrk_stands_only_where_the_sink_received_as_much(
    claims: Path, ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{claims.parent}:{os.environ['PATH']}")
    program = wrk.installed()
    assert program == str(claims.parent / "wrk")

    claims.write_text(WRK.format(sent=3, more=""))
    assert await wrk.per_second(ground, program, b"{}", 1) == 29012.55
    claims.write_text(WRK.format(sent=4, more=""))
    with pytest.raises(Miscounted, match="4 answers, the sink 3 requests"):
        await wrk.per_second(ground, program, b"{}", 1)
