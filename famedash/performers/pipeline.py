"""One load from the file to the ranking, in order: read, judge, write. Nothing is half done."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import ParamSpec, TypeVar
from uuid import UUID

from famedash.infra import memory
from famedash.infra.database import Database
from famedash.infra.errors import Unavailable
from famedash.performers import copy_rows, header, service
from famedash.performers.content import Content, opened
from famedash.performers.copy_rows import Source
from famedash.performers.life import alive
from famedash.performers.model import Columns, Loaded, Options, Progress, TooManyRejects
from famedash.performers.reading import Read, read
from famedash.performers.rejects import Rejects, rejects_of

T = TypeVar("T")
P = ParamSpec("P")

NO_FINAL_NEWLINE = "The last line has no line end: the file may have been cut off there."


@dataclass(frozen=True, slots=True)
class File:
    """What is to be loaded; `folder` is for temporary files, `rejects` where rejected lines go."""

    name: str
    folder: Path
    rejects: Path | None
    options: Options


async def examine(file: File, progress: Progress) -> Loaded:
    """Read and judge a file, without a database: what a load would say. Raises as `load` does."""
    with rejects_of(file.rejects) as rejects:
        async with _off_the_loop(opened(file.name, file.folder, progress), progress) as content:
            _, found = await _read(content, file, progress, rejects)
            rejects.publish()
            _refuse_too_many(found, file.options)
            return Loaded(found.tally, found.pairs, 0, 0, None, _warnings(content))


async def load(database: Database, workspace: str, import_id: UUID, file: File, progress: Progress) -> Loaded:
    """Load a file that `service.begin` has put on record; `progress` tells how far it is.

    Raises `UnreadableFile`, `TooManyRejects`, `GivenUp` and `Unavailable`; the load is `failed` then, with
    that sentence, and nothing of it has taken effect.
    """
    async with alive(database, workspace, import_id, progress):
        return await _load(database, workspace, import_id, file, progress)


async def _load(
    database: Database, workspace: str, import_id: UUID, file: File, progress: Progress
) -> Loaded:
    with rejects_of(file.rejects) as rejects:
        async with _off_the_loop(opened(file.name, file.folder, progress), progress) as content:
            async with database.transaction() as tx:
                same = await service.same_as(
                    tx, workspace, sha256=content.sha256, human_numbers=file.options.human_numbers
                )
                if same is not None:
                    return await service.repeat(tx, workspace, import_id, same_as=same)
            columns, found = await _read(content, file, progress, rejects)
            await service.keep_rejects(database, workspace, import_id, rejects.first)
            rejects.publish()
            _refuse_too_many(found, file.options)
            progress.step = "writing"
            memory.give_back()
            source = _source(_mapped(content.path), found, columns)
            async with database.transaction() as tx:
                loaded = await service.complete(
                    tx,
                    workspace,
                    import_id,
                    rows=lambda: _encoded(found, source, content),
                    pairs=found.pairs,
                    sha256=content.sha256,
                    human_numbers=file.options.human_numbers,
                    tally=found.tally,
                    warnings=_warnings(content),
                )
    await service.refresh_statistics(database, loaded)
    return loaded


async def _read(content: Content, file: File, progress: Progress, rejects: Rejects) -> tuple[Columns, Read]:
    head = header.read(content.start)
    human = file.options.human_numbers
    found = await _in_thread(
        progress, read, content.path, head, progress, rejects, folder=file.folder, human=human
    )
    content.refuse_change()
    return head.columns, found


def _refuse_too_many(found: Read, options: Options) -> None:
    """In percent of the lines that hold something, the header apart."""
    tally = found.tally
    judged = tally.accepted + tally.rejects
    if tally.rejects * 100 > options.most_rejects_percent * judged:
        percent = tally.rejects * 100 / judged
        raise TooManyRejects(
            f"{tally.rejects:,} of {judged:,} rows were rejected: {percent:.4g} %, and"
            f" {options.most_rejects_percent:g} % are allowed; nothing was loaded."
        )


def _warnings(content: Content) -> tuple[str, ...]:
    return () if content.ends_in_newline else (NO_FINAL_NEWLINE,)


def _source(text: memoryview, found: Read, columns: Columns) -> Source:
    """Texts beside the ids follow them, in the order of the header's optional columns."""
    places = iter(range(2, 4))
    platform, caption = (None if place is None else next(places) for place in columns.texts)
    return Source(text, found.aside, platform, caption)


async def _in_thread(progress: Progress, work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """Run `work` beside the loop. When that is cancelled, call it off and wait until it has ended."""
    running = asyncio.ensure_future(asyncio.to_thread(work, *args, **named))
    try:
        return await asyncio.shield(running)
    except OSError as fault:
        raise Unavailable(
            f"A file could not be written or read ({fault.strerror}); nothing was loaded."
        ) from fault
    except asyncio.CancelledError:
        progress.is_called_off = True
        await asyncio.gather(running, return_exceptions=True)
        raise


@asynccontextmanager
async def _off_the_loop(context: AbstractContextManager[T], progress: Progress) -> AsyncIterator[T]:
    entered = await _in_thread(progress, context.__enter__)
    try:
        yield entered
    finally:
        context.__exit__(None, None, None)


def _mapped(path: str) -> memoryview:
    """The file's bytes, read as they are needed; unmapped when nobody looks at them any more."""
    with open(path, "rb") as file:
        return memoryview(mmap(file.fileno(), 0, access=ACCESS_READ))


async def _encoded(found: Read, source: Source, content: Content) -> AsyncIterator[bytes]:
    """Ends with a look at the file: the COPY fails where its ids may be those of another one."""
    for block in copy_rows.encoded(found.groups, source):
        yield block
    content.refuse_change()
