"""Runs a command and prints what it took: `python -m famedash.processes.bench.timed COMMAND...`.

One JSON line: wall seconds from its start to its end, peak bytes of resident memory (pages of a mapped file
are counted too), and what it printed. Fails as the command does, and then shows what it complained of.
"""

import json
import os
import signal
import subprocess
import sys
import time
from tempfile import TemporaryFile

MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024


def main(command: list[str]) -> int:
    with TemporaryFile() as said, TemporaryFile() as complained:
        began = time.monotonic()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=complained)  # noqa: S603
        signal.signal(signal.SIGTERM, lambda *_: child.terminate())
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.monotonic() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        complained.seek(0)
        if child.returncode:
            sys.stderr.buffer.write(complained.read())
            return 1
        found = {"seconds": seconds, "peak_bytes": usage.ru_maxrss * MAXRSS_BYTES}
        print(json.dumps(found | {"said": said.read().decode()}))
        return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
