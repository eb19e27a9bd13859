"""The helper in an interpreter of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PROGRAM = """
import sys
before = set(sys.modules)
sys.path.insert(0, sys.argv[1])
import famedash.receiver
for name in sorted(set(sys.modules) - before):
    if name.partition(".")[0] not in sys.stdlib_module_names:
        print(name)
"""


@pytest.mark.parametrize("options", [["-I", "-S"], ["-I"]], ids=["nothing installed", "all installed"])
def test_it_needs_the_standard_library_only(options: list[str]) -> None:
    """PROMISE: a receiver needs none of the server's packages. Breaks when the helper imports one."""
    done = subprocess.run(
        [sys.executable, *options, "-c", PROGRAM, str(ROOT)], capture_output=True, text=True, check=False
    )

    assert (done.stderr, done.stdout.split()) == ("", ["famedash", "famedash.receiver"])


def test_the_file_can_be_copied(tmp_path: Path) -> None:
    (tmp_path / "copied.py").write_text((ROOT / "famedash/receiver.py").read_text())
    program = "import sys; sys.path.insert(0, sys.argv[1]); import copied; print(copied.verify.__name__)"

    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stderr, done.stdout) == ("", "verify\n")
