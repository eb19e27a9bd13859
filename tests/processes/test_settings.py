"""`.env.example`: it lists every setting with its default, and copying it changes nothing."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import ValidationError

from famedash.processes.settings import Settings

EXAMPLE = Path(__file__).parents[2] / ".env.example"
LINE = re.compile(r"^# (FAMEDASH_[A-Z_]+)=(.*)$", re.MULTILINE)
SHOWS_A_VALUE = {"webhook_url": "https://mock.endpoint/campaign"}
"""The one line that shows something else than its default."""


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"FAMEDASH_{name.upper()}", raising=False)


def loaded(folder: Path, text: str) -> Settings:
    path = folder / ".env"
    path.write_text(text)
    return Settings(_env_file=path)


def test_the_example_lists_every_setting_once_and_nothing_else() -> None:
    listed = [name for name, _ in LINE.findall(EXAMPLE.read_text())]

    assert sorted(listed) == sorted(f"FAMEDASH_{name.upper()}" for name in Settings.model_fields)


def test_a_plain_copy_changes_nothing(tmp_path: Path) -> None:
    """PROMISE: `cp .env.example .env && make run` works. Breaks when a line of it is not commented out."""
    assert loaded(tmp_path, EXAMPLE.read_text()) == Settings()


def test_the_values_shown_are_the_defaults(tmp_path: Path) -> None:
    shown = loaded(tmp_path, LINE.sub(r"\1=\2", EXAMPLE.read_text()))

    assert shown == Settings().model_copy(update=SHOWS_A_VALUE)


def test_each_setting_has_a_sentence_before_it() -> None:
    lines = EXAMPLE.read_text().splitlines()

    without = [
        line
        for before, line in pairwise(lines)
        if LINE.match(line) and not (re.match(r"# \S", before) and before.endswith(".") and "=" not in before)
    ]

    assert without == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://h/",
        "https://user:word@mock.endpoint:8443/campaign?a=b",
        "http://127.0.0.1:8081/campaign",
        "http://[::1]:8081/campaign",
        "HTTPS://Example.COM",
    ],
)
def test_an_address_that_could_be_posted_to_is_taken(url: str) -> None:
    assert Settings(webhook_url=url).webhook_url == url


@pytest.mark.parametrize(
    "url",
    [
        "not-a-url",
        "mock.endpoint/campaign",
        "ftp://h/",
        "//h/",
        "http://",
        "http:///path",
        "http://:8081/",
        "http://h:0/",
        "http://h:99999/",
        "http://h:port/",
        "http://::1:8081/",
        "http://[::1/",
        "http://a b/",
        " http://h/",
        "http://h/\n",
        "ht\ttp://h/",
        "http://h\x00/",
    ],
)
def test_an_address_that_could_never_be_posted_to_is_refused(url: str) -> None:
    """PROMISE: no process starts whose every event would die of its address."""
    with pytest.raises(ValidationError, match="http:// or https:// address with a host"):
        Settings(webhook_url=url)
