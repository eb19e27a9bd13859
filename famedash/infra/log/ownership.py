"""Who owns which partition: leases with an epoch, shared out fairly among a reader's members.

A member renews every second. A clean stop releases; after a crash the lease runs out and another member
takes the partition under the next epoch, noting that the last owner may have left work half done.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import uuid4

from famedash.infra.database import Database, Transaction
from famedash.infra.log import partitions
from famedash.infra.log.fence import standings
from famedash.infra.log.model import Standing
from famedash.infra.log.partitions import PARTITIONS

LEASE_SECONDS = 4.0
WINDOW = 1000
"""Deliveries an owner may have sent without a committed outcome: what a take-over must suspect."""


@dataclass(frozen=True)
class Share:
    """What a renewal found: the standings of all we hold, how many we should give up, until when it holds.

    `fresh_until` is on this process's monotonic clock, counted from before the renewal was asked for.
    """

    held: dict[int, Standing]
    surplus: int
    fresh_until: float


class Ownership:
    """One member of one reader (`webhooks`, `metrics`)."""

    def __init__(self, database: Database, reader: str, *, lease_seconds: float = LEASE_SECONDS) -> None:
        self.database = database
        self.reader = reader
        self.member = str(uuid4())
        self.lease_seconds = lease_seconds

    async def renew(self, *, claim: bool = True) -> Share:
        """Keep what is ours, claim what is free up to a fair share, and read where each partition stands.

        Raises `ForeignInstallation` where the log has another number of partitions.
        `claim=False` while leaving: what is held stays held until it is released, nothing is added.
        """
        asked_at = time.monotonic()
        async with self.database.transaction() as tx:
            partitions.check(await tx.fetchval("select log_partitions from installation"))
            members = await self._appear(tx)
            held = await self._keep(tx)
            target = _fair_share(members, self.member)
            if claim and len(held) < target:
                held |= await self._claim(tx, target - len(held))
            stood = await standings(tx, self.reader, held)
        return Share(
            held=stood,
            surplus=max(0, len(held) - target),
            fresh_until=asked_at + self.lease_seconds,
        )

    async def release(self, given: Iterable[int]) -> None:
        """Give partitions back cleanly: everything sent has been recorded."""
        async with self.database.transaction() as tx:
            await tx.execute(
                "update reader_leases set owner = null, lease_until = null"
                " where reader = $1 and owner = $2 and partition = any($3::int[])",
                self.reader,
                self.member,
                list(given),
            )

    async def forfeit(self, given: Iterable[int]) -> None:
        """Give partitions up uncleanly: who takes them next, maybe ourselves, suspects what we sent."""
        async with self.database.transaction() as tx:
            await tx.execute(
                "update reader_leases set owner = 'forfeited by ' || owner, lease_until = '-infinity'"
                " where reader = $1 and owner = $2 and partition = any($3::int[])",
                self.reader,
                self.member,
                list(given),
            )

    async def leave(self) -> None:
        """No longer counted for a fair share."""
        async with self.database.transaction() as tx:
            await tx.execute(
                "delete from reader_members where reader = $1 and member = $2", self.reader, self.member
            )

    async def _appear(self, tx: Transaction) -> list[str]:
        """Say that we are here; answers every member that is, ourselves included."""
        await tx.execute(
            """
            with dead as (
                delete from reader_members
                where reader = $1 and seen_until < clock_timestamp() - interval '1 hour'
            )
            insert into reader_members (reader, member, seen_until)
            values ($1, $2, clock_timestamp() + make_interval(secs => $3))
            on conflict (reader, member) do update set seen_until = excluded.seen_until
            """,
            self.reader,
            self.member,
            self.lease_seconds,
        )
        await tx.execute(
            """
            with lease as (
                insert into reader_leases (reader, partition)
                select $1, generate_series(0, $2::int - 1) on conflict do nothing returning partition
            )
            insert into reader_positions (reader, partition) select $1, partition from lease
            """,
            self.reader,
            PARTITIONS,
        )
        rows = await tx.fetch(
            "select member from reader_members"
            " where reader = $1 and (seen_until > clock_timestamp() or member = $2) order by member",
            self.reader,
            self.member,
        )
        return [row["member"] for row in rows]

    async def _keep(self, tx: Transaction) -> set[int]:
        """Renew every lease that is still in our name (also one that ran out and nobody took)."""
        rows = await tx.fetch(
            """
            update reader_leases set lease_until = clock_timestamp() + make_interval(secs => $3)
            where reader = $1 and owner = $2 returning partition
            """,
            self.reader,
            self.member,
            self.lease_seconds,
        )
        return {row["partition"] for row in rows}

    async def _claim(self, tx: Transaction, wanted: int) -> set[int]:
        """Take free or run-out partitions under the next epoch.

        An owner that did not release may have sent what it never recorded: the position row notes when,
        and that its first `WINDOW` deliveries are suspect.
        """
        rows = await tx.fetch(
            """
            with free as (
                select partition, owner from reader_leases
                where reader = $1 and (owner is null or lease_until < clock_timestamp())
                order by partition limit $4 for update skip locked
            ), taken as (
                update reader_leases lease
                set owner = $2, epoch = epoch + 1,
                    lease_until = clock_timestamp() + make_interval(secs => $3)
                from free where lease.reader = $1 and lease.partition = free.partition
                returning lease.partition, lease.epoch, free.owner is not null as unclean
            )
            update reader_positions stood
            set epoch = taken.epoch,
                suspect_before = case when unclean then clock_timestamp() else suspect_before end,
                suspects = case when unclean then $5 else suspects end
            from taken where stood.reader = $1 and stood.partition = taken.partition
            returning stood.partition
            """,
            self.reader,
            self.member,
            self.lease_seconds,
            wanted,
            WINDOW,
        )
        return {row["partition"] for row in rows}


def _fair_share(members: list[str], member: str) -> int:
    """Partitions divided by members; the first ones in name order carry the remainder."""
    share, rest = divmod(PARTITIONS, len(members))
    return share + (1 if members.index(member) < rest else 0)
