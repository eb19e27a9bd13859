"""Every SQL string of the program, read as text: a tenant's table is never used without its workspace."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import famedash

ROOT = Path(famedash.__file__).parent

EVERY_WORKSPACE = {
    "outbox.store.unpublished": "the relay publishes the events of every workspace",
    "webhooks.queries.next_due_at": "a worker looks for the next due row of all its partitions",
    "webhooks.queries.marked": "a worker takes over a whole partition",
}
"""Statements that serve all workspaces at once, with the reason; each must exist."""


def tenant_tables() -> set[str]:
    """The tables that migrations create with a `workspace_id`."""
    sql = "".join(path.read_text() for path in sorted((ROOT / "migrations").glob("*.sql")))
    tables = re.findall(r"create table (\w+) \((.*?)\n\)", sql, re.DOTALL)
    return {name for name, columns in tables if "workspace_id" in columns}


def statements() -> Iterator[tuple[str, str]]:
    """(where, SQL) of every string constant that names a table after an SQL word."""
    for path in ROOT.rglob("*.py"):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                for node in ast.walk(function):
                    if isinstance(node, ast.Constant) and isinstance(node.value, str):
                        yield f"{module}.{function.name}", node.value


def tables_of(sql: str) -> set[str]:
    return set(re.findall(r"\b(?:from|into|update|join|using)\s+(\w+)", sql, re.IGNORECASE))


def careless(where: str, sql: str, tenants: set[str]) -> bool:
    return bool(tables_of(sql) & tenants) and "workspace_id" not in sql and where not in EVERY_WORKSPACE


def test_no_statement_uses_a_tenants_table_without_its_workspace() -> None:
    """PROMISE: what one workspace stores another cannot reach. Breaks with one forgotten condition."""
    tenants = tenant_tables()

    found = [where for where, sql in statements() if careless(where, sql, tenants)]

    assert found == []
    assert {"campaigns", "webhook_attempts", "outbox_events", "idempotency_keys"} <= tenants


def test_the_check_sees_a_forgotten_workspace() -> None:
    assert careless("x", "select * from campaigns where id = $1", {"campaigns"})
    assert not careless("x", "select * from campaigns where workspace_id = $1", {"campaigns"})


@pytest.mark.parametrize("where", EVERY_WORKSPACE)
def test_every_exception_is_still_needed(where: str) -> None:
    tenants = tenant_tables()

    assert any(place == where and tables_of(sql) & tenants for place, sql in statements())


def test_no_sql_is_put_together_from_values() -> None:
    """PROMISE: values travel as parameters. An f-string or % in SQL would be an injection waiting."""
    careless_places = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in ROOT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.JoinedStr)
        and re.search(
            r"\b(select|insert into|update|delete from)\s.*\b(from|set|values|where)\b",
            "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant)),
            re.IGNORECASE | re.DOTALL,
        )
    ]

    assert careless_places == []
