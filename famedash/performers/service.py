"""Loads, as the database sees them: begun, alive, complete in one transaction or failed."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from uuid import UUID

import msgspec

from famedash.infra.database import GONE, Database, Transaction
from famedash.infra.errors import Conflict, Unavailable
from famedash.infra.ids import uuid7
from famedash.performers import store
from famedash.performers.model import (
    COUNTED,
    PARSER_VERSION,
    Loaded,
    Options,
    Progress,
    Reason,
    Rejected,
    Tally,
)
from famedash.performers.store import Written

SILENT_SECONDS = 30.0
GIVEN_UP = "This load gave no sign of life and was given up; nothing was loaded. Load the file again."
LEAST_FOR_STATISTICS = 5_000
LEAST_IN_BULK = 100_000
"""Pairs; below that, a table of its own is not worth it."""


class GivenUp(Conflict):
    """Others took this load for dead: it must not take effect any more."""


async def begin(
    database: Database, workspace: str, *, file_name: str, options: Options, import_id: UUID | None = None
) -> UUID:
    """Put a new load on record, as `running`."""
    import_id = import_id or uuid7()
    await store.begin(
        database, workspace, import_id, file_name=file_name, human_numbers=options.human_numbers
    )
    return import_id


async def note(database: Database, workspace: str, import_id: UUID, progress: Progress) -> None:
    """Show how far it is, and that it lives. Raises `GivenUp`."""
    alive = await store.note(
        database,
        workspace,
        import_id,
        step=progress.step,
        bytes_done=progress.bytes_done,
        bytes_total=progress.bytes_total,
        tally=progress.tally,
    )
    if not alive and await store.status(database, workspace, import_id) != "loaded":
        raise GivenUp(GIVEN_UP)


async def keep_rejects(
    database: Database, workspace: str, import_id: UUID, rejects: Sequence[Rejected]
) -> None:
    await store.keep_rejects(database, workspace, import_id, rejects)


async def fail(database: Database, workspace: str, import_id: UUID, error: str) -> None:
    """Nothing of the load has taken effect."""
    await store.fail(database, workspace, import_id, error=error)


async def fail_silent(tx: Transaction) -> list[UUID]:
    """Give up the loads whose process is gone; answers which. One that is only frozen loses its connection:
    others wait for the locks that it holds.
    """
    error = "The process that loaded the file is gone; nothing was loaded. Load the file again."
    rows = await store.fail_silent(tx, after_seconds=SILENT_SECONDS, error=error)
    await store.disconnect_failed(tx)
    return [row["import_id"] for row in rows]


async def same_as(tx: Transaction, workspace: str, *, sha256: bytes, human_numbers: bool) -> UUID | None:
    """The newest load, where this file would change nothing: same content, read in the same way.

    Only the newest counts: after another file the same one may change something again. So where it is, no
    other can become it from here to the end of the transaction.
    """
    if await _newest_if_same(tx, workspace, sha256, human_numbers) is None:
        return None
    await store.hold(tx, workspace)
    return await _newest_if_same(tx, workspace, sha256, human_numbers)


async def _newest_if_same(tx: Transaction, workspace: str, sha256: bytes, human_numbers: bool) -> UUID | None:
    newest = await store.newest(tx, workspace)
    same = newest and (newest.sha256, newest.human_numbers, newest.parser_version) == (
        sha256,
        human_numbers,
        PARSER_VERSION,
    )
    return newest.import_id if newest and same else None


async def repeat(tx: Transaction, workspace: str, import_id: UUID, *, same_as: UUID) -> Loaded:
    """Close a load that changes nothing. Raises `GivenUp`."""
    row = await store.repeat(tx, workspace, import_id, same_as=same_as)
    if row is None:
        raise GivenUp(GIVEN_UP)
    numbers = {name: row[name] for name in COUNTED}
    rejected = Counter(
        {Reason(code): number for code, number in msgspec.json.decode(row["rejected"]).items()}
    )
    warnings = tuple(msgspec.json.decode(row["warnings"]))
    return Loaded(Tally(**numbers, rejected=rejected), row["pairs"], 0, 0, same_as, warnings)


async def refresh_statistics(database: Database, loaded: Loaded) -> None:
    """After many new rows, tell PostgreSQL how they are spread; until it knows it sorts whole campaigns.

    Where it cannot be told now, it will look by itself later: the rows are loaded.
    """
    if loaded.inserted + loaded.updated >= LEAST_FOR_STATISTICS:
        with suppress(*GONE, Unavailable):
            await store.analyze(database)


async def complete(
    tx: Transaction,
    workspace: str,
    import_id: UUID,
    *,
    rows: Callable[[], AsyncIterator[bytes]],
    pairs: int,
    sha256: bytes,
    human_numbers: bool,
    tally: Tally,
    warnings: Sequence[str],
) -> Loaded:
    """Replace the pairs of the file and write the load row: both or neither.

    Loads of one workspace wait for each other here, and large ones of all workspaces. `rows` begins the COPY
    anew each time it is called. Raises `GivenUp`.
    """
    await store.sign(tx, import_id)
    await store.hold(tx, workspace)
    same = await same_as(tx, workspace, sha256=sha256, human_numbers=human_numbers)
    if same is not None or not pairs:
        written = Written(0, 0)
    elif await _deserves_a_table(tx, workspace, pairs):
        written = await store.rebuild(tx, workspace, f"performances_{import_id.hex}", rows())
    else:
        written = await store.merge(tx, workspace, rows())
    done = await store.complete(
        tx,
        workspace,
        import_id,
        sha256=sha256,
        tally=tally,
        pairs=pairs,
        written=written,
        same_as=same,
        warnings=warnings,
    )
    if not done:
        raise GivenUp(GIVEN_UP)
    return Loaded(tally, pairs, *written, same, tuple(warnings))


async def _deserves_a_table(tx: Transaction, workspace: str, pairs: int) -> bool:
    if pairs < LEAST_IN_BULK:
        return False
    await store.hold_exchange(tx)
    return pairs * 2 >= await store.rows_of(tx, workspace, most=2 * pairs + 1)
