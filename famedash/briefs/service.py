"""A brief on record, and what people say of it: each is one transaction of the caller."""

from dataclasses import dataclass
from uuid import UUID

from famedash.briefs import store
from famedash.briefs.model import Ask, Verdict
from famedash.infra.database import Transaction
from famedash.infra.errors import NotFound
from famedash.infra.ids import uuid7


@dataclass(frozen=True, slots=True)
class Written:
    """A brief as it goes on record: JSON of the request and of the answer."""

    brief_id: UUID
    engine: str
    model: str
    request: bytes
    answer: bytes


def missing() -> NotFound:
    """One answer for an id that exists nowhere and for one that belongs to another workspace."""
    return NotFound("There is no such brief in this workspace.")


async def record(tx: Transaction, workspace: str, ask: Ask, written: Written, *, actor: str) -> None:
    await store.insert(
        tx,
        workspace,
        written.brief_id,
        actor=actor,
        campaign_id=ask.campaign_id,
        brand=ask.brand,
        product=ask.product,
        platform=ask.platform,
        engine=written.engine,
        model=written.model,
        request=written.request,
        answer=written.answer,
    )


async def judge(
    tx: Transaction,
    workspace: str,
    brief_id: UUID,
    verdict: Verdict,
    *,
    edited_caption: str | None,
    note: str | None,
    actor: str,
) -> None:
    """Put a word on record; the newest one counts. Raises `NotFound`."""
    known = await store.insert_feedback(
        tx,
        workspace,
        brief_id,
        uuid7(),
        verdict=verdict,
        edited_caption=edited_caption,
        note=note,
        actor=actor,
    )
    if not known:
        raise missing()
