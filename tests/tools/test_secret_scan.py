"""The secret scan of `make check` finds what must never be committed, and passes what only looks like it."""

from __future__ import annotations

import base64
import importlib.util
import json
from pathlib import Path

import pytest
from detect_secrets.core import baseline

FILE = Path(__file__).resolve().parents[2] / "tools/check_secrets.py"
SPEC = importlib.util.spec_from_file_location("check_secrets", FILE)
assert SPEC
assert SPEC.loader
check_secrets = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(check_secrets)

# Put together here, so that this file holds none.
AWS_KEY = "AKIA" + "Z7QW4ERTYUPASD2F"
JWT = ".".join(
    base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
    for part in ({"alg": "HS256", "typ": "JWT"}, {"sub": "somebody", "workspace": "acme"}, {"s": "signature"})
)
PRIVATE_KEY = "-----BEGIN RSA " + "PRIVATE KEY-----"
PASSWORD = "hunter2-correct" + "-horse"


@pytest.fixture(autouse=True)
def _settings_of_the_baseline() -> None:
    baseline.load(baseline.load_from_file(str(check_secrets.BASELINE)), str(check_secrets.BASELINE))


def kinds(root: Path, name: str, line: str) -> set[str]:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(line + "\n")
    found = check_secrets.scan(root, [name])
    return {secret.type for _, secret in found}


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (f'key = "{AWS_KEY}"', "AWS Access Key"),
        (f"Authorization: Bearer {JWT}", "JSON Web Token"),
        (PRIVATE_KEY, "Private Key"),
    ],
)
@pytest.mark.parametrize("name", ["famedash/settings.py", "tests/test_x.py", "docs/guide.md", ".env.example"])
def test_a_planted_secret_is_found_wherever_it_lies(tmp_path: Path, name: str, line: str, kind: str) -> None:
    """PROMISE: no cloud key, token or private key gets past `make check`.

    Breaks if a plugin leaves the baseline, or if tests are skipped as a whole.
    """
    assert kind in kinds(tmp_path, name, line)


def test_a_password_counts_in_the_product_but_is_a_fixture_in_a_test(tmp_path: Path) -> None:
    line = f'password = "{PASSWORD}"; url = "postgresql://user:{PASSWORD}@db/x"'

    assert kinds(tmp_path, "famedash/settings.py", line) == {"Secret Keyword", "Basic Auth Credentials"}
    assert kinds(tmp_path, "tests/test_x.py", line) == set()


def test_a_line_with_the_pragma_is_let_through(tmp_path: Path) -> None:
    line = f'key = "{AWS_KEY}"  # pragma: allow' + "list secret"

    assert kinds(tmp_path, "famedash/settings.py", line) == set()


def test_nothing_is_sent_anywhere_to_verify_a_finding() -> None:
    document = baseline.load_from_file(str(check_secrets.BASELINE))

    assert not [path for path in document["filters_used"] if "verification" in path["path"]]


def test_the_scan_reads_what_git_would_add_and_not_what_it_ignores() -> None:
    names = check_secrets.files(check_secrets.ROOT)

    assert "Makefile" in names
    assert not [name for name in names if name.startswith((".venv/", ".famedash/"))]
