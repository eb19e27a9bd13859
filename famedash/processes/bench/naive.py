"""The naive twin of `ingest`: what one writes first. One event, one transaction; exact, too.

`python -m famedash.processes.bench.naive DATABASE_URL REDIS_URL SECONDS` reads the staged streams, one event
at a time, and commits each with its repeat check (a unique key), minute, hour, total, and the position.
Prints the number and the seconds. Its tables are its own.
"""

import json
import sys
import time
from collections.abc import Iterator

import uvloop

from famedash.infra.database import Database, Transaction, open_database
from famedash.infra.errors import Unreadable
from famedash.infra.log.partitions import PARTITIONS
from famedash.metrics.decode import Event, read
from famedash.metrics.model import COUNTER_OF, COUNTERS
from famedash.processes.bench.fill import staged
from famedash.processes.bench.raw import Raw

TABLES = """
    create table naive_seen (campaign_id text, event_id text, primary key (campaign_id, event_id));
    create table naive_counts (campaign_id text, span text, starts timestamptz, platform text,
        views bigint, likes bigint, comments bigint, shares bigint, saves bigint, clicks bigint,
        conversions bigint, primary key (campaign_id, span, starts, platform));
    create table naive_positions (partition int primary key, entry text);
    create table naive_letters (line bytea);
"""


async def main(database_url: str, redis_url: str, seconds: float) -> None:
    number = 0
    async with open_database(database_url, application="naive", max_connections=1) as database:
        async with database.transaction() as tx:
            await tx.execute(TABLES)
        began = time.monotonic()
        for partition, entry, line in _lines(Raw(redis_url)):
            await count(database, partition, entry, line)
            number += 1
            if time.monotonic() > began + seconds:
                break
    print(json.dumps({"number": number, "seconds": time.monotonic() - began}))


async def count(database: Database, partition: int, entry: str, line: bytes) -> None:
    async with database.transaction() as tx:
        try:
            event = read(line)
        except Unreadable:
            await tx.execute("insert into naive_letters values ($1)", line)
        else:
            if await _is_new(tx, event):
                for span in ("minute", "hour", "total"):
                    await _add(tx, event, span)
        await tx.execute(
            "insert into naive_positions values ($1, $2) on conflict (partition) do update set entry = $2",
            partition,
            entry,
        )


async def _is_new(tx: Transaction, event: Event) -> bool:
    sql = "insert into naive_seen values ($1, $2) on conflict do nothing returning true"
    return bool(await tx.fetchval(sql, event.campaign_id, event.event_id))


async def _add(tx: Transaction, event: Event, span: str) -> None:
    added = [event.value if counter == COUNTER_OF[event.type] else 0 for counter in COUNTERS]
    await tx.execute(
        """
        insert into naive_counts as n values
            ($1, $2, case $2 when 'total' then '-infinity' else date_trunc($2, $3::timestamptz) end, $4,
             $5, $6, $7, $8, $9, $10, $11)
        on conflict (campaign_id, span, starts, platform) do update set
            views = n.views + excluded.views, likes = n.likes + excluded.likes,
            comments = n.comments + excluded.comments, shares = n.shares + excluded.shares,
            saves = n.saves + excluded.saves, clicks = n.clicks + excluded.clicks,
            conversions = n.conversions + excluded.conversions
        """,
        event.campaign_id,
        span,
        event.timestamp,
        event.platform,
        *added,
    )


def _lines(redis: Raw) -> Iterator[tuple[int, str, bytes]]:
    """The first thousand of each partition."""
    for partition in range(PARTITIONS):
        for entry, fields in redis.ask("XRANGE", staged(partition), "-", "+", "COUNT", 1000):
            yield partition, entry.decode(), fields[1]


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
