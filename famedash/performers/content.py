"""The bytes of a file to load, wherever they come from: plain, .gz or .zst, or standard input.

What is not a plain file is written to a temporary one first, so that every part of it can be read at will.
"""

import gzip
import hashlib
import io
import os
import select
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, TYPE_CHECKING, BinaryIO

import zstandard

from famedash.performers.header import LONGEST_HEADER
from famedash.performers.model import Progress, UnreadableFile

if TYPE_CHECKING:
    from typing_extensions import Buffer

STDIN = "-"
_BLOCK = 1 << 20
_PREFIX = "import-"
_STALE_SECONDS = 86_400
_LOOK_UP_SECONDS = 0.2
_GZIP, _ZSTD, _ZIP = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK\x03\x04"


@dataclass(frozen=True, slots=True)
class Content:
    """A plain file, there as long as the block lasts; `sha256` is that of the text, not of its wrapping."""

    path: str
    size: int
    sha256: bytes
    start: bytes
    ends_in_newline: bool
    state: tuple[int, ...]

    def refuse_change(self) -> None:
        """Raises `UnreadableFile` when another file lies under this name now, or this one was written to.

        Parts, and in the end the ids, are read by name: counts of one file and ids of another would be wrong
        without anybody noticing.
        """
        try:
            unchanged = _state(os.stat(self.path)) == self.state
        except OSError:
            unchanged = False
        if not unchanged:
            raise UnreadableFile("The file was changed while it was read; nothing was loaded. Load it again.")


@contextmanager
def opened(name: str, folder: Path, progress: Progress) -> Iterator[Content]:
    """Raises `UnreadableFile` with a sentence; temporary files lie in `folder` and are gone afterwards."""
    _sweep(folder)
    with _file(name, progress) as file:
        progress.bytes_total = _size(file)
        start = file.read(4) if file.seekable() else b""
        if start.startswith(_ZIP):
            raise UnreadableFile("The file is a ZIP archive or a workbook (.xlsx): save it as CSV.")
        if file.seekable():
            file.seek(0)
        if file.seekable() and not start.startswith((_GZIP, _ZSTD)):
            yield _content(file, progress)
        else:
            with NamedTemporaryFile(dir=folder, prefix=_PREFIX) as spool:
                with _unwrapped(file) as plain:
                    _spool(plain, spool, file, progress)
                yield _content(spool, progress)


@contextmanager
def _file(name: str, progress: Progress) -> Iterator[BinaryIO]:
    if name == STDIN:
        yield _stream(sys.stdin.buffer, progress)
        return
    try:
        file = open(name, "rb")  # noqa: SIM115 - closed below
    except FileNotFoundError:
        raise UnreadableFile(f"{name} does not exist.") from None
    except OSError as fault:
        raise UnreadableFile(f"{name} cannot be read: {fault.strerror}.") from None
    with file:
        yield file if file.seekable() else _stream(file, progress)


class _Stream(io.RawIOBase):
    """A pipe, or whatever standard input is, as a pipe: nobody is stuck in it once the load is called off."""

    def __init__(self, descriptor: int, progress: Progress) -> None:
        self._descriptor = descriptor
        self._progress = progress

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "Buffer") -> int:
        while not select.select([self._descriptor], [], [], _LOOK_UP_SECONDS)[0]:
            self._progress.advance(self._progress.bytes_done)
        return os.readv(self._descriptor, [buffer])


def _stream(file: BinaryIO, progress: Progress) -> BinaryIO:
    return io.BufferedReader(_Stream(file.fileno(), progress), _BLOCK)


def _size(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size if file.seekable() else 0


@contextmanager
def _unwrapped(file: BinaryIO) -> Iterator[IO[bytes]]:
    """Unpack on the way; standard input cannot be looked at twice, so it is peeked into."""
    peek = getattr(file, "peek", None)
    start = peek(4)[:4] if peek else b""
    if start.startswith(_GZIP):
        with gzip.open(file) as plain:
            yield plain  # type: ignore[misc]
    elif start.startswith(_ZSTD):
        with zstandard.ZstdDecompressor().stream_reader(
            file, read_across_frames=True, closefd=False
        ) as plain:
            yield plain
    else:
        yield file


def _spool(plain: IO[bytes], spool: IO[bytes], file: BinaryIO, progress: Progress) -> None:
    progress.step = "unpacking"
    try:
        while block := plain.read(_BLOCK):
            spool.write(block)
            progress.advance(file.tell() if progress.bytes_total else progress.bytes_done + len(block))
    except (EOFError, OSError, zlib.error, zstandard.ZstdError) as fault:
        if isinstance(fault, OSError) and fault.errno is not None:
            raise UnreadableFile(f"The file cannot be unpacked: {fault.strerror}.") from None
        raise UnreadableFile("The archive is damaged or was cut off: it does not unpack.") from None
    spool.flush()


def _content(file: IO[bytes], progress: Progress) -> Content:
    progress.step = "hashing"
    found = os.fstat(file.fileno())
    progress.bytes_done, progress.bytes_total = 0, found.st_size
    file.seek(0)
    start = file.read(LONGEST_HEADER)
    file.seek(0)
    digest, last = hashlib.sha256(), b""
    while block := file.read(_BLOCK):
        digest.update(block)
        last = block[-1:]
        progress.advance(progress.bytes_done + len(block))
    return Content(file.name, found.st_size, digest.digest(), start, last == b"\n", _state(found))


def _state(found: os.stat_result) -> tuple[int, ...]:
    """What is another as soon as the file is: a rename and a write leave their time."""
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def new_file(folder: Path) -> IO[bytes]:
    """An empty file in `folder` for what is to be loaded later. Who asked for it takes it away."""
    _sweep(folder)
    return NamedTemporaryFile(dir=folder, prefix=_PREFIX, delete=False)


def _sweep(folder: Path) -> None:
    """Take away what killed loads have left behind; others come and go meanwhile."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob(f"{_PREFIX}*"):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < time.time() - _STALE_SECONDS:
                path.unlink()
