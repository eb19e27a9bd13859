"""Finds secrets in the files of this repository that are not in `.secrets.baseline`.

Answers for: every file that git knows or would add, with the plugins and filters named in the baseline, and
offline (a finding is never "verified" by sending it to anybody). Exit 1 and one line per new finding; the
secret is not printed. Refuses to edit the baseline on its own, unlike `detect-secrets-hook`, which does so
whenever a line moved.

A finding that is no secret gets `# pragma: allowlist secret` on its line, with the reason in sight.
In `tests/` a `password = "..."`, a `user:password@host` and random-looking strings are fixtures: there, only
what has a secret's exact shape (a cloud key, a JWT, a private key, ...) counts.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from detect_secrets.core import baseline
from detect_secrets.core.secrets_collection import SecretsCollection

ROOT = Path(__file__).resolve().parent.parent
BASELINE = ROOT / ".secrets.baseline"
GUESSES = {
    "Secret Keyword",
    "Basic Auth Credentials",
    "Base64 High Entropy String",
    "Hex High Entropy String",
}
SKIPPED_FOLDERS = {".git", ".venv", ".famedash", "node_modules", "__pycache__"}


def files(root: Path) -> list[str]:
    """What git tracks or would add; without git (a downloaded archive) everything but tools' folders."""
    git = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    if git.returncode == 0:
        names = set(git.stdout.split("\0")) - {""}
    else:
        names = {str(path.relative_to(root)) for path in root.rglob("*")}
    return sorted(
        name
        for name in names
        if name != BASELINE.name and not SKIPPED_FOLDERS & set(Path(name).parts) and (root / name).is_file()
    )


def is_guess_in_a_test(filename: str, kind: str) -> bool:
    return kind in GUESSES and filename.startswith("tests/")


def scan(root: Path, names: list[str]) -> SecretsCollection:
    found = SecretsCollection(root=str(root))
    for name in names:
        found.scan_file(name)
        for secret in list(found.data[name]) if name in found.data else []:
            if is_guess_in_a_test(name, secret.type):
                found.data[name].remove(secret)
    return found


def main(arguments: list[str]) -> int:
    document = baseline.load_from_file(str(BASELINE))
    accepted = baseline.load(document, str(BASELINE))
    names = files(ROOT)
    found = scan(ROOT, names)
    if arguments == ["--write-baseline"]:
        baseline.save_to_file(found, str(BASELINE))
        print(f"{BASELINE.name} written: read its diff before you commit it")
        return 0
    new = [(name, secret) for name, secret in found - accepted]
    for name, secret in new:
        print(f"{name}:{secret.line_number}: looks like a secret ({secret.type})")
    if new:
        print(
            f"{len(new)} finding(s). A real one: take it out and revoke it. No secret: "
            "'# pragma: allowlist secret' on the line, or `make secrets-baseline`."
        )
        return 1
    print(f"no secrets in {len(names)} files")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
