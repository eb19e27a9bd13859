"""`famedash up` as a newcomer sees it: what it prints is what works."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from famedash.infra.embedded import free_port

FAMILY = (
    *(f"famedash {name}" for name in ("practice", "api", "relay", "deliver", "tend")),
    "postgres",
    "valkey",
)
"""What `up` runs, as the command lines of its descendants show it."""


class Up:
    """A running `up` on a data dir of its own."""

    def __init__(self, folder: Path) -> None:
        self.output = folder / "output.txt"
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("FAMEDASH_")},
            "FAMEDASH_DATA_DIR": str(folder / "data"),
            "FAMEDASH_PORT": str(free_port()),
            "FAMEDASH_PRACTICE_PORT": str(free_port()),
        }
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "famedash", "up"], stdout=output, stderr=output, env=environment
            )

    @property
    def printed(self) -> str:
        return self.output.read_text()

    def until_printed(self, text: str, seconds: float = 60) -> None:
        for _ in range(int(seconds / 0.1)):
            if text in self.printed:
                return
            assert self.process.poll() is None, self.printed
            time.sleep(0.1)
        raise AssertionError(f"{text} was not printed:\n{self.printed}")

    def found(self, pattern: str) -> str:
        match = re.search(pattern, self.printed, re.MULTILINE)
        assert match, self.printed
        return match.group(1)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    running = Up(tmp_path_factory.mktemp("up"))
    try:
        running.until_printed("And this to see every attempt")
        running.until_printed("/logs")
        yield running
    finally:
        if running.process.poll() is None:
            running.process.send_signal(signal.SIGKILL)
            running.process.wait()


def run(line: str) -> str:
    return subprocess.run(shlex.split(line), capture_output=True, text=True, check=True, timeout=20).stdout


def test_the_line_it_prints_creates_a_campaign_that_is_delivered(up: Up) -> None:
    create, look = (up.found(pattern) for pattern in (r"^(curl .*/campaigns .*)$", r"^(curl .*/logs .*)$"))

    created = run(create)

    assert '"name":"My first campaign"' in created
    campaign_id = re.search(r'"id":"([^"]+)"', created).group(1)  # type: ignore[union-attr]
    for _ in range(100):
        if campaign_id in (logged := run(look)):
            break
        time.sleep(0.1)
    assert re.search(rf'"campaignId":"{campaign_id}".*?"status":"delivered"', logged)


def test_one_metrics_page_shows_the_workers_too(up: Up) -> None:
    """PROMISE: under `up`, the API's /metrics holds the numbers of every process."""
    base = up.found(r"API docs +(http://\S+)/docs")

    for _ in range(50):
        page = run(f"curl -s {base}/metrics")
        if 'famedash_webhook_attempts_total{status="delivered"}' in page:
            break
        time.sleep(0.1)

    assert 'famedash_webhook_attempts_total{status="delivered"}' in page
    assert "famedash_outbox_published_total" in page


def test_a_second_up_on_the_same_data_names_the_first(up: Up) -> None:
    environment = {**os.environ, "FAMEDASH_DATA_DIR": str(up.output.parent / "data"), "FAMEDASH_PORT": "0"}

    second = subprocess.run(
        [sys.executable, "-m", "famedash", "up"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert second.returncode == 1
    assert str(up.process.pid) in second.stderr


def test_ctrl_c_stops_everything_within_10_s_and_exits_0(up: Up) -> None:
    """PROMISE: nothing is left behind. (Last in this file: it ends the `up` of the other tests.)

    The processes are noted before the signal: afterwards they would have another parent, and their command
    lines do not name the data dir.
    """
    descendants = psutil.Process(up.process.pid).children(recursive=True)
    running = [" ".join(one.cmdline()) for one in descendants]
    began = time.monotonic()

    up.process.send_signal(signal.SIGINT)
    code = up.process.wait(timeout=15)

    assert (code, time.monotonic() - began < 11) == (0, True)
    assert [name for name in FAMILY if not any(name in command for command in running)] == []
    assert [one for one in descendants if is_alive(one)] == []


def is_alive(process: psutil.Process) -> bool:
    """A zombie is dead: only nobody has asked for its exit code yet."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
