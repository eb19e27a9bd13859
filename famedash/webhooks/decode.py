"""From a log entry's bytes to its event. Pure."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from famedash.infra.errors import Unreadable
from famedash.infra.log.partitions import partition_of
from famedash.webhooks.model import Event

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern="^[^\\x00]*$")]


class _Data(msgspec.Struct):
    workspace: Name
    campaign_id: Name = msgspec.field(name="campaignId")
    version: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]


class _Event(msgspec.Struct):
    id: UUID
    type: Name
    timestamp: datetime
    data: _Data


_decoder = msgspec.json.Decoder(_Event)


def event_of(body: bytes, *, partition: int) -> Event:
    """The event of a log entry; its body travels on unchanged, byte for byte.

    Raises `Unreadable` for what no relay of ours wrote: not an event, or not in its campaign's partition.
    """
    try:
        event = _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as broken:
        raise Unreadable("not a domain event") from broken
    data = event.data
    if not _is_sound(event.timestamp):
        raise Unreadable("not a time that can be stored")
    if partition_of(data.workspace, data.campaign_id) != partition:
        raise Unreadable("not in the partition of its campaign")
    return Event(
        workspace=data.workspace,
        campaign_id=data.campaign_id,
        version=data.version,
        id=event.id,
        type=event.type,
        occurred_at=event.timestamp,
        partition=partition,
        body=body,
    )


def _is_sound(timestamp: datetime) -> bool:
    """With its offset, and far from where calendars end: arithmetic and the database take it."""
    return timestamp.tzinfo is not None and 2000 <= timestamp.year <= 2999
