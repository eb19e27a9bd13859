"""What the documents name must exist: files, tests, make targets, commands, settings, numbers, links.

Reads README.md and docs/. Runs no test and starts nothing; test names are read from the source.

    python tools/check_docs.py         one line per complaint, exit 1 if there is one
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import postman
from typer.main import get_command

from famedash.processes.cli import app
from famedash.processes.settings import Settings

ROOT = Path(__file__).parent.parent

README_HEADINGS = (
    "What it is",
    "Which tracks and why",
    "Run it",
    "Five cURL lines",
    "Try failures and streams",
    "How windows work",
    "Assumptions, trade-offs, decisions",
    "Tests",
    "Where each requirement is shown",
    "What we would do next",
    "What is not done",
)
REQUIREMENTS = {
    f"{letter}{number}"
    for letter, last in {
        "A": 7,
        "B": 6,
        "C": 6,
        "D": 5,
        "G": 7,
        "X": 5,
        "S3.": 8,
        "S4.": 6,
        "S5.": 4,
        "S6.": 6,
        "S7.": 7,
    }.items()
    for number in range(1, last + 1)
}
"""The lines of the challenge; what the first release (S3), metrics (S4), ETL (S5), briefs (S6) must show."""

_span = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
_fence = re.compile(r"```.*?```", re.DOTALL)
_link = re.compile(r"\]\(([^)\s]+)\)")
_heading = re.compile(r"^#+ (.+)$", re.MULTILINE)
_path = re.compile(
    r"(?<![\w./-])((?:famedash|tests|tools|docs|locks|\.ci)/[\w./-]*\w|\w[\w.-]*\.(?:toml|yaml)"
    r"|Dockerfile|Makefile|\.env\.example|\.importlinter)(?:::(\w+))?"
)


@dataclass(frozen=True)
class Document:
    path: Path
    text: str

    @cached_property
    def code(self) -> str:
        """All that stands in code spans and blocks."""
        return "\n".join(_span.findall(self.text))

    @cached_property
    def prose(self) -> str:
        return _fence.sub("", self.text)

    @cached_property
    def anchors(self) -> set[str]:
        """As GitHub makes them."""
        return {
            re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
            for heading in _heading.findall(self.prose)
        }


def documents(root: Path = ROOT) -> list[Document]:
    return [
        Document(path, path.read_text()) for path in (root / "README.md", *sorted(root.glob("docs/**/*.md")))
    ]


def files_and_tests(document: Document) -> Iterator[str]:
    for name, test in set(_path.findall(document.code)):
        if not (ROOT / name).exists():
            yield f"there is no {name}"
        elif test and test not in functions(ROOT / name):
            yield f"there is no test {name}::{test}"


def functions(path: Path) -> set[str]:
    tree = ast.walk(ast.parse(path.read_text()))
    return {node.name for node in tree if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def targets(document: Document) -> Iterator[str]:
    defined = set(
        re.findall(r"^([a-z][a-z-]*)(?= ?[a-z -]*:)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    )
    for name in sorted(set(re.findall(r"\bmake ([a-z][a-z-]*)", document.code)) - defined):
        yield f"there is no `make {name}`"


def commands(document: Document) -> Iterator[str]:
    defined = get_command(app).commands  # type: ignore[attr-defined]
    for name in sorted(set(re.findall(r"\bfamedash ([a-z]+(?:-[a-z]+)*)", document.code)) - set(defined)):
        yield f"there is no `famedash {name}`"


def settings(document: Document) -> Iterator[str]:
    defined = {f"FAMEDASH_{name.upper()}" for name in Settings.model_fields}
    for name in sorted(set(re.findall(r"FAMEDASH_[A-Z_]+", document.text)) - defined):
        yield f"there is no setting {name}"


def numbers(document: Document) -> Iterator[str]:
    source = "".join(path.read_text() for path in (ROOT / "famedash").rglob("*.py"))
    for name in sorted(set(re.findall(r"`(famedash_\w+)`", document.text))):
        if f'"{name}"' not in source:
            yield f"there is no number {name}"


def links(document: Document) -> Iterator[str]:
    for target in _link.findall(document.prose):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        path = (document.path.parent / name) if name else document.path
        if not path.exists():
            yield f"dead link: {target}"
        elif anchor and anchor not in Document(path, path.read_text()).anchors:
            yield f"dead link: {target} (no such heading)"


def headings(readme: Document) -> Iterator[str]:
    found = tuple(re.findall(r"^## (.+)$", readme.prose, re.MULTILINE))
    if found != README_HEADINGS:
        yield f"the headings are {found}, not {README_HEADINGS}"


def settings_table(operations: Document) -> Iterator[str]:
    rows = dict(re.findall(r"^\| `(FAMEDASH_\w+)` \| `?(.*?)`? \|", operations.text, re.MULTILINE))
    defaults = {f"FAMEDASH_{name.upper()}": shown_default(name) for name in Settings.model_fields}
    for name in sorted(rows.keys() ^ defaults.keys()):
        yield f"the table of settings and the code do not agree on {name}"
    for name in sorted(rows.keys() & defaults.keys()):
        if rows[name] != defaults[name]:
            yield f"the default of {name} is {defaults[name]}, not {rows[name]}"


def shown_default(name: str) -> str:
    value = Settings.model_fields[name].default
    return str(value) if value not in (None, "") and str(value) else "empty"


def requirements(table: Document) -> Iterator[str]:
    rows = re.findall(r"^\| \**([A-Z][\w.]*)\** \|", table.text, re.MULTILINE)
    for name in sorted(REQUIREMENTS - set(rows)):
        yield f"no row for {name}"
    for name in sorted({name for name in rows if rows.count(name) > 1}):
        yield f"several rows for {name}"
    for name in sorted(set(rows) - REQUIREMENTS):
        yield f"nobody asked for {name}"


EVERYWHERE = (files_and_tests, targets, commands, settings, numbers, links)
ONE = {"README.md": headings, "docs/operations.md": settings_table, "docs/requirements.md": requirements}


def complaints() -> list[str]:
    found = list(postman.complaints())
    for document in documents():
        name = str(document.path.relative_to(ROOT))
        rules = (*EVERYWHERE, ONE[name]) if name in ONE else EVERYWHERE
        found += [f"{name}: {complaint}" for rule in rules for complaint in rule(document)]
    return found


if __name__ == "__main__":
    print("\n".join(found := complaints()), end="\n" if found else "")
    sys.exit(1 if found else 0)
