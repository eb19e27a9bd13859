"""The dead-man's switch: a shell that ends the watched processes when we are gone, kill -9 included.

It holds the reading end of a pipe; the kernel closes the other end when we end. No prctl, so it also works on
macOS, and `killall python` does not reach it. What is watched arrives as one line: the whole list each time.
"""

import subprocess
from contextlib import suppress
from signal import Signals
from types import TracebackType
from typing import Self

PATIENCE_TENTHS = 80  # of a second, between the polite signal and SIGKILL

SCRIPT = f"""
while read -r line; do watched=$line; done
for one in $watched; do kill -"${{one%%:*}}" "${{one#*:}}"; done
tenths=0
while [ $tenths -lt {PATIENCE_TENTHS} ]; do
  alive=
  for one in $watched; do kill -0 "${{one#*:}}" && alive=yes; done
  [ -z "$alive" ] && exit
  sleep 0.1
  tenths=$((tenths + 1))
done
for one in $watched; do kill -KILL "${{one#*:}}"; done
"""


class DeadMansSwitch:
    """Watches while it is entered. Left in order, it fires for whatever is still watched, then it is gone."""

    def __init__(self) -> None:
        self._watched: dict[int, Signals] = {}
        self._shell: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The pid of the shell, for tests that kill it too."""
        assert self._shell is not None, "the switch is entered first"  # noqa: S101
        return self._shell.pid

    def watch(self, target: int, signal: Signals) -> None:
        """End `target` with `signal` if we die: a pid, or a process group as its negative number."""
        self._watched[target] = signal
        self._tell()

    def forget(self, target: int) -> None:
        """`target` has ended and was waited for: its number may soon be somebody else's."""
        if self._watched.pop(target, None) is not None:
            self._tell()

    def __enter__(self) -> Self:
        self._arm()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shell is not None and self._shell.stdin is not None:
            with suppress(BrokenPipeError):
                self._shell.stdin.close()
            self._shell.wait()

    def _arm(self) -> None:
        self._shell = subprocess.Popen(  # noqa: S603 - a constant
            ["/bin/sh", "-c", SCRIPT],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )

    def _tell(self) -> None:
        try:
            self._write()
        except BrokenPipeError:  # somebody killed the shell: arm another
            self._arm()
            self._write()

    def _write(self) -> None:
        assert self._shell is not None, "the switch is entered first"  # noqa: S101
        assert self._shell.stdin is not None  # noqa: S101
        self._shell.stdin.write(
            " ".join(f"{s.name[3:]}:{t}" for t, s in self._watched.items()).encode() + b"\n"
        )
        self._shell.stdin.flush()
