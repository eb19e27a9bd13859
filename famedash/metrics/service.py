"""The transactions of counting: a batch with its position, the tables that times need, and the horizon."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from famedash.infra.database import Database, Transaction
from famedash.infra.errors import Postponed
from famedash.infra.log.fence import move
from famedash.infra.log.model import Move
from famedash.metrics import store
from famedash.metrics.draft import Draft, Letter
from famedash.metrics.fingerprints import MinuteKey
from famedash.metrics.model import READER

MINUTES_KEPT = timedelta(hours=73)
DAY = timedelta(days=1)
MERGED_FROM, MERGED_TO = timedelta(minutes=90), timedelta(minutes=30)

MINUTE_TABLES = ("metric_minutes",)
DAY_TABLES = ("metric_fingerprints", "metric_hashtag_hours")
MONTH_TABLES = ("metric_hours", "metric_creator_hours")

Refused = store.Refused
NoTable = store.NoTable


class HorizonMoved(Postponed):
    """Events of the draft have become too late since it was made: draft them again."""


async def count(tx: Transaction, draft: Draft, moves: Sequence[Move], write_id: UUID) -> None:
    """Write a judged draft with its positions, or nothing.

    Raises `Fenced`, `HorizonMoved`, `NoTable`, and `Refused` for data that PostgreSQL does not take.
    """
    with store.named_refusals():
        await _check_horizon(tx, draft)
        await move(tx, READER, moves, write_id)
        if draft.rows:
            kept_from = minute_of(await tx.now() - MINUTES_KEPT)
            await store.fold(tx, draft.rows, minutes_from=kept_from)
            await store.fold_creators(tx, draft.creators)
            await store.fold_hashtags(tx, draft.tags)
            await store.insert_fingerprints(tx, draft.minutes, write_id)
        if draft.letters:
            await store.insert_letters(tx, draft.letters)


async def _check_horizon(tx: Transaction, draft: Draft) -> None:
    """Read after the last fingerprint was loaded: so what was loaded was complete, or we start anew."""
    horizon = await store.horizon(tx)
    if horizon is not None and draft.oldest_minute is not None and draft.oldest_minute < horizon:
        raise HorizonMoved("The time from which on repeats can be told apart has moved.")


async def set_aside(tx: Transaction, letter: Letter, moves: Sequence[Move], write_id: UUID) -> None:
    """Move past one line that PostgreSQL refuses."""
    await move(tx, READER, moves, write_id)
    await store.insert_letters(tx, [letter])


async def note_moves(tx: Transaction, moves: Sequence[Move], write_id: UUID) -> None:
    """Positions, and the gaps that were found, without any event."""
    await move(tx, READER, moves, write_id)


async def journal_of(
    database: Database, keys: Sequence[MinuteKey], *, room: Callable[[int], bool]
) -> dict[MinuteKey, bytes] | None:
    """The fingerprints of these minutes; None where `room` says that there are too many."""
    number = sum(await store.fingerprint_counts(database, keys)) if keys else 0
    if not room(number):
        return None
    if not number:
        return dict.fromkeys(keys, b"")
    return dict(zip(keys, await store.fingerprints(database, keys), strict=True))


async def prepare(database: Database, minutes: Iterable[int]) -> int:
    """Make every table that events of these minutes (since 1970) need; answers how many were missing."""
    days = sorted({minute // 1440 for minute in minutes})
    made = 0
    for day in (moment_of(day * 1440) for day in days):
        async with database.transaction() as tx:
            month = day.replace(day=1)
            recent = day > await tx.now() - MINUTES_KEPT - DAY
            for table in (*DAY_TABLES, *(MINUTE_TABLES if recent else ())):
                made += await store.prepare_table(tx, table, day, day + DAY)
            for table in MONTH_TABLES:
                made += await store.prepare_table(tx, table, month, (month + 31 * DAY).replace(day=1))
    return made


def minute_of(moment: datetime) -> int:
    return int(moment.timestamp()) // 60


def moment_of(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC)


async def move_horizon(tx: Transaction, *, kept: timedelta) -> None:
    """Forget fingerprints of days that lie wholly before now - `kept`, and say so in the same transaction.

    Only ever forward: what was forgotten does not come back when `kept` grows.
    """
    await tx.execute("set local lock_timeout = '2s'")
    oldest = await store.advance_horizon(tx, kept)
    await store.drop_tables(tx, "metric_fingerprints", DAY, oldest)


async def merge_fingerprints(tx: Transaction) -> int:
    """Each write adds a row to the minutes that it touched: those that have settled get one row each."""
    now = await tx.now()
    return await store.merge_fingerprints(tx, now - MERGED_FROM, now - MERGED_TO)


async def drop_minutes(tx: Transaction) -> None:
    await tx.execute("set local lock_timeout = '2s'")
    await store.drop_tables(tx, "metric_minutes", DAY, await tx.now() - MINUTES_KEPT)


async def drop_hashtags(tx: Transaction, *, kept: timedelta) -> None:
    await tx.execute("set local lock_timeout = '2s'")
    await store.drop_tables(tx, "metric_hashtag_hours", DAY, await tx.now() - kept)


async def delete_letters(tx: Transaction, *, kept: timedelta) -> None:
    await store.delete_letters(tx, await tx.now() - kept)


async def horizon(database: Database) -> int | None:
    return await store.horizon(database)


async def fingerprint_seed(database: Database) -> int:
    return await store.fingerprint_seed(database)


async def mark_copied(tx: Transaction, letters: Sequence[Mapping[str, Any]]) -> None:
    await store.mark_copied(tx, letters)


async def mark_replayed(tx: Transaction, letters: Sequence[Mapping[str, Any]]) -> None:
    await store.mark_replayed(tx, letters)
