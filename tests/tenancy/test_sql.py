"""Every SQL string of the program, read as text: a tenant's table is never used without its workspace."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import famedash

ROOT = Path(famedash.__file__).parent

EVERY_WORKSPACE = {
    "campaigns.store.hold_due_to_start": "the clock starts the campaigns of every workspace",
    "campaigns.store.hold_due_to_end": "the clock ends the campaigns of every workspace",
    "idempotency.store.delete_old": "housekeeping goes by age alone",
    "outbox.store.unpublished": "the relay publishes the events of every workspace",
    "performers.store.fail_silent": "a load is given up by its age alone",
    "performers.store.disconnect_failed": "a load is ended because it was given up",
    "webhooks.letters.queries.unfinished": "`tend` works off the replays of every workspace",
    "webhooks.queries.next_due_at": "a worker looks for the next due row of all its partitions",
    "webhooks.queries.marked": "a worker takes over a whole partition",
    "webhooks.reconcile.queries.horizon": "the proof covers the ledger of every workspace",
    "webhooks.registry.queries.all_sealed": "a new FAMEDASH_ENCRYPTION_KEY is one for every workspace",
    "webhooks.store.workspaces_disabled": "a new FAMEDASH_WEBHOOK_URL is one for every workspace",
}
"""Statements that serve all workspaces at once, with the reason; each must exist and need it."""

_narrowed = re.compile(
    r"""
    \b(where|and|on) \s+ (\w+\.)? workspace_id \s*
        (= | is \s+ not \s+ distinct \s+ from \b)                    # a value, = any(…), or a join
    | \busing \s* \( [^()]* \bworkspace_id\b                       # a join
    | \binsert \s+ into \s+ \w+ (\s+ as \s+ \w+)? \s*
        ( \( [^()]* \bworkspace_id\b | select \s+ workspace_id\b )   # a column that is written
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""To name the column somewhere (in a select list, an order, a conflict target) narrows nothing down."""


def tenant_tables() -> set[str]:
    """The tables that migrations create with a `workspace_id`."""
    sql = "".join(path.read_text() for path in sorted((ROOT / "migrations").glob("*.sql")))
    tables = re.findall(r"create table (\w+) \((.*?)\n\)", sql, re.DOTALL)
    return {name for name, columns in tables if "workspace_id" in columns}


def statements() -> Iterator[tuple[str, str]]:
    """(where, text) of every string constant, in a function or beside one: comments in SQL do not count."""
    for path in ROOT.rglob("*.py"):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        yield from _strings(ast.parse(path.read_text()), module)


def _strings(node: ast.AST, where: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        where = f"{where}.{node.name}"
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield where, re.sub(r"--.*", "", node.value)
    for child in ast.iter_child_nodes(node):
        yield from _strings(child, where)


def tables_of(sql: str) -> set[str]:
    return set(re.findall(r"\b(?:from|into|update|join|using)\s+(\w+)", sql, re.IGNORECASE))


def careless(where: str, sql: str, tenants: set[str]) -> bool:
    return bool(tables_of(sql) & tenants) and not _narrowed.search(sql) and where not in EVERY_WORKSPACE


def test_no_statement_uses_a_tenants_table_without_its_workspace() -> None:
    """PROMISE: what one workspace stores another cannot reach. Breaks with one forgotten condition."""
    tenants = tenant_tables()

    found = [where for where, sql in statements() if careless(where, sql, tenants)]

    assert found == []
    assert {"campaigns", "webhook_attempts", "outbox_events", "idempotency_keys", "metric_minutes"} <= tenants


@pytest.mark.parametrize(
    "sql",
    [
        "select * from campaigns where id = $1",
        "select * from campaigns where id=$1 order by workspace_id",
        "select * from campaigns where id = $1 order by workspace_id = $2",
        "select workspace_id, id from campaigns where id = $1",
        "update campaigns set workspace_id = $2 where id = $1",
        "select * from campaigns where workspace_id is not null and id = $1",
        "select * from campaigns where other_workspace_id = $1",
        "update campaigns set name = $2 where id = $1 returning workspace_id",
        "delete from campaigns where (workspace_id, id) in (select workspace_id, id from campaigns limit 1)",
        "insert into campaigns (id) values ($1) on conflict (workspace_id, id) do nothing",
        "insert into campaigns as c select id from added order by workspace_id",
        "select * from x join campaigns using (id) order by workspace_id",
    ],
)
def test_the_check_sees_a_forgotten_workspace(sql: str) -> None:
    assert careless("x", sql, {"campaigns"})


@pytest.mark.parametrize(
    "sql",
    [
        "select * from campaigns where workspace_id = $1",
        "select * from campaigns where workspace_id=$1 and id=$2",
        "select * from campaigns where workspace_id = any($1::text[])",
        "select * from campaigns where workspace_id is not distinct from $1",
        "select * from owed join campaigns using (workspace_id, id)",
        "delete from campaigns c using gone where c.workspace_id = gone.workspace_id",
        "insert into campaigns (workspace_id, id) values ($1, $2)",
        "insert into campaigns as c (workspace_id, id) values ($1, $2)",
        "insert into campaigns as c select workspace_id, id from added",
        "select * from elsewhere",
    ],
)
def test_the_check_lets_a_narrow_statement_pass(sql: str) -> None:
    assert not careless("x", sql, {"campaigns"})


@pytest.mark.parametrize("where", EVERY_WORKSPACE)
def test_every_exception_is_still_needed(where: str) -> None:
    tenants = tenant_tables()

    assert any(place == where and careless("", sql, tenants) for place, sql in statements())


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
