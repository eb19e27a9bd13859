"""Plays `docker compose up` without Docker: the same commands, the same environment, an image-like install.

Answers for: the processes of compose.yaml start with exactly the settings written there, a campaign becomes a
delivered webhook at the practice receiver, the image's health check passes, SIGTERM ends each process with 0.
Only what containers resolve is exchanged: hosts, ports, folders. PostgreSQL and Redis are the embedded ones.
Says nothing about the images of PostgreSQL and Redis, volumes, networks or users.

    python tools/rehearse_compose.py SERVER_VENV
"""

from __future__ import annotations

import ast
import asyncio
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from famedash.infra.embedded import Endpoints, embedded_servers, free_port

ROOT = Path(__file__).resolve().parent.parent
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
PROCESSES = ("practice", "api", "relay", "deliver", "ingest", "tend")
PATIENCE_SECONDS = 30


class Failed(Exception):
    """The rehearsal ends here; the text says at what."""


def make_secrets(folder: Path) -> None:
    script = SERVICES["secrets"]["command"][0].replace("/run/famedash", str(folder))
    subprocess.run([sys.executable, "-c", script.replace("os.chown(path, 10001, 10001)", "os")], check=True)


@dataclass
class Stage:
    """One installation of the server, one folder for all containers, and what runs there."""

    famedash: Path
    folder: Path
    ours: dict[str, str]  # whole variables by their name, parts of the others by their text
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def environment(self, service: str) -> dict[str, str]:
        """What the container would see, with this machine's addresses."""
        ours = {**self.ours, "FAMEDASH_METRICS_PORT": str(free_port())}
        seen = {"PATH": "/usr/bin:/bin"}
        for name, value in SERVICES[service]["environment"].items():
            text = ours.get(name) or re.sub(r"\$\{\w+:?-([^}]*)\}", r"\1", value)
            for theirs, replacement in ours.items():
                text = text.replace(theirs, replacement)
            seen[name] = text
        return seen

    def run(self, service: str, program: Path, *arguments: str) -> str:
        answer = subprocess.run(
            [program, *arguments],
            cwd=self.folder,
            env=self.environment(service),
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode:
            command = " ".join((program.name, *arguments))
            raise Failed(f"{command}: exit {answer.returncode}\n{answer.stdout}{answer.stderr}")
        return answer.stdout.strip()

    def start(self, service: str) -> None:
        with self.log(service).open("wb") as log:
            self.running[service] = subprocess.Popen(
                [self.famedash, *SERVICES[service]["command"]],
                cwd=self.folder,
                env=self.environment(service),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def stop(self, service: str) -> None:
        process = self.running[service]
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            raise Failed(f"{service}: still running {PATIENCE_SECONDS} s after SIGTERM") from None
        if code != 0:
            raise Failed(f"{service}: exit {code} after SIGTERM")

    def log(self, service: str) -> Path:
        return self.folder / f"{service}.log"

    def until(self, what: str, attempt: Callable[[], Any]) -> Any:
        """What `attempt` answers once it is neither empty nor refused; for a time, and only while all run."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            if ended := [name for name, process in self.running.items() if process.poll() is not None]:
                raise Failed(f"{what}: {', '.join(ended)} ended before")
            try:
                if answer := attempt():
                    return answer
            except OSError:  # a refused connection, and an HTTP error status too
                pass
            time.sleep(0.1)
        raise Failed(f"{what}: not within {PATIENCE_SECONDS} s")


def call(method: str, url: str, token: str = "", body: object = None) -> Any:
    request = urllib.request.Request(url, method=method, data=json.dumps(body).encode() if body else None)  # noqa: S310
    request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
        text = answer.read()
    return json.loads(text) if text.startswith((b"{", b"[")) else text.decode()


def health_check() -> list[str]:
    """The image's own, as written in the Dockerfile."""
    written = re.search(
        r"^HEALTHCHECK .*\\\n +CMD (\[.*\])$", (ROOT / "Dockerfile").read_text(), re.MULTILINE
    )
    if not written:
        raise Failed("the Dockerfile has no HEALTHCHECK as this file expects it")
    return list(ast.literal_eval(written[1]))


def stage(server: Path, folder: Path, endpoints: Endpoints) -> Stage:
    practice_port = free_port()
    ours = {
        "FAMEDASH_DATABASE_URL": endpoints.database_url,
        "FAMEDASH_REDIS_URL": endpoints.redis_url,
        "FAMEDASH_PORT": str(free_port()),
        "FAMEDASH_PRACTICE_PORT": str(practice_port),
        "//practice:8081/": f"//127.0.0.1:{practice_port}/",
        "172.31.253.81/32": "127.0.0.0/8",
        "0.0.0.0": "127.0.0.1",  # noqa: S104 - what compose.yaml says, and what it becomes here
        "/run/famedash": str(folder),
        "/var/lib/famedash": str(folder),
    }
    return Stage(server / "bin/famedash", folder, ours)


def rehearse(play: Stage) -> None:
    """Start, deliver one webhook, stop: each step as compose would take it."""
    make_secrets(play.folder)
    play.run("migrate", play.famedash, *SERVICES["migrate"]["command"])
    print("ok    migrate ends with 0", flush=True)
    for service in PROCESSES:
        play.start(service)
    deliver_one(play, f"http://127.0.0.1:{play.ours['FAMEDASH_PORT']}")
    _, *check = health_check()
    play.run("api", play.famedash.parent / "python", *check)
    print("ok    the image's health check", flush=True)
    for service in reversed(PROCESSES):
        play.stop(service)
    print("ok    each process ends with 0 after SIGTERM", flush=True)


def deliver_one(play: Stage, api: str) -> None:
    """A campaign goes in; its webhook's delivery comes out of the log of attempts."""
    play.until("/readyz", lambda: call("GET", f"{api}/readyz"))
    token = play.run("api", play.famedash, "token")
    campaign = call("POST", f"{api}/campaigns", token, {"name": "Rehearsal"})
    logs = f"{api}/logs?campaignId={campaign['id']}"
    attempts = play.until("an attempt in /logs", lambda: call("GET", logs, token)["items"])
    if attempts[0]["status"] != "delivered":
        raise Failed(f"the webhook was not delivered: {attempts}")
    print("ok    a campaign was created and its webhook delivered", flush=True)


async def main(server: Path) -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "containers"
        folder.mkdir()
        async with embedded_servers(Path(name) / "servers", durable=False) as servers:
            play = stage(server, folder, servers.endpoints)
            try:
                await asyncio.to_thread(rehearse, play)
            except (Failed, OSError) as failure:
                for service in play.running:
                    print(f"--- {service}\n{play.log(service).read_text()[-1500:]}")
                print(f"FAIL  {failure}")
                return 1
            finally:
                for process in play.running.values():
                    process.kill()
                    process.wait()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(Path(sys.argv[1]).resolve())))
