"""`famedash bench` still runs. What it measures is nobody's assertion."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from shutil import which

import pytest

from famedash.infra.database import Database
from famedash.infra.log.model import Batch
from famedash.metrics import service
from famedash.metrics.model import DEFAULT_WORKSPACE
from famedash.processes.bench import briefs, counted, events, metrics, rows
from famedash.processes.bench.counted import Miscounted
from famedash.processes.bench.fill import fill, put_in_place
from famedash.processes.bench.report import Figure, Pair, table
from famedash.processes.bench.stream import PLATFORMS, Stream, make
from famedash.processes.bench.transform import transform

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def bench(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FAMEDASH_")}
    return subprocess.run(
        [sys.executable, "-m", "famedash", "bench", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


@pytest.mark.chaos  # kills nothing, but takes two minutes of a machine
@pytest.mark.parametrize(
    "name", ["deliver", "isolation", "latency", "api", "ingest", "metrics", "etl", "briefs"]
)
def test_a_benchmark_measures_one_short_pair_and_prints_a_table(name: str, tmp_path: Path) -> None:
    run = bench(name, "--quick", folder=tmp_path)

    assert run.returncode == 0, run.stderr
    assert f"{name}: pair 1 of 1" in run.stdout
    assert "| figure | limit in the same run |" in run.stdout
    assert ("skipped: Bytewax" in run.stdout) == (name == "ingest" and find_spec("bytewax") is None)
    assert ("skipped: wrk" in run.stdout) == (name == "deliver" and which("wrk") is None)
    assert ("skipped: DuckDB" in run.stdout) == (name == "etl" and find_spec("duckdb") is None)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_benchmark_is_refused_by_name(tmp_path: Path) -> None:
    run = bench("nothing", folder=tmp_path)

    assert run.returncode == 2
    there_are = "deliver, isolation, latency, api, ingest, metrics, etl, briefs"
    assert run.stderr == f"famedash: No such benchmark: nothing; there are {there_are}.\n"


def test_the_table_shows_medians_ranges_and_the_score_of_the_medians() -> None:
    figure = Figure(
        name="things/s",
        limit="nothing but things",
        unit="/s",
        reach="≥ 0.5",
        score=lambda limit, product: product / limit,
        reached=lambda score: score >= 0.5,
    )
    pairs = [Pair(figure, 1000, 400), Pair(figure, 2000, 1100), Pair(figure, 4000, 1200)]

    row = table(pairs).splitlines()[2]

    assert row == (
        "| things/s | nothing but things | 2,000/s (1,000 to 4,000) | **1,100/s** (400 to 1,200)"
        " | **0.55** (0.30 to 0.55) | ≥ 0.5 | reached |"
    )
    informs = [replace(pair, figure=replace(figure, reached=None)) for pair in pairs[:1]]
    assert table(informs).endswith("| ≥ 0.5 |  |")


def test_a_stream_holds_late_repeated_and_broken_lines_and_knows_its_truth() -> None:
    stream = make(20_000, campaigns=50, now=NOON)

    found = transform(
        [
            Batch(
                partition,
                [b"%d-%d" % (NOON.timestamp() * 1000, at) for at in range(1, len(lines) + 1)],
                lines,
                {},
            )
            for partition, lines in enumerate(stream.lines)
            if lines
        ]
    )

    assert found == {
        "counted": stream.size - stream.repeated - stream.broken,
        "repeated": stream.repeated,
        "broken": stream.broken,
    }
    assert 100 < stream.repeated < 300
    assert 10 < stream.broken < 40
    first_minute = int((NOON - timedelta(hours=1)).timestamp()) // 60
    assert min(minute for _, minute, _ in stream.cells) < first_minute - 5


async def test_a_right_count_passes(database: Database) -> None:
    stream = make(500, campaigns=5, now=NOON)

    await count(database, stream)

    await counted.check(database, stream, creators=True, hashtags=True)


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        (
            "update metric_minutes set views = views + 1 where ctid = (select min(ctid) from metric_minutes)",
            "minutes",
        ),
        ("delete from metric_hours where ctid = (select min(ctid) from metric_hours)", "hours"),
        ("update metric_totals set likes = likes - 1 where platform = 'tiktok'", "totals"),
        ("insert into metric_dead_letters select 1, '9-9', 9, 0, 'empty', ''", "dead letters"),
        ("update metric_creator_totals set saves = saves + 1 where platform = 'tiktok'", "creators differ"),
        ("update metric_creator_hours set clicks = clicks + 1 where platform = 'tiktok'", "creators' hours"),
        (
            "update metric_hashtag_hours set engagements = engagements + 1 where hashtag = 'summer'",
            "hashtags",
        ),
    ],
)
async def test_a_wrong_count_is_no_result(wrong: str, what: str, database: Database) -> None:
    """PROMISE: no rate is printed for counts that are wrong. Breaks if a table is not compared."""
    stream = make(500, campaigns=5, now=NOON)
    await count(database, stream)

    async with database.transaction() as tx:
        await tx.execute(wrong)

    with pytest.raises(Miscounted, match=what):
        await counted.check(database, stream, creators=True, hashtags=True)


async def count(database: Database, stream: Stream) -> None:
    """What `ingest` would leave behind, taken from the truth."""
    await service.prepare(database, {minute for _, minute, _ in stream.cells})
    async with database.transaction() as tx:

        async def add(table: str, *values: object) -> None:
            places = ", ".join(f"${number}" for number in range(1, len(values) + 2))
            await tx.execute(f"insert into {table} values ({places})", DEFAULT_WORKSPACE, *values)  # noqa: S608

        for (campaign, minute, platform), counts in stream.cells.items():
            await add("metric_minutes", campaign, at(minute * 60), platform, *counts)
        for (campaign, hour, platform), counts in stream.hours().items():
            await add("metric_hours", campaign, at(hour * 3600), platform, *counts)
        for (campaign, platform), counts in stream.totals().items():
            await add("metric_totals", campaign, platform, *counts)
        for (campaign, creator, platform), counts in stream.creators.items():
            await add("metric_creator_hours", campaign, NOON, creator, platform, *counts)
            await add("metric_creator_totals", campaign, creator, platform, *counts)
        for tag, number in stream.tags.items():
            await add("metric_hashtag_hours", "tiktok", NOON, tag, 0, number)
        for line in range(stream.broken):
            await tx.execute("insert into metric_dead_letters values (0, '1-1', 1, $1, 'empty', '')", line)


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


async def test_accepted_events_must_stand_in_the_log(redis_url: str) -> None:
    stream = Stream()
    stream.lines[3] = [b"{}"] * events.EACH
    put_in_place(redis_url, await fill(redis_url, stream, each=100))

    events.check(redis_url, 1)

    with pytest.raises(Miscounted):
        events.check(redis_url, 2)


async def test_an_answer_that_shows_other_counts_is_no_result(database: Database) -> None:
    filled = rows.plan("bench", campaigns=3, hours=25, now=NOON)
    await rows.fill(database, filled)
    found = await database.fetchrow(
        "select count(*), sum(views) from metric_minutes where workspace_id = 'bench'"
    )
    assert found is not None
    right = {"window1h": 60, "window24h": 1440, "total": 25 * 60}
    answer = {name: {"views": minutes * rows.VIEWS * len(PLATFORMS)} for name, minutes in right.items()}

    metrics.check(answer, filled)
    answer["window24h"]["views"] -= 1

    assert tuple(found) == (filled.rows, filled.rows * rows.VIEWS)
    with pytest.raises(Miscounted, match="window24h"):
        metrics.check(answer, filled)


def test_a_repeat_that_was_written_anew_is_no_result() -> None:
    """PROMISE: no figure of the cache stands for briefs that were not in it; midnight is forgiven."""
    briefs.check_repeats(7, 8)

    with pytest.raises(Miscounted, match="2 briefs"):
        briefs.check_repeats(7, 9)


@pytest.mark.parametrize("requests", [3, 5])
def test_a_brief_that_took_other_requests_than_two_is_no_result(requests: int) -> None:
    briefs.check_requests(4, 2)

    with pytest.raises(Miscounted, match=f"{requests} requests"):
        briefs.check_requests(requests, 2)


def test_a_tool_that_failed_or_was_left_out_is_no_result() -> None:
    """PROMISE: what is quick because it did not look is not measured."""
    done: dict[str, str | None] = {"error": None}
    briefs.check_tools([done, done, done])

    for calls in ([done, done], [done, {"error": "The tool is not available now."}, done]):
        with pytest.raises(Miscounted, match="not every tool"):
            briefs.check_tools(calls)
