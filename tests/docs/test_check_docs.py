"""`tools/check_docs.py`: it lets the documents through, and sees each kind of untruth."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import check_docs  # noqa: E402 - tools/ is a folder of scripts
from check_docs import Document  # noqa: E402

Rule = Callable[[Document], Iterator[str]]
REQUIREMENTS = (ROOT / "docs/requirements.md").read_text()
OPERATIONS = (ROOT / "docs/operations.md").read_text()


def said(rule: Rule, text: str) -> list[str]:
    return list(rule(Document(ROOT / "docs" / "planted.md", text)))


def test_the_documents_of_the_repository_have_no_complaint() -> None:
    assert check_docs.complaints() == []
    assert len(check_docs.documents()) >= 12


@pytest.mark.parametrize(
    ("rule", "text", "complaint"),
    [
        (check_docs.files_and_tests, "`famedash/no/such.py`", "there is no famedash/no/such.py"),
        (check_docs.files_and_tests, "`missing.yaml`", "there is no missing.yaml"),
        (
            check_docs.files_and_tests,
            "`tests/docs/test_check_docs.py::test_nothing`",
            "there is no test tests/docs/test_check_docs.py::test_nothing",
        ),
        (check_docs.targets, "```sh\nmake money\n```", "there is no `make money`"),
        (check_docs.commands, "`famedash fly --now`", "there is no `famedash fly`"),
        (check_docs.settings, "Set FAMEDASH_SPEED.", "there is no setting FAMEDASH_SPEED"),
        (check_docs.numbers, "`famedash_wishes_total`", "there is no number famedash_wishes_total"),
        (check_docs.links, "[here](nowhere.md)", "dead link: nowhere.md"),
        (check_docs.links, "[here](operations.md#magic)", "dead link: operations.md#magic (no such heading)"),
    ],
)
def test_what_does_not_exist_is_told(rule: Rule, text: str, complaint: str) -> None:
    assert said(rule, text) == [complaint]


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (check_docs.files_and_tests, "`tests/docs/test_check_docs.py::test_what_does_not_exist_is_told`"),
        (
            check_docs.files_and_tests,
            "`Dockerfile` and `tools/check_docs.py`, `GET /logs`, `.famedash/x.json`",
        ),
        (check_docs.targets, "we make money; `make test-all`"),
        (check_docs.commands, "`famedash token --days 30`, `famedash dead-letters engagement`"),
        (check_docs.links, "[here](operations.md#doctor) [there](https://example.com)"),
    ],
)
def test_what_exists_is_let_through(rule: Rule, text: str) -> None:
    assert said(rule, text) == []


def test_a_missing_heading_is_told() -> None:
    readme = (ROOT / "README.md").read_text()

    assert said(check_docs.headings, readme) == []
    assert said(check_docs.headings, readme.replace("## How windows work", "## Windows")) != []


def test_a_setting_without_its_row_and_a_wrong_default_are_told() -> None:
    without = OPERATIONS.replace("| `FAMEDASH_HOST` |", "| `HOST` |")
    wrong = OPERATIONS.replace("| `8081` |", "| `8082` |")

    assert said(check_docs.settings_table, without) == [
        "the table of settings and the code do not agree on FAMEDASH_HOST"
    ]
    assert said(check_docs.settings_table, wrong) == [
        "the default of FAMEDASH_PRACTICE_PORT is 8081, not 8082"
    ]


def test_a_requirement_without_a_row_with_two_or_from_nowhere_is_told() -> None:
    assert said(check_docs.requirements, REQUIREMENTS.replace("| A4 |", "| A5 |")) == [
        "no row for A4",
        "several rows for A5",
    ]
    assert said(check_docs.requirements, REQUIREMENTS + "| Z9 | more |\n") == ["nobody asked for Z9"]
