"""Numbers for Prometheus: by route, of all processes, of no tenant."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from famedash.infra import telemetry
from tests.infra.app import client


async def test_requests_are_counted_by_route_template_and_never_by_path() -> None:
    async with client() as api:
        await api.get("/things/7/parts")
        await api.get("/things/8/parts")
        await api.get("/nowhere-" + "x" * 20)

    page = telemetry.exposition().decode()
    assert (
        'famedash_http_requests_total{method="GET",route="/things/{thing_id}/parts",status="200"} 2.0' in page
    )
    assert 'route="/things/{thing_id}/parts"' in page.partition("duration_seconds_count")[2]
    assert 'famedash_http_requests_total{method="GET",route="(none)",status="404"}' in page
    assert "nowhere" not in page


async def test_an_invented_method_makes_no_label_of_its_own() -> None:
    async with client() as api:
        await api.request("PROPFIND", "/things")

    page = telemetry.exposition().decode()
    assert 'method="other"' in page
    assert "PROPFIND" not in page


@pytest.mark.parametrize("label", ["workspace", "campaign_id", "tenant"])
def test_a_label_that_names_a_tenant_is_refused(label: str) -> None:
    with pytest.raises(ValueError, match="tenant"):
        telemetry.counter("famedash_refused_total", "Never made.", [label])


PROCESS = """
from famedash.infra import telemetry
telemetry.counter("famedash_probes_total", "Probes.").inc(2)
print(telemetry.exposition().decode())
"""


def test_one_process_shows_the_numbers_of_all(tmp_path: Path) -> None:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}

    pages = [
        subprocess.run(
            [sys.executable, "-c", PROCESS], env=environment, capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    ]

    assert "famedash_probes_total 2.0" in pages[0]
    assert "famedash_probes_total 4.0" in pages[1]


GAUGE = """
import sys
from famedash.infra import telemetry
level = telemetry.gauge("famedash_level", "How high it is.")
if len(sys.argv) > 1:
    level.set(float(sys.argv[1]))
print(telemetry.exposition().decode())
"""


def test_of_a_gauge_the_newest_value_is_shown_and_who_knows_none_changes_nothing(tmp_path: Path) -> None:
    """Breaks if a process that ended, or one that only stands by, adds to the number or hides it."""
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}

    pages = [
        subprocess.run(
            [sys.executable, "-c", GAUGE, *level], env=environment, capture_output=True, text=True, check=True
        ).stdout
        for level in (["7"], ["3"], [])
    ]

    assert [page.strip().splitlines()[-1] for page in pages] == [
        f"famedash_level {level}" for level in (7.0, 3.0, 3.0)
    ]
