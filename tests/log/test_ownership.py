"""Leases, fair shares and the fence, against the real database."""

import asyncio
from uuid import uuid4

import pytest

from famedash.infra.database import Database
from famedash.infra.log.fence import Fenced, move, standings
from famedash.infra.log.model import Gap, Move, Position, Standing
from famedash.infra.log.ownership import WINDOW, Ownership
from famedash.infra.log.partitions import PARTITIONS, ForeignInstallation, partition_of

READER = "webhooks"


def member(database: Database, lease_seconds: float = 30) -> Ownership:
    return Ownership(database, READER, lease_seconds=lease_seconds)


async def write(database: Database, standing: Standing, entry: str, **more: object) -> Standing:
    write_id = uuid4()
    async with database.transaction() as tx:
        await move(tx, READER, [Move(standing, Position(entry), **more)], write_id)  # type: ignore[arg-type]
    return (await standings(database, READER, [standing.partition]))[standing.partition]


def test_a_campaign_keeps_its_partition_on_every_release() -> None:
    """PROMISE: crc32 over UTF-8 of workspace/campaign, modulo 16. Breaks order if it ever changes."""
    assert partition_of("default", "summer") == 4
    assert partition_of("dĕfault", "été") == 10
    assert {partition_of("w", str(n)) for n in range(200)} == set(range(PARTITIONS))


async def test_one_member_owns_everything(database: Database) -> None:
    share = await member(database).renew()

    assert sorted(share.held) == list(range(PARTITIONS))
    assert share.surplus == 0


async def test_two_members_end_with_half_each(database: Database) -> None:
    first, second = member(database), member(database)
    await first.renew()
    assert (await second.renew()).held == {}

    crowded = await first.renew()
    await first.release(sorted(crowded.held)[: crowded.surplus])
    taken = await second.renew()

    assert crowded.surplus == 8
    assert len(taken.held) == 8
    assert len((await first.renew()).held) == 8


async def test_a_clean_release_suspects_nothing(database: Database) -> None:
    first, second = member(database), member(database)
    await first.release((await first.renew()).held)
    await first.leave()

    taken = await second.renew()

    assert len(taken.held) == PARTITIONS
    assert all(standing.suspects == 0 for standing in taken.held.values())


async def test_a_crashed_owner_is_replaced_and_its_window_suspected(database: Database) -> None:
    await member(database, lease_seconds=0.05).renew()
    await asyncio.sleep(0.1)

    taken = await member(database).renew()

    assert len(taken.held) == PARTITIONS
    assert all(standing.suspects == WINDOW for standing in taken.held.values())
    assert all(standing.suspect_before is not None for standing in taken.held.values())
    assert {standing.epoch for standing in taken.held.values()} == {2}


async def test_a_write_moves_the_position_and_leaves_its_id(database: Database) -> None:
    standing = (await member(database).renew()).held[5]

    after = await write(database, standing, "7-1")

    assert after.position == Position("7-1")
    assert after.write_id is not None


async def test_a_paused_owner_is_refused_by_its_epoch(database: Database) -> None:
    """PROMISE: an owner that lost its lease can write nothing, whatever it still believes."""
    paused = (await member(database, lease_seconds=0.05).renew()).held[5]
    await asyncio.sleep(0.1)
    await member(database).renew()

    with pytest.raises(Fenced):
        await write(database, paused, "7-1")


async def test_the_second_copy_of_a_write_is_refused(database: Database) -> None:
    """PROMISE: a commit whose answer was lost is not applied twice.

    Breaks if only the position is compared: a mark leaves the position where it was.
    """
    standing = (await member(database).renew()).held[5]
    await write(database, standing, standing.position.entry)

    with pytest.raises(Fenced):
        await write(database, standing, standing.position.entry)


async def test_all_partitions_of_a_write_move_or_none(database: Database) -> None:
    held = (await member(database).renew()).held
    await write(database, held[1], "9-9")

    with pytest.raises(Fenced):
        async with database.transaction() as tx:
            await move(tx, READER, [Move(held[0], Position("3-0")), Move(held[1], Position("3-0"))], uuid4())

    assert (await standings(database, READER, [0]))[0].position == Position()


async def test_a_gap_is_reported_once_with_the_move(database: Database) -> None:
    standing = (await member(database).renew()).held[5]

    noted = await write(database, standing, standing.position.entry, gap=Gap("1-1", None))
    moved = await write(database, noted, "2-2")

    assert noted.gap_noted
    assert not moved.gap_noted
    rows = await database.fetch("select partition, expected, resumed_at from reader_gaps")
    assert [tuple(row) for row in rows] == [(5, "1-1", None)]


async def test_settled_suspects_lower_the_number(database: Database) -> None:
    await member(database, lease_seconds=0.05).renew()
    await asyncio.sleep(0.1)
    standing = (await member(database).renew()).held[5]

    after = await write(database, standing, "2-2", settled_suspects=3)

    assert after.suspects == WINDOW - 3


async def test_what_was_forfeited_is_taken_again_under_suspicion(database: Database) -> None:
    owner = member(database)
    await owner.renew()

    await owner.forfeit([5])
    share = await owner.renew()

    assert (share.held[5].epoch, share.held[5].suspects) == (2, WINDOW)
    assert (share.held[6].epoch, share.held[6].suspects) == (1, 0)


async def test_an_installation_with_other_partitions_is_refused(database: Database) -> None:
    """PROMISE: the number of partitions is fixed for good; another number would break every order."""
    await database.fetchval("update installation set log_partitions = 32")

    with pytest.raises(ForeignInstallation):
        await member(database).renew()
