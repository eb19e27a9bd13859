"""`famedash etl` as people use it: files, exit codes, the summary."""

import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest

from famedash.performers.model import engagement_rate

ROOT = Path(__file__).parents[2]
HEAD = "campaignId,influencerId,views,likes,comments,shares\n"
GOOD = HEAD + "summer,mia,1000,40,3,2\nsummer,leo,500,40,3,2\n"


def etl(
    folder: Path, *arguments: str, database_url: str = "", redis_url: str = "", given: bytes | None = None
) -> subprocess.CompletedProcess[bytes]:
    others = {name: value for name, value in os.environ.items() if not name.startswith("FAMEDASH_")}
    ours = {
        "FAMEDASH_DATABASE_URL": database_url,
        "FAMEDASH_REDIS_URL": redis_url,
        "FAMEDASH_JWT_SECRET": "x" * 40,
        "FAMEDASH_DATA_DIR": str(folder / "data"),
    }
    return subprocess.run(
        [sys.executable, "-m", "famedash", "etl", *arguments],
        cwd=folder,
        env=others | ours | {"PYTHONPATH": str(ROOT)},
        input=given,
        capture_output=True,
        timeout=60,
        check=False,
    )


def a_file(folder: Path, text: str, name: str = "performance.csv") -> str:
    (folder / name).write_text(text)
    return name


async def test_a_load_sums_up_what_became_of_every_line(
    tmp_path: Path, database_url: str, redis_url: str
) -> None:
    name = a_file(tmp_path, GOOD + "\nsummer,zoe,0,1,1,1\nsummer,ben,1,9,9,9\n")

    done = etl(tmp_path, name, database_url=database_url, redis_url=redis_url)

    said = done.stdout.decode()
    assert done.returncode == 0, done.stderr
    assert "performance.csv: loaded" in said
    assert "6  = header 1 + accepted 3 + continuation 0 + rejected 1 + blank 1" in " ".join(
        said.split("     ")
    )
    assert "zero_views" in said
    assert "3 new, 0 changed, 0 as before" in said
    rejects = (tmp_path / "data/rejects/performance.rejects.csv").read_text()
    assert rejects == 'line,reason,column,raw\n5,zero_views,views,"summer,zoe,0,1,1,1"\n'

    again = etl(tmp_path, name, database_url=database_url, redis_url=redis_url)

    assert again.returncode == 0
    assert b"nothing to do" in again.stdout


async def test_several_files_standard_input_and_archives(
    tmp_path: Path, database_url: str, redis_url: str
) -> None:
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(GOOD.replace("mia", "kai").encode()))

    done = etl(tmp_path, "-", "b.csv.gz", database_url=database_url, redis_url=redis_url, given=GOOD.encode())

    assert done.returncode == 0, done.stderr
    assert b"standard input: loaded" in done.stdout
    assert b"b.csv.gz: loaded" in done.stdout
    assert b"1 new, 0 changed, 1 as before" in done.stdout


def test_a_dry_run_needs_no_server_and_loads_nothing(tmp_path: Path) -> None:
    done = etl(tmp_path, a_file(tmp_path, GOOD + "x\n"), "--dry-run", "--rejects", "bad.csv")

    assert done.returncode == 0, done.stderr
    assert b"read, not loaded" in done.stdout
    assert (tmp_path / "bad.csv").read_text().splitlines()[1:] == ["4,field_count,,x"]
    assert not (tmp_path / "data/postgres18").exists()


@pytest.mark.parametrize(
    ("text", "arguments", "code", "says"),
    [
        ("campaignId;influencerId;views;likes;comments;shares\n", (), 2, "semicolons"),
        ("", (), 2, "empty"),
        (GOOD + "x\n", ("--max-reject-percent", "10"), 3, "1 of 3 rows were rejected"),
        (GOOD, ("--max-reject-percent", "101"), 2, "less than or equal to 100"),
    ],
)
def test_exit_codes_and_sentences(
    tmp_path: Path, text: str, arguments: tuple[str, ...], code: int, says: str
) -> None:
    done = etl(tmp_path, a_file(tmp_path, text), "--dry-run", *arguments)

    assert done.returncode == code, done.stderr
    assert says in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = etl(tmp_path, "nowhere.csv", "--dry-run")

    assert done.returncode == 2
    assert done.stderr.decode() == "famedash: nowhere.csv does not exist.\n"


def test_a_server_that_is_away_is_exit_code_1(tmp_path: Path) -> None:
    away = "postgresql://nobody:x@127.0.0.1:9/none"

    done = etl(tmp_path, a_file(tmp_path, GOOD), database_url=away, redis_url="redis://127.0.0.1:9")

    assert done.returncode == 1
    assert b"Traceback" not in done.stderr


def test_human_numbers_are_read_only_when_asked_for(tmp_path: Path) -> None:
    name = a_file(tmp_path, HEAD + 'summer,mia,541.2K,"1,300",0,0\n')

    plain, human = etl(tmp_path, name, "--dry-run"), etl(tmp_path, name, "--dry-run", "--human-numbers")

    assert b"human_number" in plain.stdout
    assert b"accepted 1 " in human.stdout
    assert engagement_rate(541_200, 1300, 0, 0) == 100 * 1300 / 541_200
