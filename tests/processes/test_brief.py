"""`famedash brief`: what the API would answer, for a person or for a pipe."""

import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from famedash.briefs.model import Platform
from famedash.briefs.rules.limits import fits
from famedash.briefs.schemas import BriefShown
from famedash.infra.database import Database
from famedash.infra.errors import Refusal
from famedash.processes import brief as brief_module
from famedash.processes.settings import Settings
from tests.briefs.grounds import REQUEST

ASKED = (
    *("--brand", "Lumiario", "--product", "Glow serum with niacinamide"),
    *("--goal", "Launch it with people who like short routines", "--platform", "instagram"),
)
TOOLS = ["trendFetcher", "personaClassifier", "creativeAngle"]

Ask = Callable[..., Awaitable[tuple[str, str]]]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def brief(tmp_path: Path, database_url: str, redis_url: str) -> Run:
    others = {name: value for name, value in os.environ.items() if not name.startswith("FAMEDASH_")}
    ours = {
        "FAMEDASH_DATABASE_URL": database_url,
        "FAMEDASH_REDIS_URL": redis_url,
        "FAMEDASH_JWT_SECRET": "x" * 40,
        "FAMEDASH_DATA_DIR": str(tmp_path / "data"),
    }

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "famedash", "brief", *arguments],
            cwd=tmp_path,
            env=others | ours,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


async def test_json_is_the_answer_of_the_api_and_nothing_else(brief: Run, database: Database) -> None:
    more = ("--workspace", "acme", "--campaign", "spring", "--must-mention", "vegan", "--must-avoid", "cheap")

    done = brief(*ASKED, *more, "--json")

    assert (done.returncode, done.stderr) == (0, "")
    answer = json.loads(done.stdout)
    assert BriefShown.model_validate(answer).meta.engine == "composer"
    assert fits(Platform.INSTAGRAM, answer["caption"], answer["hashtags"])
    row = await database.fetchrow("select * from briefs")
    assert row is not None
    assert json.loads(row["answer"]) == answer
    assert (row["workspace_id"], row["campaign_id"]) == ("acme", "spring")
    assert row["created_by"].startswith("cli:")
    assert json.loads(row["request"])["mustMention"] == ["vegan"]


@pytest.fixture
def ask(database_url: str, redis_url: str, capsys: pytest.CaptureFixture[str]) -> Ask:
    """The command in this process: (what it printed, what it said on stderr)."""
    settings = Settings(database_url=database_url, redis_url=redis_url)

    async def run(*, as_json: bool = False, **more: object) -> tuple[str, str]:
        await brief_module.run(settings, "acme", REQUEST | more, as_json=as_json)
        said = capsys.readouterr()
        return said.out, said.err

    return run


async def test_a_person_reads_the_brief_on_stdout_and_its_tools_on_stderr(ask: Ask) -> None:
    printed, told = await ask()
    answer = json.loads((await ask(as_json=True))[0])

    lines = printed.splitlines()
    assert [line.split()[0] for line in told.splitlines()][:3] == TOOLS
    assert {"Hooks", "Do", "Don't", "Deliverables"} <= set(lines)
    assert f"Disclosure: {answer['disclosure']['tag']} ({answer['disclosure']['rule']})" in lines
    assert f"Call to action: {answer['CTA']}" in lines
    assert answer["meta"]["id"] in lines[-1]


async def test_a_pipe_gets_every_line_whole(ask: Ask) -> None:
    printed, _ = await ask()
    answer = json.loads((await ask(as_json=True))[0])

    lines = printed.splitlines()
    assert set(answer["caption"].splitlines()) <= set(lines)
    assert " ".join(answer["hashtags"]) in lines
    assert {f"  {hook}" for hook in answer["hookIdeas"]} <= set(lines)


async def test_a_kept_brief_is_printed_without_calling_a_tool_again(ask: Ask) -> None:
    first, _ = await ask()

    again, told = await ask()

    assert (again, told) == (first, "")


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"brand": " "}, "brand: Must hold at least one character that can be seen."),
        ({"mustAvoid": ["lumiario"]}, "mustAvoid: “lumiario” must be avoided"),
        ({"language": "sw"}, "language: Must be one of de, en"),
        ({"goal": "g" * 2001}, "goal: Must have at most 2000 characters."),
        ({"brand": "\udcff"}, "brand: Must not contain U+0000 or half a surrogate pair."),
    ],
)
async def test_the_refusals_are_those_of_the_api(ask: Ask, more: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Refusal) as refused:
        await ask(**more)

    assert str(refused.value).startswith(sentence)


def test_a_wrong_platform_is_one_sentence_and_exit_code_1(brief: Run) -> None:
    done = brief(*ASKED, "--platform", "myspace")

    assert done.returncode == 1
    assert done.stderr.startswith("famedash: platform: Must be one of instagram, tiktok,")
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_a_user_without_a_name_has_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr(brief_module.getpass, "getuser", nobody)

    assert brief_module._user() == str(os.getuid())
