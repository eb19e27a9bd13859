"""Runs a command and prints what it took: `python -m famedash.processes.bench.timed COMMAND...`.

One JSON line: wall seconds from its start to its end, peak bytes of memory, and what it printed. Fails as the
command does, and then shows what it complained of. Memory is what is the process's own (looked at 50 times a
second); pages of a mapped file are the system's, which may drop them at any time. Where the system does not
tell the two apart (all but Linux) both are counted.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryFile

LOOK_SECONDS = 0.02
MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024


def _own_bytes(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon")), 0)


def main(command: list[str]) -> int:
    with TemporaryFile() as said, TemporaryFile() as complained:
        began = time.monotonic()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=complained)  # noqa: S603
        signal.signal(signal.SIGTERM, lambda *_: child.terminate())
        own_bytes = 0
        while not (ended := os.wait4(child.pid, os.WNOHANG))[0]:
            own_bytes = max(own_bytes, _own_bytes(child.pid))
            time.sleep(LOOK_SECONDS)
        _, status, usage = ended
        seconds = time.monotonic() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        complained.seek(0)
        if child.returncode:
            sys.stderr.buffer.write(complained.read())
            return 1
        found = {"seconds": seconds, "peak_bytes": own_bytes or usage.ru_maxrss * MAXRSS_BYTES}
        print(json.dumps(found | {"said": said.read().decode()}))
        return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
