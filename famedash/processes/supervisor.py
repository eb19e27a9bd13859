"""A supervisor for child commands: started stage by stage, kept up, stopped in reverse, ended if we are.

Knows nothing of what the children do. Their output is passed on line by line, each with its name in front.
"""

import asyncio
import os
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from signal import SIG_IGN, SIGHUP, SIGINT, SIGKILL, SIGTERM, Signals, getsignal

from famedash.infra.embedded import DeadMansSwitch
from famedash.processes.child_output import Output, Say, say_lines

STOP_SECONDS = 8.0  # a webhook worker takes up to 7 s to record its open sends
LAST_WORDS_SECONDS = 0.5
FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS = 0.2, 5.0
HEALTHY_SECONDS = 10.0  # a child that lived this long starts again at the first delay


class Hopeless(Exception):
    """Stop: a child ended in a way that starting it again cannot mend. It has said why itself."""


@dataclass(frozen=True)
class Child:
    """A command to keep up. `ready` is asked until it says yes; without it, started means ready.

    An exit code among `hopeless_codes` ends the supervisor instead of being tried again.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] | None = None
    ready: Callable[[], Awaitable[bool]] | None = None
    hopeless_codes: Collection[int] = ()


class Supervisor:
    """Stages of children: those of one stage start together, each stage when the one before is ready."""

    def __init__(
        self, stages: Sequence[Sequence[Child]], *, say: Say | None = None, stop_seconds: float = STOP_SECONDS
    ) -> None:
        self._stages = stages
        self._say = say or say_lines([child.name for stage in stages for child in stage])
        self._stop_seconds = stop_seconds
        self._stop_until: float | None = None

    @property
    def unused_stop_seconds(self) -> float:
        """What the children left of their time to stop."""
        return max(0.0, self._stop_until - _now()) if self._stop_until is not None else self._stop_seconds

    async def run(self) -> None:
        """Until cancelled; then every child is stopped, the last stage first, and no process is left.

        Raises Hopeless, and what made starting a child impossible.
        """
        started: list[list[_Keeper]] = []
        with DeadMansSwitch() as switch:
            try:
                for stage in self._stages:
                    started.append([_Keeper(child, switch, self._say) for child in stage])
                    await asyncio.gather(*(keeper.start() for keeper in started[-1]))
                await asyncio.gather(*(keeper.ended() for keepers in started for keeper in keepers))
            finally:
                self._stop_until = _now() + self._stop_seconds
                for keepers in reversed(started):
                    await asyncio.gather(*(keeper.stop(self._stop_until) for keeper in keepers))


class _Keeper:
    """One child, kept up by a task of its own."""

    def __init__(self, child: Child, switch: DeadMansSwitch, say: Say) -> None:
        self._child, self._switch, self._say = child, switch, say
        self._process: Process | None = None
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._keep_up())
        while self._child.ready is not None and not await self._child.ready():
            if self._task.done():
                await self._task  # raises what it died of
            await asyncio.sleep(0.05)

    async def ended(self) -> None:
        """Returns only when stopped; raises what made keeping it up impossible."""
        if self._task is not None:
            await asyncio.shield(self._task)

    async def stop(self, until: float) -> None:
        """Ask it to end; at `until` (the loop's clock) it is killed, though half a second is always given."""
        if self._task is None:
            return
        self._stopping.set()
        self._signal(SIGTERM)
        done, _ = await asyncio.wait([self._task], timeout=max(0.5, until - _now()))
        if not done:
            self._say(self._child.name, "did not end in time: killed")
            self._signal(SIGKILL)
        await asyncio.wait([self._task])

    async def _keep_up(self) -> None:
        delay = FIRST_DELAY_SECONDS
        while not self._stopping.is_set():
            began = _now()
            code = await self._run_once()
            if self._stopping.is_set():
                return
            if code in self._child.hopeless_codes:
                raise Hopeless(f"{self._child.name} ended with code {code}: see what it printed above.")
            delay = FIRST_DELAY_SECONDS if _now() - began > HEALTHY_SECONDS else delay
            self._say(self._child.name, f"ended with code {code}; starts again in {delay:.1f} s")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), delay)
            delay = min(delay * 2, LONGEST_DELAY_SECONDS)

    async def _run_once(self) -> int:
        output = await Output.open()
        try:
            process = self._process = await self._spawn(output.writing_end)
            output.pass_on(lambda line: self._say(self._child.name, line))
            return await self._until_ended(process)
        finally:
            await output.close(LAST_WORDS_SECONDS)

    async def _until_ended(self, process: Process) -> int:
        self._switch.watch(-process.pid, SIGTERM)
        if self._stopping.is_set():  # asked to stop while it was being born
            self._signal(SIGTERM)
        try:
            return await process.wait()
        finally:
            _end_group(process.pid)
            self._switch.forget(-process.pid)

    async def _spawn(self, output: int) -> Process:
        """In a session of its own: Ctrl-C on the terminal reaches the supervisor only."""
        return await asyncio.create_subprocess_exec(
            *self._child.argv,
            env=self._child.env,
            stdin=DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )

    def _signal(self, signal: Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal)


async def until_signalled(work: Coroutine[None, None, None]) -> int:
    """Run `work`; the first SIGTERM, SIGINT or SIGHUP cancels it, and it cleans up in full. Gives 0."""
    loop, task, asked = asyncio.get_running_loop(), asyncio.ensure_future(work), asyncio.Event()

    def ask() -> None:
        if not asked.is_set():
            asked.set()
            task.cancel()

    signals = [SIGTERM, SIGINT, *([SIGHUP] if getsignal(SIGHUP) is not SIG_IGN else [])]  # nohup
    for each in signals:
        loop.add_signal_handler(each, ask)
    try:
        await task
    except asyncio.CancelledError:
        if not asked.is_set():
            raise
    finally:
        for each in signals:
            loop.remove_signal_handler(each)
    return 0


def _end_group(pid: int) -> None:
    """What a child left behind in its session goes with it."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, SIGKILL)


def _now() -> float:
    return asyncio.get_running_loop().time()
