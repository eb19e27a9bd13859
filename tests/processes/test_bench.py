"""`famedash bench` still runs. What it measures is nobody's assertion."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from famedash.processes.bench.report import Figure, Pair, table


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


@pytest.mark.parametrize("name", ["deliver", "latency", "api"])
def test_a_benchmark_measures_one_short_pair_and_prints_a_table(name: str, tmp_path: Path) -> None:
    run = bench(name, "--quick", folder=tmp_path)

    assert run.returncode == 0, run.stderr
    assert f"{name}: pair 1 of 1" in run.stdout
    assert "| figure | limit in the same run |" in run.stdout
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_benchmark_is_refused_by_name(tmp_path: Path) -> None:
    run = bench("nothing", folder=tmp_path)

    assert run.returncode == 2
    assert run.stderr == "famedash: No such benchmark: nothing; there are deliver, latency, api.\n"


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
