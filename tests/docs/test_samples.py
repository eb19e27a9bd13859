"""What README.md and docs/webhooks.md show to be pasted is run, in their order, against a running system."""

import asyncio
import json
import os
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from famedash.processes.settings import Settings
from famedash.webhooks.settings import WebhookSettings
from tests.docs.samples import ROOT, Sample, blocks, samples
from tests.flow.system import System, running, until
from tests.flow.test_whole_path import seconds_until_next

ALWAYS_503 = '{"then": 503}'
ONCE_429 = '{"answers": [429], "retryAfterSeconds": 5}'
TOO_SLOW = '{"delaySeconds": 20}'
GONE = '{"answers": [410]}'


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


def lessons() -> dict[str, str]:
    """lesson -> what `/logs` shows then, as the README's table says."""
    return dict(re.findall(r"^\| `(\{.*?\})` \| (.*) \|$", (ROOT / "README.md").read_text(), re.MULTILINE))


async def teach(system: System, lesson: str) -> None:
    """`PUT /behaviour`, as the README shows it."""
    practice = (await environment_of(system))["PRACTICE"]
    async with system.api.session.put(f"{practice}/behaviour", data=lesson) as reply:
        assert (lesson, reply.status) == (lesson, 200)


async def test_the_practice_receiver_takes_every_lesson_of_the_readme(system: System) -> None:
    for lesson in lessons():
        await teach(system, lesson)

    assert set(lessons()) == {ALWAYS_503, ONCE_429, TOO_SLOW, GONE}


async def test_the_lesson_of_a_dead_receiver_shows_what_the_readme_says(system: System) -> None:
    await teach(system, ALWAYS_503)

    await system.create()
    await system.change(name="The next version")
    rows = await system.settled(2)
    letters = (await system.api.get("/dead-letters?campaignId=summer")).json["items"]

    assert lessons()[ALWAYS_503] == (
        "three tries, the last one `dead`; the delivery stands at `/dead-letters`;"
        " the next version goes out all the same"
    )
    tries = [(1, "retrying"), (2, "retrying"), (3, "dead")]
    assert told(rows, version=1) == tries
    assert told(rows, version=2) == tries
    assert 1 in [letter["version"] for letter in letters]


async def test_the_lesson_of_a_busy_receiver_shows_what_the_readme_says(system: System) -> None:
    await teach(system, ONCE_429)

    await system.create()
    await until(lambda: has_rows(system, 1))
    (row,) = await system.logs()

    assert lessons()[ONCE_429] == "the pause is 5 s, not 1 s"
    assert (row["status"], row["httpStatus"]) == ("retrying", 429)
    assert seconds_until_next(row) == 5.0


async def test_the_lesson_of_a_slow_receiver_shows_what_the_readme_says(
    database_url: str, redis_url: str
) -> None:
    """With a timeout of 0.3 s; the default is 10 s."""
    async with running(database_url, redis_url, timeout_seconds=0.3) as system:
        await teach(system, TOO_SLOW)

        await system.create()
        await until(lambda: has_rows(system, 1))
        row = (await system.logs())[0]
        await teach(system, "{}")

    assert lessons()[TOO_SLOW] == "`errorClass` is `timeout` after 10 s"
    assert WebhookSettings("", ()).timeout_seconds == Settings().webhook_timeout_seconds == 10
    assert (row["errorClass"], row["httpStatus"]) == ("timeout", None)
    assert 250 <= row["durationMs"] < 2000


async def test_the_lesson_of_a_receiver_that_is_gone_shows_what_the_readme_says(system: System) -> None:
    await teach(system, GONE)

    await system.create()
    await system.settled(1)
    await system.change(name="What follows")
    rows = await system.settled(2)
    endpoint = (await system.api.get("/webhook-endpoints/default")).json

    assert (
        lessons()[GONE]
        == "`dead` at once with `gone`; after 2 s the endpoint is disabled: what happens until then is"
        " `expired`, later events are not owed"
    )
    assert [(row["attempt"], row["status"], row["errorClass"]) for row in rows] == [
        (1, "dead", "gone"),
        (0, "expired", None),
    ]
    assert (endpoint["enabled"], endpoint["reason"]) == (False, "gone")


def told(rows: list[dict[str, Any]], *, version: int) -> list[tuple[int, str]]:
    return [(row["attempt"], row["status"]) for row in rows if row["version"] == version]


async def has_rows(system: System, number: int) -> bool:
    return len(await system.logs()) >= number
