"""The embedded servers are real, so these tests kill real processes and read real rows."""

import asyncio
import os
import signal
import stat
import subprocess
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff

from famedash.infra.embedded import Endpoints, embedded_servers, postgres, running_endpoints
from famedash.infra.embedded.identity import Identity, identity_for
from tests.embedded.conftest import Hold, servers_of
from tests.embedded.holder import Holder, Refused, alive, eventually


async def leave_a_trace(holder: Holder) -> None:
    database = await asyncpg.connect(holder.database_url)
    await database.execute("create table if not exists traces (word text)")
    await database.execute("insert into traces values ('kept')")
    await database.close()
    async with Redis.from_url(holder.redis_url) as redis:
        await redis.xadd("traces", {"word": "kept"})


async def traces(holder: Holder) -> tuple[int, int]:
    """(rows, stream entries) that are still there."""
    database = await asyncpg.connect(holder.database_url)
    rows = await database.fetchval("select count(*) from traces")
    await database.close()
    async with Redis.from_url(holder.redis_url) as redis:
        return rows, await redis.xlen("traces")


async def time_zone(holder: Holder) -> str:
    database = await asyncpg.connect(holder.database_url)
    try:
        return str(await database.fetchval("show timezone"))
    finally:
        await database.close()


def test_a_second_start_is_refused_and_names_the_running_pid(hold: Hold, data_dir: Path) -> None:
    first = hold(data_dir)

    with pytest.raises(Refused) as refused:
        hold(data_dir)

    assert f"is in use by process {first.process.pid}" in str(refused.value)
    assert "FAMEDASH_DATA_DIR" in str(refused.value)
    assert all(map(alive, first.pids))


async def test_kill_9_of_the_parent_ends_the_servers_and_loses_nothing(hold: Hold, data_dir: Path) -> None:
    """PROMISE: what was answered is there after `kill -9`.

    Breaks if the switch is left out, or Valkey runs without its append-only file.
    """
    killed = hold(data_dir)
    await leave_a_trace(killed)

    killed.kill(killed.process.pid)

    assert eventually(lambda: servers_of(data_dir) == [], seconds=5)  # the switch's SIGKILL comes after 8
    assert await traces(hold(data_dir)) == (1, 1)


async def test_orphans_of_a_killed_switch_are_ended_by_the_next_start(hold: Hold, data_dir: Path) -> None:
    killed = hold(data_dir)
    await leave_a_trace(killed)

    killed.kill(killed.switch, killed.process.pid)
    assert alive(killed.postgres)
    assert alive(killed.valkey)
    following = hold(data_dir)

    assert not alive(killed.postgres)
    assert not alive(killed.valkey)
    assert await traces(following) == (1, 1)


@pytest.mark.chaos
async def test_kill_9_of_everything_at_once_loses_nothing(hold: Hold, data_dir: Path) -> None:
    killed = hold(data_dir)
    await leave_a_trace(killed)

    killed.kill(*killed.pids)

    assert await traces(hold(data_dir)) == (1, 1)


def test_a_stale_pid_file_that_names_a_living_stranger_is_cleared(hold: Hold, data_dir: Path) -> None:
    """PostgreSQL alone would refuse to start: the number in its file is alive, and of the same user."""
    killed = hold(data_dir)
    killed.kill(*killed.pids)
    pid_file = data_dir / "postgres18" / "postmaster.pid"
    _, *lines = pid_file.read_text().splitlines()
    with subprocess.Popen([*identity_for(data_dir).prefix, "sleep", "600"], cwd="/") as stranger:
        pid_file.write_text("\n".join([str(stranger.pid), *lines]) + "\n")

        try:
            following = hold(data_dir)

            assert alive(following.postgres)
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_an_empty_pid_file_is_cleared(hold: Hold, data_dir: Path) -> None:
    """What `kill -9` leaves between creating and writing it; PostgreSQL alone would refuse for ever."""
    assert hold(data_dir).terminate() == 0
    (data_dir / "postgres18" / "postmaster.pid").touch()

    assert alive(hold(data_dir).postgres)


async def test_ready_in_the_file_of_a_killed_server_does_not_count(data_dir: Path) -> None:
    """Its last word stays in the file until the next one writes its own."""
    cluster = data_dir / "postgres18"
    cluster.mkdir(parents=True)
    (cluster / "postmaster.pid").write_text("4711\n\n\n\n\n\n\nready   \n")

    program = postgres.program(data_dir, Identity(0, 0), port=1, durable=True)

    assert await program.is_ready(4711)
    assert not await program.is_ready(4712)


async def test_a_long_path_and_the_callers_environment_do_not_matter(hold: Hold, tmp_path: Path) -> None:
    folder = tmp_path / ("long and 'quoted' ü " * 4) / ("x" * 120)
    assert len(str(folder)) > 150

    environment = {**os.environ, "LANG": "de_DE.UTF-8", "LC_ALL": "xx_XX", "PGPORT": "1", "TZ": "Asia/Tokyo"}
    holder = hold(folder, env=environment)

    await leave_a_trace(holder)
    assert await traces(holder) == (1, 1)
    assert await time_zone(holder) == "UTC"
    assert holder.terminate() == 0
    assert servers_of(folder) == []


def test_sigterm_stops_both_and_leaves_no_process(hold: Hold, data_dir: Path) -> None:
    holder = hold(data_dir)

    assert holder.terminate() == 0

    assert not any(map(alive, holder.pids))


def test_other_commands_find_a_running_one_by_its_data_dir(hold: Hold, data_dir: Path) -> None:
    assert running_endpoints(data_dir) is None

    holder = hold(data_dir)
    found = running_endpoints(data_dir)
    assert found is not None
    assert (found.database_url, found.redis_url) == (holder.database_url, holder.redis_url)

    holder.kill(holder.process.pid)
    assert (data_dir / "endpoints.json").exists()
    assert running_endpoints(data_dir) is None


async def test_strangers_on_this_machine_get_in_nowhere(hold: Hold, data_dir: Path) -> None:
    """The files are their owner's, and both servers ask for the password."""
    holder = hold(data_dir)

    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    for name in ("endpoints.json", "postgres.log", "valkey/valkey.conf", "postgres18/famedash.password"):
        assert stat.S_IMODE((data_dir / name).stat().st_mode) == 0o600, name
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(holder.database_url.replace("famedash:", "famedash:x"))
    async with Redis.from_url(holder.redis_url.replace("redis://:", "redis://:x")) as redis:
        with pytest.raises(Exception, match=r"(?i)invalid username-password"):
            await redis.ping()


async def test_a_server_that_dies_is_back_on_its_port(data_dir: Path) -> None:
    async with embedded_servers(data_dir, durable=False) as embedded:
        killed = embedded.postgres.pid, embedded.valkey.pid
        assert None not in killed

        for pid in killed:
            os.kill(pid or 0, signal.SIGKILL)

        await answer_again(embedded.endpoints)
        assert {embedded.postgres.pid, embedded.valkey.pid}.isdisjoint(killed)


async def answer_again(endpoints: Endpoints) -> None:
    """Returns when both do; the timeout of the test is the bound."""
    while True:
        with suppress(OSError, asyncpg.PostgresError):
            await (await asyncpg.connect(endpoints.database_url)).close()
            break
        await asyncio.sleep(0.05)
    async with Redis.from_url(endpoints.redis_url, retry=Retry(ConstantBackoff(0.05), retries=200)) as redis:
        assert await redis.ping()
