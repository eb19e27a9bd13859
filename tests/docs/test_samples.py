"""What README.md and docs/webhooks.md show to be pasted is run, in their order, against a running system."""

import asyncio
import json
import os
import re
import shlex
from pathlib import Path

import pytest

from tests.docs.samples import ROOT, Sample, blocks, samples
from tests.flow.system import System, until


async def outcome(sample: Sample, environment: dict[str, str], folder: Path) -> tuple[int, bytes]:
    """(status, body) of one line, run by bash as it stands."""
    body = folder / "body"
    shell = await asyncio.create_subprocess_exec(
        *("bash", "-c", f"{sample.command} -o {body} -w '%{{http_code}}'"),
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await asyncio.wait_for(shell.communicate(), 20)
    return int(printed), body.read_bytes()


async def environment_of(system: System) -> dict[str, str]:
    """What the documents export: the API, a token, the practice receiver."""
    endpoint = (await system.api.get("/webhook-endpoints/default")).json
    practice = endpoint["url"].removesuffix("/campaign")
    return {"API": system.api.base_url, "TOKEN": system.api.token, "PRACTICE": practice}


@pytest.mark.parametrize(("document", "at_least"), [("README.md", 9), ("docs/webhooks.md", 5)])
async def test_the_samples_of_a_document_answer_what_they_say(
    system: System, document: str, at_least: int, tmp_path: Path
) -> None:
    """PROMISE: what the documents show can be pasted. Breaks when a path, a field or a status changes."""
    found, environment = samples(document), await environment_of(system)

    for sample in found:
        status, body = await outcome(sample, environment, tmp_path)

        assert (sample.command, status) == (sample.command, sample.status), body
        assert json.loads(body) is not None
    assert len(found) >= at_least


async def test_the_five_lines_pasted_twice_answer_the_same(system: System, tmp_path: Path) -> None:
    five, environment = samples("README.md")[:5], await environment_of(system)

    once = [await outcome(sample, environment, tmp_path) for sample in five[:3]]
    twice = [await outcome(sample, environment, tmp_path) for sample in five[:3]]

    assert once == twice


async def test_the_story_of_two_failures_ends_as_the_readme_tells(system: System, tmp_path: Path) -> None:
    environment = await environment_of(system)

    for sample in samples("README.md"):
        await outcome(sample, environment, tmp_path)
    rows = await system.settled(1, "stormy")

    assert [row["status"] for row in rows] == ["retrying", "retrying", "delivered"]


async def test_an_event_put_on_the_bus_by_hand_is_delivered(system: System) -> None:
    """PROMISE: the `redis-cli XADD` of docs/webhooks.md works: right stream, right shape."""
    (line,) = [
        line for block in blocks("docs/webhooks.md", "sh") for line in block.splitlines() if "XADD" in line
    ]
    command = shlex.split(line)[3:]

    await system.redis.execute_command(*command)  # type: ignore[no-untyped-call]

    await until(lambda: heard(system))
    assert system.received() == [2]


async def heard(system: System) -> bool:
    return bool(system.posts())


async def test_the_practice_receiver_takes_every_lesson_of_the_readme(system: System) -> None:
    lessons = re.findall(r"^\| `(\{.*?\})` \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    practice = (await environment_of(system))["PRACTICE"]

    for lesson in lessons:
        async with system.api.session.put(f"{practice}/behaviour", data=lesson) as reply:
            assert (lesson, reply.status) == (lesson, 200)
    assert len(lessons) >= 4
