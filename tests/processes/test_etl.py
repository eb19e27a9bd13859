"""`famedash etl` as people use it: files, exit codes, the summary."""

import gzip
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from famedash.infra.database import Database
from famedash.performers.model import Progress, Tally, engagement_rate
from famedash.processes import etl as etl_module
from tests.processes.terminal import as_from_a_terminal

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


def test_standard_input_may_be_a_file(tmp_path: Path) -> None:
    path = tmp_path / a_file(tmp_path, GOOD)

    with path.open("rb") as given:
        done = subprocess.run(
            [sys.executable, "-m", "famedash", "etl", "--dry-run", "-"],
            stdin=given,
            env=os.environ | {"FAMEDASH_DATA_DIR": str(tmp_path / "data")},
            capture_output=True,
            timeout=60,
            check=False,
        )

    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"standard input: read, not loaded")


def test_ctrl_c_ends_a_load_that_waits_for_standard_input(tmp_path: Path) -> None:
    """Breaks if a thread is left in a read that never ends."""
    with subprocess.Popen(
        [sys.executable, "-m", "famedash", "etl", "--dry-run", "-"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"FAMEDASH_DATA_DIR": str(tmp_path / "data")},
        preexec_fn=as_from_a_terminal,  # noqa: PLW1509 - no thread has begun in the child
    ) as process:
        assert process.stdin
        assert process.stderr
        process.stdin.write(GOOD.encode())
        process.stdin.flush()
        while not list((tmp_path / "data/imports").glob("*")):
            time.sleep(0.05)
        time.sleep(0.3)

        process.send_signal(signal.SIGINT)

        assert process.wait(10) != 0
        assert b"Traceback" not in process.stderr.read()
    assert list((tmp_path / "data/imports").iterdir()) == []


def test_rejects_go_into_a_folder_that_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()

    done = etl(tmp_path, a_file(tmp_path, GOOD + "x\n"), "--dry-run", "--rejects", "bad")

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "bad/performance.rejects.csv").read_text().splitlines()[1:] == ["4,field_count,,x"]


def test_rejects_that_cannot_be_written_are_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    done = etl(tmp_path, a_file(tmp_path, GOOD + "x\n"), "--dry-run", "--rejects", "file/bad.csv")

    assert done.returncode == 2
    assert done.stderr.decode().startswith("famedash: file/bad.csv cannot be written: ")
    assert len(done.stderr.splitlines()) == 1


def test_the_first_of_several_files_that_cannot_be_loaded_ends_it(tmp_path: Path) -> None:
    names = [a_file(tmp_path, text, f"{place}.csv") for place, text in enumerate((GOOD, "", GOOD))]

    done = etl(tmp_path, *names, "--dry-run")

    assert done.returncode == 2
    assert [line for line in done.stdout.decode().splitlines() if "read" in line] == [
        "0.csv: read, not loaded (--dry-run)"
    ]


def test_progress_is_lines_where_there_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not more than one in a while, and on standard error: standard output is the summary."""
    monkeypatch.setattr(etl_module, "SAY_SECONDS", 0.0)

    with etl_module._lines("performance.csv") as show:
        show(Progress("reading", 200, 50, Tally(lines=1_234)), 1000.0)
        monkeypatch.setattr(etl_module, "SAY_SECONDS", 60.0)
        show(Progress("reading", 200, 100, Tally(lines=2_345)), 1000.0)

    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "performance.csv: reading, 25 %, 1,234 lines, 1,000/s\n")


async def test_the_first_file_that_cannot_be_read_ends_it_and_those_before_it_stay(
    tmp_path: Path, database: Database, database_url: str, redis_url: str
) -> None:
    names = (
        a_file(tmp_path, GOOD, "a.csv"),
        a_file(tmp_path, "", "b.csv"),
        a_file(tmp_path, GOOD.replace("summer", "winter"), "c.csv"),
    )

    done = etl(tmp_path, *names, database_url=database_url, redis_url=redis_url)

    assert done.returncode == 2
    assert b"a.csv: loaded" in done.stdout
    assert b"c.csv" not in done.stdout
    assert b"empty" in done.stderr
    assert await kept(database) == [("a.csv", "loaded"), ("b.csv", "failed")]
    assert await database.fetchval("select array_agg(distinct campaign_id) from performances") == ["summer"]


async def test_too_many_rejects_leave_what_was_loaded_before(
    tmp_path: Path, database: Database, database_url: str, redis_url: str
) -> None:
    servers = {"database_url": database_url, "redis_url": redis_url}
    etl(tmp_path, a_file(tmp_path, GOOD, "a.csv"), **servers)
    bad = a_file(tmp_path, GOOD.replace("40", "90") + "x\n", "b.csv")

    done = etl(tmp_path, bad, "--max-reject-percent", "10", **servers)

    assert done.returncode == 3
    assert b"1 of 3 rows were rejected" in done.stderr
    assert b"Traceback" not in done.stderr
    assert (tmp_path / "data/rejects/b.rejects.csv").read_text().splitlines()[1:] == ["4,field_count,,x"]
    assert await kept(database) == [("a.csv", "loaded"), ("b.csv", "failed")]
    assert await database.fetchval("select array_agg(distinct likes) from performances") == [40]


async def kept(database: Database) -> list[tuple[str, str]]:
    rows = await database.fetch("select file_name, status from imports order by import_id")
    return [(row["file_name"], row["status"]) for row in rows]


def test_the_rejects_of_several_files_go_to_a_folder(tmp_path: Path) -> None:
    names = (a_file(tmp_path, GOOD + "x\n", "a.csv"), a_file(tmp_path, GOOD + "y\n", "b.csv"))

    done = etl(tmp_path, *names, "--dry-run", "--rejects", "bad")

    assert done.returncode == 0, done.stderr
    found = {path.name: path.read_text().splitlines()[1:] for path in (tmp_path / "bad").iterdir()}
    assert found == {"a.rejects.csv": ["4,field_count,,x"], "b.rejects.csv": ["4,field_count,,y"]}


def test_the_summary_tells_of_flags_and_of_a_file_cut_off(tmp_path: Path) -> None:
    text = GOOD + "summer,ben,1,9,9,9"

    done = etl(tmp_path, "-", "--dry-run", given=gzip.compress(text.encode()))

    assert done.returncode == 0, done.stderr
    said = [" ".join(line.split()) for line in done.stdout.decode().splitlines()]
    assert said[0] == "standard input: read, not loaded (--dry-run)"
    assert said[2:4] == [
        "flagged 1 more engagements than views: loaded, and shown with a flag",
        "groups 3 pairs of campaign and creator",
    ]
    assert "warning: The last line has no line end: the file may have been cut off there." in said
