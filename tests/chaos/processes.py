"""FameDash's processes as a test runs and ends them: each with a log of its own, none left behind."""

import asyncio
import os
import shlex
import signal
import sys
from asyncio.subprocess import DEVNULL
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Process:
    """One `python -m famedash …`; `command` may have arguments."""

    def __init__(self, command: str, name: str, settings: dict[str, str], folder: Path) -> None:
        self.command = command
        self.name = name
        self.settings = settings
        self.folder = folder
        self.log_path = folder / f"{name}.log"
        self._process: asyncio.subprocess.Process | None = None

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> "Process":
        others = {name: value for name, value in os.environ.items() if not name.startswith("FAMEDASH_")}
        ours = {f"FAMEDASH_{name.upper()}": value for name, value in self.settings.items()}
        with self.log_path.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "famedash", *shlex.split(self.command)),
                cwd=self.folder,
                env=others | ours | {"PYTHONPATH": str(ROOT), "FAMEDASH_LOG_FORMAT": "json"},
                stdin=DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return self

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        assert self.is_alive, f"{self.name} ended by itself:\n{self.last_words()}"
        self._process.send_signal(number)

    async def kill(self) -> None:
        self.signal(signal.SIGKILL)
        await self.ended()

    def strike(self) -> None:
        """kill -9, and not a moment later; wait with `ended`."""
        self.signal(signal.SIGKILL)

    def pause(self) -> None:
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.signal(signal.SIGCONT)

    async def stop(self, seconds: float = 15) -> int:
        """SIGTERM; answers the exit code."""
        self.signal(signal.SIGTERM)
        return await self.ended(seconds)

    async def ended(self, seconds: float = 15) -> int:
        assert self._process is not None
        return await asyncio.wait_for(self._process.wait(), seconds)

    async def end(self) -> None:
        """At the end of a test, whatever state it is in."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def says(self, word: str) -> bool:
        return self.log_path.exists() and word in self.log_path.read_text(errors="replace")

    def bugs(self) -> list[str]:
        """The end of every traceback; asyncpg's pool prints one whenever the database is away, as news."""
        if not self.log_path.exists():
            return []
        said = self.log_path.read_text(errors="replace").split("Traceback (most recent call last)")
        news = '"asyncpg.pool"'
        return [
            f"{self.name}: {after[:6000]}"
            for before, after in pairwise(said)
            if news not in before.rpartition("\n")[2]
        ]

    def last_words(self, lines: int = 15) -> str:
        if not self.log_path.exists():
            return ""
        said = self.log_path.read_text(errors="replace").splitlines()
        return "\n".join(line[:600] for line in said if '"http.request"' not in line[-300:])[-lines * 300 :]
