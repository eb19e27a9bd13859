"""Real `famedash ingest` processes on a stream whose truth is known, and the comparison, cell by cell."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import asyncpg
from redis.asyncio import Redis
from redis.exceptions import RedisError

from famedash.infra.database import Database, open_database
from famedash.metrics import service
from tests.chaos.ingest_stream import COLUMNS, Put, Stream, Truth
from tests.chaos.processes import Process
from tests.chaos.town import Town, until

TIME_OF = {"minutes": "minute", "hours": "hour", "creator_hours": "hour", "hashtag_hours": "hour"}
FOLDED = b'"tiktok"'
"""On the wire: in the values of the first statement that adds to counters."""

AWAY = (OSError, RedisError, asyncpg.PostgresError, asyncpg.InterfaceError)


@dataclass
class Feed:
    """What goes in: seeded, appended portion by portion; what must have come of it."""

    town: Town
    stream: Stream
    redis: Redis
    settings: dict[str, str] = field(default_factory=lambda: {"metrics_flush_seconds": "0.02"})
    forgotten: set[str] = field(default_factory=set)

    @property
    def truth(self) -> Truth:
        return self.stream.truth

    # --- going in

    async def put(self, lines: int = 40) -> None:
        await self.append(self.stream.portion(lines))

    async def append(self, puts: Sequence[Put]) -> None:
        for put in puts:
            entry = await self.redis.xadd(f"famedash:engagement:{put.partition}", {"data": put.data})
            self.truth.note(put, entry.decode())

    async def start(self, **settings: str) -> Process:
        return await self.town.start("ingest", **self.settings | settings)

    async def start_and_catch_up(self, **settings: str) -> Process:
        process = await self.start(**settings)
        await self.caught_up()
        return process

    @asynccontextmanager
    async def database(self) -> AsyncIterator[Database]:
        async with open_database(self.town.database_url, application="test") as database:
            yield database

    async def forget_the_dead(self) -> None:
        """The leases of those that were killed run out now: as if so much time had passed."""
        assert not any(process.is_alive for process in self.town.processes)
        await self.town.fetch("update reader_leases set lease_until = '-infinity' where owner is not null")
        await self.town.fetch("update reader_members set seen_until = '-infinity'")

    # --- what came of it

    async def caught_up(self, seconds: float = 30) -> None:
        """Every partition is read to its end, and every letter is copied."""

        async def done() -> bool:
            with suppress(*AWAY):
                return await self._is_caught_up()
            return False

        try:
            await until(done, seconds, "the stream is read to its end")
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.town.words()}") from None

    async def _is_caught_up(self) -> bool:
        rows = await self.town.fetch(
            "select partition, entry, lines from reader_positions where reader = 'metrics' order by partition"
        )
        if len(rows) < 16 or await self.town.fetch("select from metric_dead_letters where not copied"):
            return False
        for row in rows:
            last = await self.redis.xrevrange(f"famedash:engagement:{row['partition']}", count=1)
            if last and (row["entry"], row["lines"]) != (last[0][0].decode(), 0):
                return False
        return True

    async def proves_exact(self, seconds: float = 30, gaps: int = 0) -> None:
        """All is read, every cell is what it must be, no gap was seen but these, nobody died of a bug."""
        await self.caught_up(seconds)
        wrong = await self.differences()
        assert not wrong, f"{len(wrong)} cells\n" + "\n".join(wrong[:20]) + f"\n{self.town.words()}"
        bugs = [bug for process in self.town.processes for bug in process.bugs()]
        assert not bugs, f"{len(bugs)} bugs\n" + "\n".join(bugs[:3])
        found = await self.gaps()
        assert len(found) == gaps, found

    async def differences(self) -> list[str]:
        wrong = []
        for table, sums in self.truth.sums.items():
            expected = {key: value for key, value in sums.items() if value}
            wrong += _unequal(table, expected, await self._cells(table))
        wrong += _unequal("dead_letters", self.truth.letters, await self._letters())
        wrong += _unequal("fingerprints", await self._kept(), await self._fingerprints())
        ids = {f"{partition}/{entry}/{at}/{line}" for partition, entry, at, line in self.truth.letters}
        copies = dict.fromkeys(await self._copies(), 1)
        wrong += _unequal("dead:engagement", dict.fromkeys(ids - self.forgotten, 1), copies)
        return wrong

    async def _cells(self, table: str) -> dict[Any, Any]:
        rows = await self.town.fetch(f"select * from metric_{table}")  # noqa: S608 - one of six
        cells: dict[Any, Any] = {}
        for row in rows:
            at = [row[TIME_OF[table]]] if table in TIME_OF else []
            if table == "hashtag_hours":
                key = row["workspace_id"], row["platform"], *at, row["hashtag"]
                cells[key] = cells.get(key, 0) + row["engagements"]
                continue
            who = [row["influencer_id"]] if table.startswith("creator") else []
            for column in COLUMNS:
                key = row["workspace_id"], row["campaign_id"], *at, *who, row["platform"], column
                cells[key] = row[column]
        return {key: value for key, value in cells.items() if value}

    async def _letters(self) -> dict[Any, Any]:
        rows = await self.town.fetch("select * from metric_dead_letters")
        return {
            (row["partition"], row["entry"], row["arrived_ms"], row["line"]): (row["reason"], row["payload"])
            for row in rows
        }

    async def _kept(self) -> dict[Any, int]:
        """Events by minute, from the horizon on: what lies before was forgotten."""
        (row,) = await self.town.fetch("select complete_from from metric_horizon")
        return {minute: n for minute, n in self.truth.events.items() if minute >= row["complete_from"]}

    async def _fingerprints(self) -> dict[Any, int]:
        rows = await self.town.fetch(
            """
            select minute, (sum(octet_length(fingerprints)) / 8)::int as number
            from metric_fingerprints group by minute
            """
        )
        return {row["minute"]: row["number"] for row in rows}

    async def _copies(self) -> set[str]:
        entries = await self.redis.xrange("famedash:dead:engagement")
        return {json.loads(fields[b"data"])["id"] for _, fields in entries}

    async def flush(self) -> None:
        """Redis forgets everything: the streams, and the letters' copies."""
        self.forgotten |= await self._copies()
        await self.redis.flushall()

    async def gaps(self) -> list[tuple[int, str, str | None]]:
        rows = await self.town.fetch("select partition, expected, resumed_at from reader_gaps order by id")
        return [(row["partition"], row["expected"], row["resumed_at"]) for row in rows]


def _unequal(what: str, expected: dict[Any, Any], found: dict[Any, Any]) -> list[str]:
    return [
        f"{what} {key}: expected {expected.get(key)}, found {found.get(key)}"
        for key in expected.keys() | found.keys()
        if expected.get(key) != found.get(key)
    ]


async def feed(town: Town, seed: int, *, tables: bool = True) -> Feed:
    """A feed with the horizon of its stream; without `tables`, those of the times are made on demand."""
    stream = Stream(seed, datetime.now(UTC))
    await town.fetch("update metric_horizon set complete_from = $1", stream.horizon)
    fed = Feed(town, stream, await town.redis())
    if tables:
        today = service.minute_of(stream.now) // 1440
        async with fed.database() as database:
            await service.prepare(database, (day * 1440 for day in range(today - 7, today + 2)))
    return fed
