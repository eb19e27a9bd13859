"""`famedash demo csv`: a performance file on standard output or in a file."""

import subprocess
import sys
from pathlib import Path

import pytest

from famedash.practice.performance import text
from famedash.processes import demo_csv


def famedash(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "famedash", *arguments], capture_output=True, timeout=60, check=False
    )


@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize("with_texts", [True, False])
def test_it_writes_the_same_file_to_standard_output_and_to_a_path(
    tmp_path: Path, clean: bool, with_texts: bool
) -> None:
    options = ["--rows", "700", "--seed", "5", *["--clean"] * clean, *["--no-texts"] * (not with_texts)]
    made = b"".join(text(demo_csv.plan(700, 5, clean=clean, with_texts=with_texts)))

    printed = famedash("demo", "csv", *options)
    saved = famedash("demo", "csv", *options, "--out", str(tmp_path / "made.csv"))

    assert (printed.returncode, printed.stdout, printed.stderr) == (0, made, b"")
    assert saved.stdout.decode() == f"{tmp_path / 'made.csv'}: 700 rows, {len(made):,} bytes\n"
    assert (tmp_path / "made.csv").read_bytes() == made


def test_a_path_that_cannot_be_written_is_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    answer = famedash("demo", "csv", "--out", str(tmp_path))

    assert (answer.returncode, answer.stdout) == (2, b"")
    assert answer.stderr.decode() == f"famedash: {tmp_path} cannot be written: Is a directory.\n"


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    command = [sys.executable, "-m", "famedash", "demo", "csv", "--rows", "50000", "--clean"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline().startswith(b"campaignId,")
        process.stdout.close()

        assert process.stderr.read() == b""


def test_help_of_the_group_names_both_kinds_of_sample() -> None:
    answer = famedash("demo", "--help").stdout.decode()

    assert "\n  events " in answer
    assert "\n  csv " in answer
