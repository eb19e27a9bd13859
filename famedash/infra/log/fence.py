"""The position of a reader, and the fence around every write of its owner (DESIGN section 4).

A write is refused unless epoch, position and the id of the previous write are still those the owner read,
and it leaves its own id. So a paused owner that wakes up writes nothing, and of two copies of one write
the second is refused.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

from famedash.infra.database import Database, Transaction
from famedash.infra.errors import Postponed
from famedash.infra.log.model import Gap, Move, Position, Standing


class Fenced(Postponed):
    """The partition is no longer ours, or the previous write was not what we thought: read again."""


async def move(tx: Transaction, reader: str, moves: Sequence[Move], write_id: UUID) -> None:
    """Move every position or none, leaving `write_id`; raises `Fenced` if one of them is not ours.

    Locks the position rows: a take-over waits for it. Where two writes lock several rows crosswise,
    PostgreSQL ends one of them, and that one finds out what stands as after any failed commit.
    """
    moves = sorted(moves, key=lambda one: one.standing.partition)
    moved = await tx.fetchval(
        """
        with moved as (
            update reader_positions stood
            set entry = m.to_entry, lines = m.to_lines, within = m.to_within, write_id = $2,
                suspects = greatest(0, stood.suspects - m.settled),
                gap_noted = case when m.to_entry = m.entry then stood.gap_noted or m.gap else false end
            from unnest($3::int[], $4::bigint[], $5::text[], $6::int[], $7::uuid[],
                        $8::text[], $9::int[], $10::int[], $11::bool[], $12::text[])
                 as m(partition, epoch, entry, lines, write_id, to_entry, to_lines, settled, gap, to_within)
            where stood.reader = $1 and stood.partition = m.partition and stood.epoch = m.epoch
              and stood.entry = m.entry and stood.lines = m.lines
              and stood.write_id is not distinct from m.write_id
            returning 1
        )
        select count(*) from moved
        """,
        reader,
        write_id,
        [one.standing.partition for one in moves],
        [one.standing.epoch for one in moves],
        [one.standing.position.entry for one in moves],
        [one.standing.position.lines for one in moves],
        [one.standing.write_id for one in moves],
        [one.to.entry for one in moves],
        [one.to.lines for one in moves],
        [one.settled_suspects for one in moves],
        [one.gap is not None for one in moves],
        [one.to.within for one in moves],
    )
    if moved != len(moves):
        raise Fenced(f"{len(moves) - moved} of {len(moves)} partitions of {reader} are not ours any more.")
    gaps = [(one.standing.partition, one.gap) for one in moves if one.gap]
    if gaps:
        await _report(tx, reader, gaps)


async def _report(tx: Transaction, reader: str, gaps: Sequence[tuple[int, Gap]]) -> None:
    await tx.execute(
        """
        insert into reader_gaps (reader, partition, expected, resumed_at)
        select $1, partition, expected, resumed_at
        from unnest($2::int[], $3::text[], $4::text[]) as gap(partition, expected, resumed_at)
        """,
        reader,
        [partition for partition, _ in gaps],
        [gap.expected for _, gap in gaps],
        [gap.resumed_at for _, gap in gaps],
    )


async def standings(
    database: Database | Transaction, reader: str, partitions: Iterable[int]
) -> dict[int, Standing]:
    """The rows as they are now: what an owner asks when a write failed or its answer was lost."""
    rows = await database.fetch(
        """
        select partition, epoch, entry, lines, within, write_id, suspect_before, suspects, gap_noted
        from reader_positions where reader = $1 and partition = any($2::int[])
        """,
        reader,
        list(partitions),
    )
    return {
        row["partition"]: Standing(
            row["partition"],
            row["epoch"],
            Position(row["entry"], row["lines"], row["within"]),
            row["write_id"],
            row["suspect_before"],
            row["suspects"],
            row["gap_noted"],
        )
        for row in rows
    }
