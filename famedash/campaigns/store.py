"""Rows of campaigns: written, or read to be locked. Opened only by the service."""

from datetime import datetime

import msgspec

from famedash.campaigns import model
from famedash.campaigns.model import Campaign, Plan
from famedash.infra.database import Transaction


async def insert(tx: Transaction, plan: Plan, *, workspace: str, campaign_id: str) -> datetime | None:
    """Write version 1 and answer the database's time of birth; None when the id is taken.

    From here to the end of the transaction the row is locked; a twin with the same id waits for it.
    """
    born: datetime | None = await tx.fetchval(
        """
        insert into campaigns
            (workspace_id, id, version, status, name, brand, product, goal, platforms, budget_amount,
             budget_currency, starts_at, ends_at, influencer_ids, metadata, created_at, updated_at)
        select $1, $2, 1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, clock.now, clock.now
        from (select clock_timestamp() as now) clock
        on conflict (workspace_id, id) do nothing
        returning created_at
        """,
        workspace,
        campaign_id,
        *_values(plan),
    )
    return born


async def hold(tx: Transaction, workspace: str, campaign_id: str) -> tuple[Campaign, datetime] | None:
    """Lock the row until the transaction ends; answer it with a time read after the lock was granted.

    (`for update` in the subquery is done before the outer select list: the time is never older than the
    wait.) None when there is no such campaign in this workspace.
    """
    row = await tx.fetchrow(
        """
        select held.*, clock_timestamp() as now
        from (select * from campaigns where workspace_id = $1 and id = $2 for update) held
        """,
        workspace,
        campaign_id,
    )
    return (model.recall(row), row["now"]) if row else None


async def save(tx: Transaction, campaign: Campaign) -> None:
    """Overwrite the row, which `hold` or `hold_due_to_…` has locked in this transaction."""
    await tx.execute(
        """
        update campaigns set
            status = $3, name = $4, brand = $5, product = $6, goal = $7, platforms = $8, budget_amount = $9,
            budget_currency = $10, starts_at = $11, ends_at = $12, influencer_ids = $13, metadata = $14,
            version = $15, updated_at = $16
        where workspace_id = $1 and id = $2
        """,
        campaign.workspace,
        campaign.id,
        *_values(campaign),
        campaign.version,
        campaign.updated_at,
    )


async def hold_due_to_start(tx: Transaction, *, limit: int) -> list[Campaign]:
    """Lock scheduled campaigns of every workspace whose time has come; what others hold is skipped."""
    rows = await tx.fetch(
        """
        select * from campaigns
        where status = 'scheduled' and starts_at <= now()
        order by starts_at, workspace_id, id
        limit $1
        for update skip locked
        """,
        limit,
    )
    return [model.recall(row) for row in rows]


async def hold_due_to_end(tx: Transaction, *, limit: int) -> list[Campaign]:
    """Lock active and paused campaigns of every workspace whose end has come; what others hold is skipped."""
    rows = await tx.fetch(
        """
        select * from campaigns
        where status in ('active', 'paused') and ends_at <= now()
        order by ends_at, workspace_id, id
        limit $1
        for update skip locked
        """,
        limit,
    )
    return [model.recall(row) for row in rows]


def _values(plan: Plan) -> tuple[object, ...]:
    """The planned columns, in the order in which both statements number them."""
    budget = plan.budget
    return (
        plan.status,
        plan.name,
        plan.brand,
        plan.product,
        plan.goal,
        plan.platforms,
        budget.amount if budget else None,
        budget.currency if budget else None,
        plan.starts_at,
        plan.ends_at,
        plan.influencer_ids,
        msgspec.json.encode(plan.metadata).decode(),
    )
