"""Campaign events written in bulk: a new version of every campaign in one statement, as the outbox has them.

And the check of what was received of them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID

from famedash.campaigns import events, model
from famedash.campaigns.schemas import NewCampaign
from famedash.infra.database import Database
from famedash.infra.ids import uuid7
from famedash.infra.log.partitions import partition_of
from famedash.outbox.model import EVENTS, DomainEvent, encode
from famedash.processes.bench.counted import Miscounted
from famedash.processes.bench.ground import CAMPAIGN

EVENT_ID, CAMPAIGN_ID = UUID(int=0xE << 124), UUID(int=0xC << 124)
VERSION = 1_987_654_321
"""These three stand in the pattern where an event has its own."""

Truth = Mapping[str, tuple[str, int]]
"""Campaign and version of each event, by its id."""


@dataclass
class Backlog:
    """`versions` were written of each campaign."""

    campaigns: list[str]
    workspace: str = field(default_factory=lambda: f"bench-{uuid7()}")
    versions: int = 0

    @property
    def events(self) -> int:
        return len(self.campaigns) * self.versions

    async def grow(self, database: Database, versions: int = 1) -> None:
        """Committed together, so that nobody reads some of it."""
        pattern = _pattern(self.workspace)
        partitions = [partition_of(self.workspace, campaign) for campaign in self.campaigns]
        async with database.transaction() as tx:
            for version in range(self.versions + 1, self.versions + versions + 1):
                await tx.execute(
                    _GROW,
                    *(self.workspace, self.campaigns, partitions, version, encode(pattern).decode()),
                    *(str(pattern.id), pattern.campaign_id, str(VERSION)),
                    *(pattern.type, EVENTS, pattern.occurred_at),
                )
        self.versions += versions


def new_backlog(campaigns: int) -> Backlog:
    """In a workspace of its own."""
    return Backlog([str(uuid7()) for _ in range(campaigns)])


def body() -> bytes:
    """An event of the usual size."""
    return encode(_pattern("bench"))


def _pattern(workspace: str) -> DomainEvent:
    plan = NewCampaign.model_validate(CAMPAIGN).plan()
    campaign = model.launch(plan, workspace=workspace, id=str(CAMPAIGN_ID), now=datetime.now(UTC))
    after = replace(campaign, version=VERSION)
    return replace(events.updated(replace(after, name="Before"), after, actor="bench"), id=EVENT_ID)


async def truth(database: Database, workspace: str) -> Truth:
    sql = "select event_id, campaign_id, version from outbox_events where workspace_id = $1"
    rows = await database.fetch(sql, workspace)
    return {str(row["event_id"]): (row["campaign_id"], row["version"]) for row in rows}


def check(truth: Truth, received: Iterable[str], *, complete: bool = True) -> None:
    """Each campaign's versions in their order without a gap, from the first on, at one endpoint; again is
    allowed. `complete`: all of them. Raises `Miscounted`.
    """
    ids = list(dict.fromkeys(received))
    last: dict[str, int] = {}
    for event_id in ids:
        if event_id not in truth:
            raise Miscounted(f"an event was received that nobody wrote: {event_id}")
        campaign, version = truth[event_id]
        if version != last.get(campaign, 0) + 1:
            raise Miscounted(f"version {version} was received after version {last.get(campaign, 0)}")
        last[campaign] = version
    if complete and len(ids) != len(truth):
        raise Miscounted(f"{len(ids):,} of {len(truth):,} events were received")


_GROW = """
    with made as materialized (
        select uuidv7() as event_id, campaign_id, partition
        from unnest($2::text[], $3::int[]) as campaign(campaign_id, partition)
    ), event as (
        insert into outbox_events
            (workspace_id, campaign_id, version, event_id, type, topic, partition, body, occurred_at)
        select $1::text, campaign_id, $4::int, event_id, $9::text, $10::text, partition,
               convert_to(replace(replace(replace($5::text, $6::text, event_id::text),
                                          $7::text, campaign_id), $8::text, $4::int::text), 'UTF8'),
               $11::timestamptz
        from made
        returning seq
    )
    insert into outbox_unpublished (seq) select seq from event
"""
