"""The data dir: who holds it, and where its servers answer. Knows nothing about the servers themselves."""

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

LOCK_TRIES = 6  # `running_endpoints` may hold the lock for a blink; 0.05 s apart


class DataDirInUse(Exception):
    """Stop: another process runs on this data dir. The message names its pid and the remedy."""


class EmbeddedUnavailable(Exception):
    """Stop: the embedded servers cannot run here. The message says why and what to do instead."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"{reason} To use servers of your own, set FAMEDASH_DATABASE_URL and FAMEDASH_REDIS_URL."
        )


@dataclass(frozen=True)
class Endpoints:
    """Where both servers answer, passwords included: never log one."""

    database_url: str
    redis_url: str


@contextmanager
def hold(data_dir: Path) -> Iterator[Path]:
    """Create the data dir if need be and be its only holder; gives the resolved path.

    The kernel frees the lock when the holder ends, kill -9 included.
    Raises DataDirInUse, or EmbeddedUnavailable where the folder cannot be used.
    """
    root, lock = _open_lock(data_dir)
    try:
        _take(lock, root)
        os.truncate(lock, 0)
        os.write(lock, f"{os.getpid()}\n".encode())
        (root / "endpoints.json").unlink(missing_ok=True)
        try:
            yield root
        finally:
            (root / "endpoints.json").unlink(missing_ok=True)
    finally:
        os.close(lock)


def publish(root: Path, endpoints: Endpoints) -> None:
    """Tell the other commands of this data dir where the servers are. Needs the lock."""
    write_private(root / "endpoints.json", json.dumps(asdict(endpoints)))


def running_endpoints(data_dir: Path) -> Endpoints | None:
    """The endpoints of the live process that holds this data dir; None when there is none (or not yet)."""
    try:
        if not _is_held(data_dir / ".lock"):
            return None
        return Endpoints(**json.loads((data_dir / "endpoints.json").read_text()))
    except (OSError, ValueError, TypeError):
        return None


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)


def _open_lock(data_dir: Path) -> tuple[Path, int]:
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        root = data_dir.resolve()
        return root, os.open(root / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    except PermissionError as error:
        raise EmbeddedUnavailable(
            f"The data dir {data_dir} belongs to another user (or its parent does)."
            " Run as that user, or set FAMEDASH_DATA_DIR to a folder of your own."
        ) from error
    except OSError as error:
        raise EmbeddedUnavailable(
            f"The data dir {data_dir} cannot be used: {error.strerror}."
            " Set FAMEDASH_DATA_DIR to another folder."
        ) from error


def _take(lock: int, root: Path) -> None:
    for _ in range(LOCK_TRIES):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.05)
        else:
            return
    holder = os.pread(lock, 32, 0).decode().strip()
    raise DataDirInUse(
        f"{root} is in use by process {holder or '(just starting)'}."
        f" Stop it first{f' (kill {holder})' if holder else ''}, or set FAMEDASH_DATA_DIR to another folder."
    )


def _is_held(path: Path) -> bool:
    lock = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def drafts(root: Path, prefix: str) -> list[Path]:
    """What a start that was killed half way left behind. Needs the lock."""
    return list(root.glob(f"{prefix}*"))


def discard(path: Path) -> None:
    """Remove a file or a folder, if it is still there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
