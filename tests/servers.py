"""One real PostgreSQL and one real Valkey for a whole test run, in a process of their own.

`python -m tests.servers DIR` starts both, writes DIR/urls.json and runs until its standard input closes.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from famedash.infra.embedded import embedded_servers


class Servers:
    """Started by the pytest controller, used by every worker."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="famedash-tests-", ignore_cleanup_errors=True)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.servers", self.folder.name],
            stdin=subprocess.PIPE,
            cwd=Path(__file__).parent.parent,
        )
        self.urls = self._wait()

    def _wait(self) -> dict[str, str]:
        path = Path(self.folder.name) / "urls.json"
        for _ in range(600):
            if path.exists():
                return dict(json.loads(path.read_text()))
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError("the embedded servers did not start; see the lines above")

    def stop(self) -> None:
        if self.process.stdin:
            self.process.stdin.close()
        self.process.wait(timeout=30)
        self.folder.cleanup()


async def _serve(folder: Path) -> None:
    async with embedded_servers(folder / "data", durable=False) as embedded:
        draft = folder / "urls.tmp"
        endpoints = embedded.endpoints
        draft.write_text(
            json.dumps({"database_url": endpoints.database_url, "redis_url": endpoints.redis_url})
        )
        draft.rename(folder / "urls.json")
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
