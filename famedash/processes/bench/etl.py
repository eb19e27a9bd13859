"""Batch ETL and top performers: a file of 10 million rows, read, loaded, loaded again, and asked for.

The file is made once; each round loads it into an empty workspace, in turn with what only reads or copies it.
"""

import json
import random
from collections.abc import AsyncGenerator, Sequence
from importlib.util import find_spec
from pathlib import Path

from famedash.infra.database import Database, open_database
from famedash.performers.reading import THREADS
from famedash.processes.bench import loads, tops
from famedash.processes.bench.counted import Miscounted
from famedash.processes.bench.ground import WORKSPACE, Ground, answers, open_ground
from famedash.processes.bench.report import Figure, Pair
from famedash.processes.demo_csv import SAMPLE_ROWS, SAMPLE_SEED

ROWS, QUICK_ROWS = 10_000_000, 100_000
DEPTH, QUICK_DEPTH = 500_000, 30_000
ASKED, QUICK_ASKED = 2_000, 40
SPECIFIED_SECONDS = 120.0
MEMORY_BYTES, MEMORY_BYTES_PER_PAIR = 300e6, 120
OTHER = "sample"
"""The workspace of the small file."""

Found = dict[str, float]


def _ratio(name: str, limit: str, most: float, *, unit: str = " s", digits: int = 2) -> Figure:
    return Figure(
        name=name,
        limit=limit,
        unit=unit,
        reach=f"≤ {most:g} ×",
        score=lambda limit, product: product / limit,
        reached=lambda score: score <= most,
        score_unit=" ×",
        digits=digits,
    )


def _within(name: str, limit: str, most: float, *, unit: str) -> Figure:
    return Figure(
        name=name,
        limit=limit,
        unit=unit,
        reach=f"≤ {most:g}{unit}",
        score=lambda _, product: product,
        reached=lambda score: score <= most,
        score_unit=unit,
        digits=2,
    )


SAMPLE = _within("10,000 rows, whole command", "the specification's 120 s", 1, unit=" s")
SCAN = _ratio(
    "10 M rows: scan, validate, aggregate", f"DuckDB, typed scan and group by, {THREADS} threads", 1.5
)
LOAD = _ratio("10 M rows: whole load", "psql \\copy of the raw file into a bare table", 2)
MEMORY = _ratio("10 M rows: peak memory of the load", "300 MB and 120 bytes a pair", 1, unit=" MB", digits=0)
AGAIN = Figure(
    name="10 M rows: the same file again",
    limit="reading it at 1 GB/s",
    unit=" s",
    reach="≤ limit + 1 s",
    score=lambda limit, product: product - limit,
    reached=lambda score: score <= 1,
    score_unit=" s",
    digits=2,
)
SQL_MS, HTTP_MS = 1.0, 10.0
TOP = _within("top 10 of a campaign, query, p99", "1 ms", SQL_MS, unit=" ms")
TOP_OF_ALL = _within("top 10 of all campaigns, query, p99", "1 ms", SQL_MS, unit=" ms")
TOP_HTTP = _within("top 10 of a campaign, over HTTP, p99", "10 ms", HTTP_MS, unit=" ms")
TOP_OF_ALL_HTTP = _within("top 10 of all campaigns, over HTTP, p99", "10 ms", HTTP_MS, unit=" ms")
DEEP = _ratio("a page of all campaigns, 500,000 deep, query, p99", "the first page, p99", 2, unit=" ms")
DEEPEST = _ratio("the last page of the largest campaign, query, p99", "the first page, p99", 2, unit=" ms")


async def rounds(number: int, *, quick: bool) -> AsyncGenerator[list[Pair], None]:
    rows = QUICK_ROWS if quick else ROWS
    loads.require_space(rows)
    async with (
        open_ground() as ground,
        open_database(
            ground.endpoints.database_url, application="bench", max_connections=2, command_timeout=None
        ) as database,
    ):
        sample = await loads.make(ground, "sample.csv", "--rows", SAMPLE_ROWS, "--seed", SAMPLE_SEED)
        file = await loads.make(ground, "results.csv", "--rows", rows, "--clean", "--no-texts")
        for turn in range(number):
            yield [
                await _sample(ground, database, sample),
                *await _whole(ground, database, file, rows),
                *await _asked(ground, database, turn, quick=quick),
            ]


async def _sample(ground: Ground, database: Database, file: Path) -> Pair:
    await loads.forget(database, OTHER)
    took = await loads.load(ground, OTHER, file)
    return Pair(SAMPLE, SPECIFIED_SECONDS, took.seconds)


async def _whole(ground: Ground, database: Database, file: Path, rows: int) -> list[Pair]:
    """The file read, loaded, and loaded again."""
    duckdb = await _duckdb(ground, file)
    scan = await _own(ground, "scan", file)
    compare(rows, scan, duckdb)
    await loads.forget(database, WORKSPACE)
    raw = await loads.copy_raw(ground, database, file, rows)
    await loads.settle(database)
    loaded = await loads.load(ground, WORKSPACE, file)
    await loads.check(database, WORKSPACE, pairs=scan["pairs"], views=scan["views"])
    again = await loads.load_again(ground, WORKSPACE, file)
    memory = MEMORY_BYTES + MEMORY_BYTES_PER_PAIR * scan["pairs"]
    return [
        *([] if duckdb is None else [Pair(SCAN, duckdb["seconds"], scan["seconds"])]),
        Pair(LOAD, raw.seconds, loaded.seconds),
        Pair(MEMORY, memory / 1e6, loaded.peak_bytes / 1e6),
        Pair(AGAIN, loads.seconds_to_read(file), again.seconds),
    ]


async def _asked(ground: Ground, database: Database, turn: int, *, quick: bool) -> list[Pair]:
    """Top tens of campaigns, each as often as it has pairs; and pages far behind."""
    number = QUICK_ASKED if quick else ASKED
    sizes = await tops.sizes(database)
    drawn = random.Random(turn).choices([*sizes], [*sizes.values()], k=number)  # noqa: S311
    lists: list[Sequence[str | None]] = [drawn, [None] * number]
    top, top_of_all = [await tops.by_query(database, asked) for asked in lists]
    over_http, all_over_http = await tops.over_http(ground, database, lists)
    largest = next(iter(sizes))
    deepest = sizes[largest] - tops.PLACES - tops.PAGE
    return [
        Pair(TOP, SQL_MS, top),
        Pair(TOP_OF_ALL, SQL_MS, top_of_all),
        Pair(TOP_HTTP, HTTP_MS, over_http),
        Pair(TOP_OF_ALL_HTTP, HTTP_MS, all_over_http),
        Pair(DEEP, *await tops.deep(database, None, QUICK_DEPTH if quick else DEPTH, number)),
        Pair(DEEPEST, *await tops.deep(database, largest, deepest, number)),
    ]


async def _duckdb(ground: Ground, file: Path) -> Found | None:
    if find_spec("duckdb") is None:
        print("  skipped: DuckDB is not installed (pip install 'famedash[bench]')", flush=True)
        return None
    return await _own(ground, "scan_duckdb", file, THREADS)


async def _own(ground: Ground, name: str, *arguments: object) -> Found:
    """What one of our programs printed."""
    async with ground.own(name, *arguments) as program:
        found: Found = json.loads(await answers(program, b""))
    return found


def compare(rows: int, scan: Found, duckdb: Found | None) -> None:
    """Raises `Miscounted` where they do not find the same."""
    what = ("rows", "pairs", "views")
    ours, theirs = ([found[each] for each in what] for found in (scan, duckdb or scan))
    if ours != theirs or scan["rows"] != rows:
        raise Miscounted(f"rows, pairs and views are {ours} here and {theirs} in DuckDB, of {rows:,} rows")
