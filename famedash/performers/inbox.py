"""Files that come in over HTTP: received piece by piece, then loaded one by one, each by its own process.

Answers for: a load is on record from the first byte on, it is settled however it ends, and nothing of its
file is left behind. Starts no process itself: it is handed the function that does.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeAlias
from uuid import UUID

import structlog

from famedash.infra.background import Background
from famedash.infra.database import GONE, Database
from famedash.infra.errors import Invalid, Refusal, Unavailable
from famedash.infra.loop import Stop
from famedash.performers import content, service
from famedash.performers.life import STOPPING, alive
from famedash.performers.model import Options, Progress

MOST_FILES = 50
"""Received, waiting and loading at once, in one process."""

PATIENCE_SECONDS = 60.0
"""How long a sender may be silent."""

_BLOCK = 1 << 20
_EMPTY = "The body is empty: send the file itself, as `curl --data-binary @performance.csv` does."
_FULL = "Too many files are being received or wait to be loaded here: try again in a while."
_ENDED = "The process that loaded the file ended before it was done; nothing was loaded. Load the file again."

_log = structlog.get_logger()


class CutOff(Refusal):
    """The sender has gone, or has fallen silent, before everything was here."""

    problem = "cut-off"
    title = "The upload was cut off"

    def __init__(self) -> None:
        super().__init__("The upload was cut off; nothing was loaded. Send the file again.")


class NotStored(Unavailable):
    """The disk does not take the file."""

    def __init__(self) -> None:
        super().__init__(
            "The server cannot store the file now; nothing was loaded. Send it again in a while."
        )


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file that is here, for a load that is on record."""

    workspace: str
    import_id: UUID
    path: Path
    size: int
    options: Options


Launch: TypeAlias = Callable[[Arrival], Awaitable[None]]
"""Loads a file in a process of its own; returns when that has ended, however. Cancelled, it ends it first."""


class Inbox:
    """One a process. `folder` is for the files while they are needed."""

    def __init__(
        self, database: Database, folder: Path, launch: Launch, background: Background, stop: Stop
    ) -> None:
        self._database = database
        self._folder = folder
        self._launch = launch
        self._background = background
        self._stop = stop
        self._turn = asyncio.Lock()
        self._files = 0

    async def take(
        self, workspace: str, body: AsyncIterator[bytes], *, size: int, file_name: str, options: Options
    ) -> UUID:
        """Receive a file of `size` bytes (0: unknown) and line it up; answers the id of its load.

        Raises `Invalid` for an empty one, `CutOff`, `Unavailable`, and what `body` raises; a load that was on
        record by then is `failed`.
        """
        if self._stop:
            raise Unavailable(STOPPING)
        if self._files >= MOST_FILES:
            raise Unavailable(_FULL, retry_after_seconds=10)
        with self._place():
            first = await _first(body)
            import_id = await service.begin(self._database, workspace, file_name=file_name, options=options)
            progress = Progress("receiving", bytes_total=size)
            async with (
                alive(self._database, workspace, import_id, progress, stop=self._stop),
                self._new_file() as file,
            ):
                await _receive(file, first, body, progress)
                progress.step, progress.bytes_total = "waiting", progress.bytes_done
                await service.note(self._database, workspace, import_id, progress)
                arrival = Arrival(workspace, import_id, Path(file.name), progress.bytes_done, options)
                self._background.start(self._load, arrival)
        _log.info("import.received", import_id=str(import_id), bytes=arrival.size)
        return import_id

    async def _load(self, arrival: Arrival) -> None:
        with self._place():
            try:
                await self._load_in_turn(arrival)
            except Refusal as refusal:
                _log.warning("import.not_loaded", import_id=str(arrival.import_id), reason=refusal.detail)
            finally:
                await _remove(arrival.path)

    async def _load_in_turn(self, arrival: Arrival) -> None:
        """We give the signs of life until its process does."""
        progress = Progress("waiting", bytes_total=arrival.size, bytes_done=arrival.size)
        async with AsyncExitStack() as waiting:
            await waiting.enter_async_context(
                alive(self._database, arrival.workspace, arrival.import_id, progress)
            )
            async with self._turn:
                await waiting.aclose()
                try:
                    await self._launch(arrival)
                finally:
                    await self._settle(arrival)

    async def _settle(self, arrival: Arrival) -> None:
        """Changes nothing where its process has done so. While the database is away, `tend` will."""
        with suppress(*GONE, Unavailable):
            await service.fail(self._database, arrival.workspace, arrival.import_id, _ENDED)

    @contextmanager
    def _place(self) -> Iterator[None]:
        self._files += 1
        try:
            yield
        finally:
            self._files -= 1

    @asynccontextmanager
    async def _new_file(self) -> AsyncIterator[IO[bytes]]:
        """Closed afterwards, and gone unless the block ended well."""
        with _storing():
            file = content.new_file(self._folder)
        try:
            with file:
                yield file
        except BaseException:
            await _remove(Path(file.name))
            raise


async def _first(body: AsyncIterator[bytes]) -> bytes:
    """Raises `Invalid` where nothing comes."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for block in body:
                if block:
                    return block
    except TimeoutError:
        raise CutOff from None
    raise Invalid(_EMPTY)


async def _receive(file: IO[bytes], first: bytes, body: AsyncIterator[bytes], progress: Progress) -> None:
    """Write everything, a megabyte at a time; the loop goes on meanwhile."""
    now = asyncio.get_running_loop().time
    waiting, progress.bytes_done = [first], len(first)
    stored = 0
    try:
        async with asyncio.timeout(PATIENCE_SECONDS) as patience:
            async for block in body:
                waiting.append(block)
                progress.bytes_done += len(block)
                if progress.bytes_done - stored >= _BLOCK:
                    await _write(file, waiting)
                    waiting, stored = [], progress.bytes_done
                patience.reschedule(now() + PATIENCE_SECONDS)
    except TimeoutError:
        raise CutOff from None
    await _write(file, waiting)


async def _write(file: IO[bytes], blocks: list[bytes]) -> None:
    """What follows the last block finds it in the file."""

    def write() -> None:
        file.writelines(blocks)
        file.flush()

    with _storing():
        await asyncio.to_thread(write)


@contextmanager
def _storing() -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        _log.error("import.not_stored", error=fault.strerror)
        raise NotStored from fault


async def _remove(path: Path) -> None:
    """Beside the loop: a large file takes its time."""
    await asyncio.to_thread(path.unlink, missing_ok=True)
