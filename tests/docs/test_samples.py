"""What README.md and docs/ show to be pasted is run, in their order, against a running system."""

import asyncio
import json
import os
import re
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from famedash.metrics.decode import REASONS
from famedash.metrics.live import counts
from famedash.processes.settings import Settings
from famedash.webhooks.settings import WebhookSettings
from tests.docs.samples import ROOT, Sample, blocks, samples
from tests.flow.system import System, running, until
from tests.flow.test_whole_path import seconds_until_next
from tests.metrics.counting import caught_up, ingester, totals

ALWAYS_503 = '{"then": 503}'
ONCE_429 = '{"answers": [429], "retryAfterSeconds": 5}'
TOO_SLOW = '{"delaySeconds": 20}'
GONE = '{"answers": [410]}'
README = (ROOT / "README.md").read_text()


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
    """What the documents export: the API, a token, the practice receiver, the time."""
    endpoint = (await system.api.get("/webhook-endpoints/default")).json
    practice = endpoint["url"].removesuffix("/campaign")
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return {"API": system.api.base_url, "TOKEN": system.api.token, "PRACTICE": practice, "NOW": now}


@pytest.mark.parametrize(
    ("document", "at_least"), [("README.md", 15), ("docs/webhooks.md", 5), ("docs/briefs.md", 7)]
)
async def test_the_samples_of_a_document_answer_what_they_say(
    system: System, document: str, at_least: int, tmp_path: Path
) -> None:
    """PROMISE: what the documents show can be pasted. Breaks when a path, a field or a status changes."""
    found, environment = samples(document), await environment_of(system)

    for sample in found:
        status, body = await outcome(sample, environment, tmp_path)

        assert (sample.command, status) == (sample.command, sample.status), body
        assert b"event: brief\n" in body if "event-stream" in sample.command else json.loads(body) is not None
    assert len(found) >= at_least


async def test_the_brief_of_the_readme_cites_what_was_told_before(system: System, tmp_path: Path) -> None:
    lines = [sample for sample in samples("README.md") if "/knowledge" in sample.command]
    asked = next(sample for sample in samples("README.md") if "generate-brief" in sample.command)
    environment = await environment_of(system)

    told = json.loads((await outcome(lines[0], environment, tmp_path))[1])
    first = json.loads((await outcome(asked, environment, tmp_path))[1])
    again = json.loads((await outcome(asked, environment, tmp_path))[1])

    assert [each["documentId"] for each in first["sources"]["knowledge"]] == [told["id"]]
    assert (first["meta"]["cached"], again["meta"]["cached"]) == (False, True)
    assert again["caption"] == first["caption"]


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
    (command,) = appended_by_hand("docs/webhooks.md", {})

    await system.redis.execute_command(*command)  # type: ignore[no-untyped-call]

    await until(lambda: heard(system))
    assert system.received() == [2]


def appended_by_hand(document: str, environment: dict[str, str]) -> list[list[str]]:
    """Each `redis-cli -u ADDRESS XADD ...` of the document, from XADD on."""
    lines = [line for block in blocks(document, "sh") for line in block.splitlines() if '" XADD ' in line]
    for name, value in environment.items():
        lines = [line.replace(f"${name}", value) for line in lines]
    return [shlex.split(line)[3:] for line in lines]


async def test_the_samples_of_the_metrics_are_counted_as_the_document_shows(
    system: System, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    """PROMISE: docs/metrics.md can be pasted from top to bottom, and answers what it shows."""
    found, environment = samples("docs/metrics.md"), await environment_of(system)
    answers: list[bytes] = []

    async with ingester(database_url, redis_url):
        for sample in found:
            await caught_up(system.database, system.redis)
            status, body = await outcome(sample, environment, tmp_path)
            assert (sample.command, status) == (sample.command, sample.status), body
            answers.append(body)

    shown = [json.loads(block) for block in blocks("docs/metrics.md", "json")]
    taken, metrics = answers[2], next(answer for answer in answers if b"dataThrough" in answer)
    assert [json.loads(taken), counts(json.loads(metrics))] == [shown[0], counts(shown[1])]
    assert b"event: metrics" in answers[-1]
    assert all(json.loads(answer) is not None for answer in answers[:-1])
    assert len(found) >= 13


async def test_the_three_events_of_the_readme_are_counted_as_it_tells(
    system: System, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    environment = await environment_of(system)

    for sample in samples("README.md"):
        await outcome(sample, environment, tmp_path)
    async with ingester(database_url, redis_url):
        await caught_up(system.database, system.redis)
    total = (await system.api.get("/campaigns/summer/metrics")).json["total"]

    assert "`views` is 1,000, `likes` is 45, `engagementRate` is 4.5, and `cpe` is 200" in README
    assert [total[name] for name in ("views", "likes", "engagementRate", "cpe")] == [1000, 45, 4.5, 200]


async def test_an_engagement_event_appended_by_hand_counts(
    system: System, database_url: str, redis_url: str
) -> None:
    """PROMISE: the `redis-cli XADD` of docs/metrics.md works: right stream, right shape."""
    (command,) = appended_by_hand("docs/metrics.md", await environment_of(system))

    await system.redis.execute_command(*command)  # type: ignore[no-untyped-call]
    async with ingester(database_url, redis_url):
        await caught_up(system.database, system.redis)

    assert await totals(system.database) == {"views": 1}


def test_every_reason_of_a_dead_letter_is_explained() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE)

    explained = {name: sentence for name, sentence in rows if name in REASONS}

    assert explained == REASONS


async def heard(system: System) -> bool:
    return bool(system.posts())


def lessons() -> dict[str, str]:
    """lesson -> what `/logs` shows then, as the README's table says."""
    return dict(re.findall(r"^\| `(\{.*?\})` \| (.*) \|$", README, re.MULTILINE))


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
