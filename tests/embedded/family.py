"""A process that supervises the children described to it: `python family.py JSON` runs until SIGTERM.

`Family` is the test's handle on it. JSON: `{"stop_seconds", "stages": [[{"name", "script", "ready_file"}]]}`,
each script run by /bin/sh.
"""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import uvloop

from famedash.processes.supervisor import Child, Supervisor, until_signalled
from tests.embedded.holder import alive, eventually

Described = dict[str, str]


class Family:
    """A running supervisor; its lines are read as they come."""

    def __init__(self, *stages: list[Described], stop_seconds: float = 8.0) -> None:
        described = json.dumps({"stop_seconds": stop_seconds, "stages": stages})
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.embedded.family", described], stdout=subprocess.PIPE, text=True
        )
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        assert self.process.stdout
        self.lines.extend(line.rstrip("\n") for line in self.process.stdout)

    def says(self, pattern: str, *, times: int = 1) -> list[str]:
        """What the first group of the pattern matched, once so many lines did."""
        assert eventually(lambda: len(self._matches(pattern)) >= times), (pattern, self.lines)
        return self._matches(pattern)

    def _matches(self, pattern: str) -> list[str]:
        return [match[1] for line in list(self.lines) if (match := re.fullmatch(pattern, line))]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def terminate(self) -> tuple[int, float]:
        """(exit code, seconds it took)"""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=20)
        self._reading.join(timeout=5)
        return code, time.monotonic() - began


def child(name: str, script: str, ready_file: str = "") -> Described:
    return {"name": name, "script": script, "ready_file": ready_file}


def all_gone(*pids: str, seconds: float = 3.0) -> bool:
    return eventually(lambda: not any(alive(int(pid)) for pid in pids), seconds=seconds)


def _exists(path: str) -> Callable[[], Awaitable[bool]] | None:
    async def answer() -> bool:
        return os.path.exists(path)

    return answer if path else None


def _supervisor(described: dict[str, Any]) -> Supervisor:
    stages = [
        [
            Child(one["name"], ("/bin/sh", "-c", one["script"]), ready=_exists(one["ready_file"]))
            for one in stage
        ]
        for stage in described["stages"]
    ]
    return Supervisor(stages, stop_seconds=described["stop_seconds"])


if __name__ == "__main__":
    sys.exit(uvloop.run(until_signalled(_supervisor(json.loads(sys.argv[1])).run())))
