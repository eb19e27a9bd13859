"""What delivery reads of the endpoints; real PostgreSQL."""

from datetime import timedelta

from famedash.infra.database import Database
from famedash.webhooks import queries, service
from famedash.webhooks.model import DEFAULT_ENDPOINT
from tests.webhooks.rows import make_endpoint

HERE = "http://127.0.0.1:9/hook"
KEPT = timedelta(days=8)
MARGIN = timedelta(hours=1)


async def made(database: Database, name: str, *, workspace: str = "acme", deleted: timedelta | None) -> None:
    """`deleted`: so long ago."""
    await make_endpoint(database, name, HERE, workspace=workspace)
    async with database.transaction() as tx:
        await tx.execute(
            "update webhook_endpoints set deleted_at = clock_timestamp() - $3::interval"
            " where workspace_id = $1 and endpoint_id = $2",
            workspace,
            name,
            deleted,
        )


async def test_changes_of_what_was_deleted_long_ago_are_not_read_any_more(database: Database) -> None:
    """PROMISE: whatever the log may still hold is judged by the endpoint's changes; the rest costs nothing.

    Breaks if those of a deleted endpoint are read for ever, or are gone while its events are on the way.
    """
    await made(database, "there", deleted=None)
    await made(database, "deleted lately", deleted=KEPT - MARGIN)
    await made(database, "deleted long ago", deleted=KEPT + MARGIN)
    await made(database, "there", workspace="rival", deleted=KEPT + MARGIN)
    async with database.transaction() as tx:
        await service.switch(tx, "acme", DEFAULT_ENDPOINT, enabled=False, reason="by_request")

    found = await queries.changes(database, ["acme", "rival"])

    assert set(found) == {("acme", "there"), ("acme", "deleted lately"), ("acme", DEFAULT_ENDPOINT)}
