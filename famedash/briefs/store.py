"""Rows of briefs and of what was said about them. Private to the service."""

from uuid import UUID

from famedash.infra.database import Transaction


async def insert(
    tx: Transaction,
    workspace: str,
    brief_id: UUID,
    *,
    actor: str,
    campaign_id: str | None,
    brand: str,
    product: str,
    platform: str,
    engine: str,
    model: str,
    request: bytes,
    answer: bytes,
) -> None:
    await tx.execute(
        """
        insert into briefs
            (workspace_id, brief_id, created_by, campaign_id, brand, product, platform, engine, model,
             request, answer)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        """,
        workspace,
        brief_id,
        actor,
        campaign_id,
        brand,
        product,
        platform,
        engine,
        model,
        request.decode(),
        answer.decode(),
    )


async def insert_feedback(
    tx: Transaction,
    workspace: str,
    brief_id: UUID,
    feedback_id: UUID,
    *,
    verdict: str,
    edited_caption: str | None,
    note: str | None,
    actor: str,
) -> bool:
    """False where the workspace has no such brief."""
    done = await tx.execute(
        """
        insert into brief_feedback
            (workspace_id, brief_id, feedback_id, verdict, edited_caption, note, given_by)
        select workspace_id, brief_id, $3, $4, $5, $6, $7 from briefs
        where workspace_id = $1 and brief_id = $2
        """,
        workspace,
        brief_id,
        feedback_id,
        verdict,
        edited_caption,
        note,
        actor,
    )
    return done.endswith(" 1")
