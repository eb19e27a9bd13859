"""Dead letters after they were written: copied to their stream, shown, replayed. Crosses the network."""

import time
from base64 import b64encode
from collections.abc import Sequence

import msgspec

from famedash.infra import json
from famedash.infra.database import Database
from famedash.infra.errors import Refusal, Unreadable
from famedash.infra.log.model import Appender, Record
from famedash.infra.log.partitions import partition_of
from famedash.metrics import decode, queries, service
from famedash.metrics.draft import Origin
from famedash.metrics.model import DEAD_TOPIC, TOPIC
from famedash.metrics.queries import LetterRow

AT_ONCE = 500


class MayCountTwice(Refusal):
    """What is too late may be a repeat of an event that was counted: nobody can tell any more."""


async def copy(database: Database, appender: Appender, partitions: Sequence[int]) -> int:
    """Append what is not in the dead-letter stream yet, at least once; answers how many there were."""
    letters = await queries.letters_to_copy(database, partitions, limit=AT_ONCE)
    if letters:
        await appender.append([Record(DEAD_TOPIC, None, json.encode(document(letter))) for letter in letters])
        async with database.transaction() as tx:
            await service.mark_copied(tx, letters)
    return len(letters)


async def replay(database: Database, appender: Appender, *, reason: str | None, force: bool) -> int:
    """Append letters to the log again, as if they arrived now; answers how many.

    Each is appended at least once; what comes twice counts once. Letters that are still wrong become letters
    again. Those that are too late are left out unless `force`: asking for them raises `MayCountTwice`.
    """
    if reason == "too_late" and not force:
        raise MayCountTwice(
            "What is too late may have been counted before, and nothing can tell any more:"
            " say --force to count it all the same."
        )
    replayed, last, now = 0, None, await queries.now(database)
    while letters := await queries.letters(database, reason=reason, limit=AT_ONCE, before=now, after=last):
        last = letters[-1]
        chosen = [letter for letter in letters if force or letter["reason"] != "too_late"]
        if chosen:
            await appender.append([_again(letter) for letter in chosen])
            async with database.transaction() as tx:
                await service.mark_replayed(tx, chosen)
        replayed += len(chosen)
    return replayed


def _again(letter: LetterRow) -> Record:
    payload: bytes = letter["payload"]
    try:
        event = decode.read(payload)
        partition = partition_of(event.workspace, event.campaign_id)
    except Unreadable:
        partition = letter["partition"]
    if letter["reason"] != "too_late":
        return Record(TOPIC, partition, payload)
    now_ms = int(time.time() * 1000)
    origin = Origin(letter["partition"], letter["entry"], now_ms, letter["line"], forced=True)
    return Record(TOPIC, partition, payload, msgspec.json.encode(origin))


def document(letter: LetterRow) -> dict[str, object]:
    """A letter as it is shown and copied; bytes that are no text come as base64."""
    payload: bytes = letter["payload"]
    try:
        content = {"payload": payload.decode()}
    except UnicodeDecodeError:
        content = {"payloadBase64": b64encode(payload).decode()}
    return {"id": identity(letter), "reason": letter["reason"], "notedAt": letter["noted_at"], **content}


def identity(letter: LetterRow) -> str:
    """partition/entry/arrival/line: where it was first read."""
    return f"{letter['partition']}/{letter['entry']}/{letter['arrived_ms']}/{letter['line']}"
