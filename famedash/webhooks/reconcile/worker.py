"""Looks, again and again, whether each committed version was delivered, given up, expired or waits.

An event is judged once two things are known: every event up to it is published, and its partition was since
read up to a time `margin_seconds` later, which covers what the clocks of database and broker differ. What has
neither a final attempt nor a waiting row then was lost on the way: it is published again and held in memory
until it is settled. What was proven never goes past it, so a successor finds it again.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import structlog

from famedash.infra.database import Database
from famedash.infra.lease import Lease
from famedash.infra.log.model import Log
from famedash.infra.log.partitions import PARTITIONS
from famedash.infra.log.through import look as look_through
from famedash.infra.telemetry import gauge
from famedash.webhooks import queries as webhook_queries
from famedash.webhooks.model import Change, Delivery
from famedash.webhooks.reconcile import queries, service
from famedash.webhooks.reconcile.model import Candidate, Held, Span, follow, unsettled
from famedash.webhooks.service import READER

log = structlog.get_logger()
undelivered = gauge(
    "famedash_undelivered_versions", "Versions owed to an endpoint that were lost on the way."
)
oldest = gauge("famedash_undelivered_oldest_seconds", "How long ago the oldest of them happened; 0: none.")

LEASE_SECONDS = 30.0
PAGE = 2000
PAGES = 100
"""Of one look: what keeps up with thousands of events a second, and lets a stop wait for seconds only."""
MOST_HELD = 50_000
"""Beyond it nothing more is judged until some of them are settled."""


class Reconciler:
    """`look()` in the rhythm of `tend`. Several processes may: one works, the others stand by."""

    def __init__(
        self,
        database: Database,
        source: Log,
        *,
        default_points_somewhere: bool,
        margin_seconds: float = 30.0,
        again_seconds: float = 300.0,
    ) -> None:
        self.database = database
        self.source = source
        self.default_points_somewhere = default_points_somewhere
        self.margin = timedelta(seconds=margin_seconds)
        self.again_after = timedelta(seconds=again_seconds)
        self.lease = Lease(database, "reconciliation", seconds=LEASE_SECONDS)
        self._forget()

    def _forget(self) -> None:
        self.judged = 0
        self.span: Span | None = None
        self.held: dict[int, Held] = {}

    async def look(self) -> None:
        """One look: most only watch how far the log is read. Does nothing while another process works."""
        if not await self.lease.hold():
            self._forget()
            self._tell(datetime.now(UTC))  # the one who works tells
            return
        horizon = await queries.horizon(self.database)
        self.judged = max(self.judged, horizon.proven)
        self.span = follow(self.span, horizon)
        if self.judged >= self.span.end and not self.held:
            self.span = None
        elif await self._is_read(self.span):
            await self._judge(self.span, horizon.now)
        self._tell(horizon.now)

    async def _is_read(self, span: Span) -> bool:
        """Is every partition settled up to the margin after the events of the span were published?"""
        if span.published_at is None:
            return False
        for partition in range(PARTITIONS):
            look = await look_through(self.database, self.source, reader=READER, partition=partition)
            if look.through is None or look.through < span.published_at + self.margin:
                return False
        return True

    async def _judge(self, span: Span, now: datetime) -> None:
        await self._drop_settled()
        for _ in range(PAGES):
            if self.judged >= span.end or len(self.held) >= MOST_HELD:
                self.span = None
                break
            candidates = await queries.page(self.database, after=self.judged, up_to=span.end, limit=PAGE)
            self.held |= {held.seq: held for held in await self._undelivered(candidates)}
            self.judged = candidates[-1].seq if len(candidates) == PAGE else span.end
        await self._repair(now)

    async def _undelivered(self, candidates: Sequence[Candidate]) -> list[Held]:
        """Those that have neither a final attempt nor a waiting row."""
        found: dict[str, dict[str, list[Change]]] = {}
        workspaces = {candidate.event.workspace for candidate in candidates}
        changes = await webhook_queries.changes(self.database, workspaces)
        for (workspace, endpoint_id), some in changes.items():
            found.setdefault(workspace, {})[endpoint_id] = some
        return await self._still_open(
            unsettled(candidates, found, default_points_somewhere=self.default_points_somewhere)
        )

    async def _drop_settled(self) -> None:
        """Held ones that came to an end since."""
        all_held = list(self.held.values())
        parts = [all_held[start : start + PAGE] for start in range(0, len(all_held), PAGE)]
        self.held = {held.seq: held for part in parts for held in await self._still_open(part)}

    async def _still_open(self, some: Sequence[Held]) -> list[Held]:
        deliveries = [delivery for held in some for delivery in held.deliveries]
        if not deliveries:
            return []
        known = await webhook_queries.known(self.database, deliveries)
        settled = {id(one) for one, what in zip(deliveries, known, strict=True) if what.settled}
        for held in some:
            held.deliveries = [delivery for delivery in held.deliveries if id(delivery) not in settled]
        return [held for held in some if held.deliveries]

    async def _repair(self, now: datetime) -> None:
        """Publish again what was not lately, and write down how far everything is settled."""
        due = [
            held
            for held in self.held.values()
            if held.repaired_at is None or held.repaired_at + self.again_after <= now
        ]
        proven = min(self.held, default=self.judged + 1) - 1
        async with self.database.transaction() as tx:
            await service.conclude(tx, proven=proven, again=[held.seq for held in due])
        for held in due:
            held.repaired_at = now
            for delivery in held.deliveries:
                _report(delivery)

    def _tell(self, now: datetime) -> None:
        times = [held.deliveries[0].occurred_at for held in self.held.values()]
        undelivered.set(len(times))
        oldest.set((now - min(times)).total_seconds() if times else 0.0)


def _report(delivery: Delivery) -> None:
    log.warning(
        "webhooks.undelivered",
        workspace=delivery.workspace,
        campaign=delivery.campaign_id,
        version=delivery.version,
        endpoint=delivery.endpoint_id,
    )
