"""A process that holds a data dir, to be killed: `python holder.py DIR` runs both servers until SIGTERM.

Prints one line of JSON when they answer. `Holder` is the test's handle on it.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from famedash.infra.embedded import DataDirInUse, EmbeddedUnavailable, embedded_servers


class Refused(Exception):
    """The holder did not start; the message is its last line."""


class Holder:
    """A running holder: its pid, those of its servers and of the switch, and the addresses."""

    def __init__(
        self,
        data_dir: Path,
        *,
        command: Sequence[str] = (sys.executable,),
        env: Mapping[str, str] | None = None,
        script: Path = Path(__file__),
    ) -> None:
        self.data_dir = data_dir
        self.process = subprocess.Popen(
            [*command, str(script), str(data_dir)], stdout=subprocess.PIPE, env=env, text=True
        )
        told = self._first_json()
        self.postgres, self.valkey, self.switch = told["postgres"], told["valkey"], told["switch"]
        self.database_url, self.redis_url = told["database_url"], told["redis_url"]

    def _first_json(self) -> dict[str, Any]:
        assert self.process.stdout
        last = ""
        for last in self.process.stdout:
            if last.startswith("{"):
                return dict(json.loads(last))
        self.process.wait()
        raise Refused(last.strip())

    @property
    def pids(self) -> list[int]:
        return [self.process.pid, self.switch, self.postgres, self.valkey]

    def kill(self, *pids: int) -> None:
        """`kill -9`, all at once as far as can be; our own child is waited for."""
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        if self.process.pid in pids:
            self.process.wait()

    def terminate(self) -> int:
        self.process.terminate()
        return self.process.wait(timeout=20)

    def cleanup(self) -> None:
        if self.process.poll() is None:
            self.terminate()
        if self.process.stdout:
            self.process.stdout.close()


def alive(pid: int) -> bool:
    """A zombie whose parent does not wait for it is dead enough."""
    listing = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return listing.stdout.strip()[:1] not in ("", "Z")


def eventually(question: Callable[[], bool], *, seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not question():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


async def _hold(data_dir: Path) -> None:
    task = asyncio.current_task()
    assert task
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    async with embedded_servers(data_dir) as embedded:
        told = {
            "postgres": embedded.postgres.pid,
            "valkey": embedded.valkey.pid,
            "switch": embedded.switch.pid,
            "database_url": embedded.endpoints.database_url,
            "redis_url": embedded.endpoints.redis_url,
        }
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    try:
        asyncio.run(_hold(Path(sys.argv[1])))
    except asyncio.CancelledError:
        sys.exit(0)
    except (DataDirInUse, EmbeddedUnavailable) as error:
        sys.stdout.write(f"{error}\n")
        sys.exit(1)
