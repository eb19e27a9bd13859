"""A lease that one process at a time holds (the relay): taken over soon after its last renewal."""

import time
from uuid import uuid4

from famedash.infra.database import Database


class Lease:
    """`hold()` renews or takes; `is_fresh()` says, without asking anybody, that it is surely still ours."""

    def __init__(self, database: Database, name: str, *, seconds: float) -> None:
        self.database = database
        self.name = name
        self.seconds = seconds
        self.owner = str(uuid4())
        self._fresh_until = 0.0

    async def hold(self) -> bool:
        """Renew the lease, or take it when nobody holds it any more. One statement, one row lock."""
        asked_at = time.monotonic()
        row = await self.database.fetchrow(
            """
            insert into singletons (name, owner, epoch, lease_until)
            values ($1, $2, 1, clock_timestamp() + make_interval(secs => $3))
            on conflict (name) do update
            set owner = excluded.owner, lease_until = excluded.lease_until,
                epoch = singletons.epoch + (singletons.owner is distinct from excluded.owner)::int
            where singletons.owner is null or singletons.owner = excluded.owner
               or singletons.lease_until < clock_timestamp()
            returning epoch
            """,
            self.name,
            self.owner,
            self.seconds,
        )
        self._fresh_until = asked_at + self.seconds if row else 0.0
        return row is not None

    def is_fresh(self) -> bool:
        """Counted on our own monotonic clock from before the renewal was asked for."""
        return time.monotonic() < self._fresh_until

    def wants_renewal(self) -> bool:
        """True in the last three quarters of the lease."""
        return time.monotonic() > self._fresh_until - self.seconds * 0.75

    async def release(self) -> None:
        """Let the standby go on at once."""
        self._fresh_until = 0.0
        await self.database.fetchval(
            "update singletons set owner = null, lease_until = null where name = $1 and owner = $2",
            self.name,
            self.owner,
        )
