"""Rejected lines, kept as they come: all of them in a file, the first ones in memory for the load's own row.

The file is CSV: line, reason, column, and the line's bytes as text, escaped. It appears under its name only
when it is complete. Until then it is a draft of this load's own: two loads at once may mean the same name.
"""

import csv
import glob
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from famedash.performers.model import Rejected, UnreadableFile
from famedash.performers.spreadsheet import harmless

MOST_KEPT = 10_000
_STALE_SECONDS = 86_400


@dataclass(slots=True)
class Rejects:
    """`first`: up to `MOST_KEPT` of them; all of them in the file at `path`, where one is given."""

    path: Path | None
    first: list[Rejected] = field(default_factory=list)
    _mark: str = field(default_factory=lambda: secrets.token_hex(4))
    _writer: Any = None
    _file: Any = None

    def keep(self, rejected: list[Rejected]) -> None:
        """Raises `UnreadableFile` where the file cannot be written, as `publish` does."""
        self.first += rejected[: MOST_KEPT - len(self.first)]
        if self.path is None:
            return
        with _writing(self.path):
            if self._writer is None:
                self._begin(self.path)
            self._writer.writerows(
                (each.line, each.reject.reason.value, each.reject.column or "", harmless(each.shown))
                for each in rejected
            )

    def _begin(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        self._file = self._draft(path).open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._writer.writerow(("line", "reason", "column", "raw"))

    def _draft(self, path: Path) -> Path:
        return path.with_name(f".{path.name}.{self._mark}.part")

    def start_again(self) -> None:
        self.first.clear()
        self.drop()

    def publish(self) -> Path | None:
        """Put the file in its place; answers where it is, None where nothing was rejected."""
        if self._file is None or self.path is None:
            return None
        with _writing(self.path):
            self._file.close()
            os.replace(self._draft(self.path), self.path)
        self._file = self._writer = None
        return self.path

    def drop(self) -> None:
        if self._file is not None and self.path is not None:
            with suppress(OSError):
                self._file.close()
            self._draft(self.path).unlink(missing_ok=True)
            self._file = self._writer = None


@contextmanager
def rejects_of(path: Path | None) -> Iterator[Rejects]:
    """Nothing half written is left behind."""
    rejects = Rejects(path)
    try:
        yield rejects
    finally:
        rejects.drop()


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        raise UnreadableFile(f"{path} cannot be written: {fault.strerror}.") from None


def _sweep(path: Path) -> None:
    """Take away the drafts that killed loads have left behind."""
    for draft in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        if draft.stat().st_mtime < time.time() - _STALE_SECONDS:
            draft.unlink(missing_ok=True)
