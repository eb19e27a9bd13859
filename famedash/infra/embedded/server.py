"""One server as a child process: started, watched, brought back on its port, ended within a bound."""

import asyncio
import os
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from signal import Signals

import structlog

from famedash.infra.embedded.data_dir import EmbeddedUnavailable
from famedash.infra.embedded.identity import Identity
from famedash.infra.embedded.switch import DeadMansSwitch

READY_SECONDS = 60.0  # a crash recovery or a long append-only file is read first
NOT_YET_READY_SECONDS = 3.0  # to stop in: PostgreSQL that only starts takes long to hear SIGINT
BACK_OFF_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
LOG_BYTES = 8_000_000

# Nothing of the caller's: a locale that is missing here, a TZ that initdb would write down, PG* variables.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Program:
    """What to run as whom, how to end what an earlier run left, how to see that it answers, how to end it."""

    name: str
    identity: Identity
    argv: tuple[str, ...]
    log_path: Path
    stop_signal: Signals
    clear: Callable[[], Awaitable[None]]
    is_ready: Callable[[int], Awaitable[bool]]  # of the pid; files of an earlier process do not count


class Server:
    """A program that is kept up between `start` and `stop`, whatever kills it."""

    def __init__(self, program: Program, switch: DeadMansSwitch, *, stop_seconds: float) -> None:
        self.program = program
        self.stop_seconds = stop_seconds
        self._switch = switch
        self._process: Process | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process of this moment; None while it is down."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        """Return when it answers. Raises EmbeddedUnavailable, and then nothing of it runs."""
        await self._bring_up()
        self._watch = asyncio.create_task(self._keep_up())

    async def stop(self) -> None:
        """End it politely, or with SIGKILL after `stop_seconds`; it stays down until `start`."""
        await self._down(self.program.stop_signal)

    async def kill(self) -> None:
        """End it with SIGKILL, for tests of an outage; it stays down until `start`."""
        await self._down(Signals.SIGKILL)

    async def _down(self, signal: Signals) -> None:
        if self._watch is not None:
            self._watch.cancel()
            with suppress(asyncio.CancelledError):
                await self._watch
        if self._process is not None:
            await self._end(self._process, signal, self.stop_seconds)

    async def _keep_up(self) -> None:
        while self._process is not None:
            code = await self._process.wait()
            self._switch.forget(self._process.pid)
            log.warning("embedded.server_died", server=self.program.name, exit_code=code)
            await self._bring_back()

    async def _bring_back(self) -> None:
        for attempt in range(1_000_000):
            await asyncio.sleep(BACK_OFF_SECONDS[min(attempt, len(BACK_OFF_SECONDS) - 1)])
            try:
                await self._bring_up()
            except EmbeddedUnavailable as error:
                log.warning("embedded.restart_failed", server=self.program.name, reason=str(error))
            else:
                log.info("embedded.server_restarted", server=self.program.name, pid=self.pid)
                return

    async def _bring_up(self) -> None:
        await self.program.clear()
        process = await self._spawn()
        self._process = process
        self._switch.watch(process.pid, self.program.stop_signal)
        try:
            await self._until_ready(process)
        except BaseException:
            await self._end(process, self.program.stop_signal, NOT_YET_READY_SECONDS)
            raise

    async def _spawn(self) -> Process:
        output = _log_file(self.program.log_path, self.program.identity)
        try:
            return await asyncio.create_subprocess_exec(
                *(*self.program.identity.prefix, *self.program.argv),
                stdin=DEVNULL,
                stdout=output,
                stderr=output,
                env=ENVIRONMENT,
                cwd="/",
                start_new_session=True,
            )
        finally:
            os.close(output)

    async def _until_ready(self, process: Process) -> None:
        name, log_path = self.program.name, self.program.log_path
        try:
            async with asyncio.timeout(READY_SECONDS):
                while not await self.program.is_ready(process.pid):
                    if process.returncode is not None:
                        raise EmbeddedUnavailable(
                            f"{name} ended with code {process.returncode} while it started:"
                            f" {last_words(log_path)} (all of it: {log_path})."
                        )
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise EmbeddedUnavailable(
                f"{name} did not answer within {READY_SECONDS:.0f} s: see {log_path}."
            ) from None

    async def _end(self, process: Process, signal: Signals, seconds: float) -> None:
        with suppress(ProcessLookupError):
            process.send_signal(signal)
        try:
            await asyncio.wait_for(process.wait(), seconds)
        except TimeoutError:
            log.warning("embedded.server_killed", server=self.program.name, after_seconds=seconds)
            process.kill()
            await process.wait()
            await self.program.clear()  # the children of a killed PostgreSQL
        self._switch.forget(process.pid)


def last_words(path: Path) -> str:
    """The last line of a log that names an error, else its last line."""
    lines = path.read_text(errors="replace").splitlines()[-20:] or ["it said nothing"]
    return next((line for line in reversed(lines) if "FATAL" in line or "rror" in line), lines[-1]).strip()


def _log_file(path: Path, identity: Identity) -> int:
    """A descriptor to append to, for the owner only; a file that has grown too large is set aside first."""
    if path.exists() and path.stat().st_size > LOG_BYTES:
        path.replace(path.with_name(f"{path.name}.1"))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    identity.own(path)
    return descriptor
