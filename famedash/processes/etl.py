"""`famedash etl FILE...`: load creators' results, show how far it is, and say what became of every line."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGTERM
from time import perf_counter
from typing import TypeAlias
from uuid import UUID

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from famedash.infra.database import IMPATIENT, Database, open_database
from famedash.infra.errors import Postponed
from famedash.performers import pipeline, service
from famedash.performers.model import MEANING, Loaded, Options, Progress
from famedash.performers.pipeline import File
from famedash.processes.settings import Settings

SHOW_SECONDS = 0.2
SAY_SECONDS = 5.0
STOPPED = "The load was stopped; nothing was loaded. Load the file again."

Show: TypeAlias = Callable[[Progress, float], None]
"""Shows a progress, at so many lines a second."""


@dataclass(frozen=True, slots=True)
class Order:
    """What the command line asks for. `import_id`: the load is on record already."""

    workspace: str
    options: Options
    rejects: Path | None = None
    import_id: UUID | None = None


async def examine(settings: Settings, names: Sequence[str], order: Order) -> None:
    """Read and judge the files; nothing is loaded and no server is needed."""
    for name in names:
        began, progress = perf_counter(), Progress()
        file = _file(settings, name, order, several=len(names) > 1)
        async with _shown(name, progress):
            found = await pipeline.examine(file, progress)
        _say(name, found, file, perf_counter() - began, dry=True)


async def load(settings: Settings, names: Sequence[str], order: Order) -> None:
    """Load the files one after another. The first that cannot be loaded ends it; those before it stay."""
    async with (
        _ended_by_sigterm(),
        open_database(
            settings.database_url,
            application="etl",
            max_connections=3,
            settings=IMPATIENT,
            command_timeout=None,
        ) as database,
    ):
        for name in names:
            await _load(database, settings, name, order, several=len(names) > 1)


@asynccontextmanager
async def _ended_by_sigterm() -> AsyncIterator[None]:
    """A load that is asked to end is `failed`, and leaves nothing behind. Raises `Postponed` then."""
    loop, work, asked = asyncio.get_running_loop(), asyncio.current_task(), asyncio.Event()

    def ask() -> None:
        if work is not None and not asked.is_set():
            asked.set()
            work.cancel()

    loop.add_signal_handler(SIGTERM, ask)
    try:
        yield
    except asyncio.CancelledError:
        if asked.is_set():
            raise Postponed(STOPPED) from None
        raise
    finally:
        loop.remove_signal_handler(SIGTERM)


async def _load(database: Database, settings: Settings, name: str, order: Order, *, several: bool) -> None:
    began, progress = perf_counter(), Progress()
    file = _file(settings, name, order, several=several)
    import_id = order.import_id or await service.begin(
        database, order.workspace, file_name=_called(name), options=order.options
    )
    async with _shown(name, progress):
        loaded = await pipeline.load(database, order.workspace, import_id, file, progress)
    _say(name, loaded, file, perf_counter() - began, dry=False)


def _file(settings: Settings, name: str, order: Order, *, several: bool) -> File:
    rejects = order.rejects
    if order.import_id is not None and rejects is None:  # who ordered it reads them in the load's record
        return File(name, settings.data_path / "imports", None, order.options)
    if rejects is None or several or rejects.is_dir():
        folder = rejects or settings.data_path / "rejects"
        rejects = folder / f"{Path(_called(name)).stem}.rejects.csv"
    return File(name, settings.data_path / "imports", rejects, order.options)


def _called(name: str) -> str:
    return "standard input" if name == "-" else Path(name).name


@asynccontextmanager
async def _shown(name: str, progress: Progress) -> AsyncIterator[None]:
    """A bar on a terminal, else a line every 5 s; on standard error, so that a pipe stays clean."""
    with _bar(_called(name)) if sys.stderr.isatty() else _lines(_called(name)) as show:
        showing = asyncio.create_task(_keep_showing(show, progress))
        try:
            yield
        finally:
            showing.cancel()


async def _keep_showing(show: Show, progress: Progress) -> None:
    began = perf_counter()
    while True:
        await asyncio.sleep(SHOW_SECONDS)
        show(progress, progress.tally.lines / (perf_counter() - began))


@contextmanager
def _bar(name: str) -> Iterator[Show]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rows]}"),
        TimeRemainingColumn(compact=True),
    )
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(name, total=None, rows="")

        def show(progress: Progress, rate: float) -> None:
            bars.update(
                task,
                description=f"{name}: {progress.step}",
                total=progress.bytes_total or None,
                completed=progress.bytes_done,
                rows=f"{progress.tally.lines:,} lines, {rate:,.0f}/s",
            )

        yield show


@contextmanager
def _lines(name: str) -> Iterator[Show]:
    said = perf_counter()

    def show(progress: Progress, rate: float) -> None:
        nonlocal said
        if perf_counter() - said >= SAY_SECONDS:
            said = perf_counter()
            percent = 100 * progress.bytes_done / (progress.bytes_total or 1)
            lines = f"{progress.tally.lines:,} lines, {rate:,.0f}/s"
            print(f"{name}: {progress.step}, {percent:.0f} %, {lines}", file=sys.stderr, flush=True)

    yield show


def _say(name: str, found: Loaded, file: File, seconds: float, *, dry: bool) -> None:
    print("\n".join(_summary(_called(name), found, file, seconds, dry=dry)), flush=True)


def _summary(name: str, found: Loaded, file: File, seconds: float, *, dry: bool) -> Iterator[str]:
    tally = found.tally
    yield f"{name}: {_outcome(found, dry=dry)}"
    yield (
        f"  lines     {tally.lines:>12,}  = header {tally.header:,} + accepted {tally.accepted:,}"
        f" + continuation {tally.continuation:,} + rejected {tally.rejects:,} + blank {tally.blank:,}"
    )
    for reason, number in tally.rejected.most_common():
        yield f"  rejected  {number:>12,}  {reason}: {MEANING[reason]}"
    if tally.flagged:
        yield f"  flagged   {tally.flagged:>12,}  more engagements than views: loaded, and shown with a flag"
    yield f"  groups    {found.pairs:>12,}  pairs of campaign and creator{_written(found, dry=dry)}"
    yield f"  seconds   {seconds:>12,.2f}"
    for warning in found.warnings:
        yield f"  warning: {warning}"
    if tally.rejects and found.same_as is None and file.rejects is not None:
        yield f"  rejected lines: {file.rejects}"


def _outcome(found: Loaded, *, dry: bool) -> str:
    if dry:
        return "read, not loaded (--dry-run)"
    if found.same_as is not None:
        return f"nothing to do, the load before ({found.same_as}) had the same content"
    return "loaded"


def _written(found: Loaded, *, dry: bool) -> str:
    if dry or found.same_as is not None:
        return ""
    same = found.pairs - found.inserted - found.updated
    return f": {found.inserted:,} new, {found.updated:,} changed, {same:,} as before"
