"""`famedash demo events`: what it makes of a file, what it plays live, and where on the log that ends up."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from famedash.infra.database import Database
from famedash.infra.embedded import free_port
from famedash.infra.log.model import Record
from famedash.infra.log.partitions import partition_of
from famedash.infra.log.redis_appender import RedisAppender
from famedash.infra.loop import Stop
from famedash.metrics.model import COUNTER_OF
from famedash.practice import engagement
from famedash.processes import demo
from famedash.processes.demo import Live, Sender
from famedash.processes.demo_recording import Changes, changes_of, lines_of, survey
from tests.metrics.counting import caught_up, ingester, letters, totals
from tests.processes.test_cli import environment, famedash

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
SAMPLE = Path(__file__).resolve().parents[2] / "examples" / "events.ndjson"
BROKEN = b'{"eventId":"cut o'


def line(event_id: str = "e-1", timestamp: str = "2025-06-02T10:00:00.000Z", **more: Any) -> bytes:
    event = {
        "eventId": event_id,
        "campaignId": "summer",
        "influencerId": "ava",
        "platform": "tiktok",
        "type": "view",
        "timestamp": timestamp,
    }
    return json.dumps(event | more).encode()


class Recorder:
    """An appender that keeps what it was given, call by call."""

    def __init__(self) -> None:
        self.calls: list[list[Record]] = []

    async def append(self, records: Sequence[Record]) -> None:
        self.calls.append(list(records))

    @property
    def lines(self) -> list[bytes]:
        return [line for call in self.calls for record in call for line in record.data.split(b"\n")]


def written(folder: Path, *lines: bytes) -> Path:
    path = folder / "events.ndjson"
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


async def replayed(
    path: Path, *, now: datetime = NOON, workspace: str = "default", as_is: bool = False
) -> list[bytes]:
    """The lines that a replay sends; partition by partition, each in the order of the file."""
    recorder, recording = Recorder(), survey(path)
    changes = Changes(workspace) if as_is else changes_of(recording, workspace=workspace, now=now)
    await demo.replay(Sender(recorder, most_lines=500), recording, changes, stop=Stop())
    return recorder.lines


def times(lines: Sequence[bytes]) -> list[str]:
    return [json.loads(each)["timestamp"] for each in lines]


def ids(lines: Sequence[bytes]) -> list[str]:
    return [json.loads(each)["eventId"] for each in lines]


async def test_the_last_event_is_now_and_all_keep_their_distance_and_their_zone(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        line("e-1", "2025-06-02T09:59:59.001Z"),
        line("e-2", "2025-06-02T15:30:00.250+05:30"),
        line("e-3", "2025-06-02T09:50:00Z"),
        line("e-4", "2025-06-02T09:59:59.000001+00:00"),
    )

    sent = await replayed(path)

    assert times(sent) == [
        "2026-11-25T11:59:58.751Z",
        "2026-11-25T17:30:00.000+05:30",
        "2026-11-25T11:49:59.750Z",
        "2026-11-25T11:59:58.750001+00:00",
    ]


async def test_the_whole_sample_keeps_its_spacing_to_the_millisecond() -> None:
    now = NOON + timedelta(microseconds=123_456)

    sent = [event for each in await replayed(SAMPLE, now=now) if (event := demo.event_of(each))]

    original = {event.event_id: event for each in lines_of(SAMPLE) if (event := demo.event_of(each))}
    before = [original[event.event_id.rpartition("-")[0]] for event in sent]
    pairs = list(zip(before, sent, strict=True))
    assert len(pairs) == 4_992
    assert len({after.timestamp - event.timestamp for event, after in pairs}) == 1
    assert all(after.timestamp.utcoffset() == event.timestamp.utcoffset() for event, after in pairs)
    assert timedelta(0) <= now - max(event.timestamp for event in sent) < timedelta(milliseconds=1)


async def test_two_runs_differ_and_a_repeat_in_the_file_stays_a_repeat(tmp_path: Path) -> None:
    """PROMISE: a second replay counts again, and a repeat never does.

    Breaks if the ids do not depend on the run, or depend on the line.
    """
    path = written(tmp_path, line("e-1"), line("e-2"), line("e-1"))

    first = await replayed(path)
    second = await replayed(path, now=NOON + timedelta(microseconds=1))

    for run in (first, second):
        assert run[0] == run[2] != run[1]
    assert set(ids(first)).isdisjoint(ids(second))
    assert all(each.startswith("e-") for each in ids(first))


async def test_another_file_has_other_ids_at_the_same_moment(tmp_path: Path) -> None:
    first = await replayed(written(tmp_path, line("e-1")))
    other = await replayed(written(tmp_path, line("e-1"), line("e-2")))

    assert set(ids(first)).isdisjoint(ids(other))


async def test_an_id_of_any_length_stays_one_that_is_taken(tmp_path: Path) -> None:
    longest = "é" * 199

    sent = ids(await replayed(written(tmp_path, line(longest + "a"), line(longest + "b"))))

    assert len(set(sent)) == 2
    assert all(len(each) <= 200 for each in sent)


async def test_as_is_keeps_every_byte(tmp_path: Path) -> None:
    lines = (line(value=1, odd=1.50), BROKEN, b'{ "eventId" : 7 }', line("e-2"))

    sent = await replayed(written(tmp_path, *lines), as_is=True)

    assert Counter(sent) == Counter(lines)


async def test_as_is_for_another_workspace_changes_only_that(tmp_path: Path) -> None:
    path = written(tmp_path, line(), line("e-2", workspace="acme"), line("e-3", workspace="other"))

    sent = await replayed(path, as_is=True, workspace="acme")

    assert [json.loads(each) for each in sent] == [
        json.loads(line(event_id, workspace="acme")) for event_id in ("e-1", "e-2", "e-3")
    ]


async def test_the_workspace_is_the_one_that_was_asked_for_whatever_the_file_says(tmp_path: Path) -> None:
    path = written(tmp_path, line(), line("e-2", workspace="other"))

    asked = [json.loads(each).get("workspace", "default") for each in await replayed(path)]
    acme = [json.loads(each)["workspace"] for each in await replayed(path, workspace="acme")]

    assert (asked, acme) == (["default"] * 2, ["acme"] * 2)


async def test_blank_lines_are_left_out_and_fields_that_nobody_knows_stay(tmp_path: Path) -> None:
    path = written(tmp_path, b"", line(hashtags=["a"], metadata={"x": [1.50, "é"]}), b"  \r")

    (sent,) = await replayed(path)

    assert json.loads(sent)["metadata"] == {"x": [1.5, "é"]}
    assert json.loads(sent)["hashtags"] == ["a"]


async def test_a_file_without_a_single_event_goes_out_as_it_is(tmp_path: Path) -> None:
    assert await replayed(written(tmp_path, BROKEN)) == [BROKEN]


async def test_events_land_in_their_partition_and_malformed_lines_in_the_first(redis: Redis) -> None:
    recording = survey(SAMPLE)
    changes = changes_of(recording, workspace="acme", now=NOON)

    await demo.replay(Sender(RedisAppender(redis), most_lines=500), recording, changes, stop=Stop())

    events = malformed = 0
    for partition in range(16):
        for _, fields in await redis.xrange(f"famedash:engagement:{partition}"):
            lines = fields[b"data"].split(b"\n")
            assert len(lines) <= 500
            for each in lines:
                if event := demo.event_of(each):
                    events += 1
                    assert partition_of("acme", event.campaign_id) == partition
                    assert event.workspace == "acme"
                else:
                    malformed += 1
                    assert partition == 0
                    assert each in SAMPLE.read_bytes()
    assert (events, malformed) == (4_992, 8)


async def test_an_entry_has_at_most_a_mebibyte(tmp_path: Path) -> None:
    recorder = Recorder()
    path = written(tmp_path, *(b"x" * 400_000 for _ in range(4)), b"y" * 2_000_000)

    await demo.replay(Sender(recorder, most_lines=500), survey(path), Changes("default"), stop=Stop())

    sizes = [len(record.data) for call in recorder.calls for record in call]
    assert sizes == [800_001, 800_001, 2_000_000]


async def test_a_replay_is_counted_as_the_truth_has_it(
    database: Database, database_url: str, redis_url: str, redis: Redis, tmp_path: Path
) -> None:
    """Through the log and the worker: repeats once, corrections taken away, malformed lines set aside."""
    stream = engagement.stream(5, start=NOON, rate=0.05)
    events = list(islice(stream, 2_000))
    path = written(tmp_path, *engagement.lines(events, malformed_every=500))
    recording = survey(path)
    changes = changes_of(recording, workspace="default", now=datetime.now(UTC))

    await demo.replay(Sender(RedisAppender(redis), most_lines=500), recording, changes, stop=Stop())
    async with ingester(database_url, redis_url):
        await caught_up(database, redis)

    truth: Counter[tuple[str, str]] = Counter()
    for (_, campaign, _, _, kind), value in engagement.tally(events).items():
        truth[campaign, COUNTER_OF[kind]] += value
    for campaign in engagement.CAMPAIGNS:
        expected = {counter: truth[campaign, counter] for counter in COUNTER_OF.values()}
        assert await totals(database, campaign) == {name: n for name, n in expected.items() if n}
    assert len(await letters(database)) == 4


async def test_a_live_stream_sends_what_is_due_each_tick_and_ends_by_itself() -> None:
    recorder, ticks = Recorder(), count()
    sender = Sender(recorder, most_lines=demo.MOST_A_TICK)
    live = Live(rate=1_000, seconds=2.5, seed=3, campaigns=8)

    # A clock that is looked at twice a tick, and half a second on each time.
    await demo.play(
        sender, live, workspace="acme", now=NOON, stop=Stop(), clock=lambda: 1000 + next(ticks) / 2
    )

    assert sender.sent == len(recorder.lines) == 2_500
    assert [sum(record.data.count(b"\n") + 1 for record in call) for call in recorder.calls] == [
        500,
        1000,
        1000,
    ]
    for call in recorder.calls:
        partitions = [record.partition for record in call]
        assert len(partitions) == len(set(partitions))
        for record in call:
            for each in record.data.split(b"\n"):
                event = demo.event_of(each)
                assert event
                assert event.workspace == "acme"
                assert partition_of("acme", event.campaign_id) == record.partition
                assert NOON - timedelta(minutes=11) < event.timestamp <= NOON + timedelta(seconds=2.5)


async def test_a_live_stream_that_lags_takes_no_step_that_is_larger_than_the_largest() -> None:
    recorder, ticks = Recorder(), count()
    live = Live(rate=1_000_000, seconds=1, seed=3, campaigns=2)

    await demo.play(
        Sender(recorder, most_lines=demo.MOST_A_TICK),
        live,
        workspace="default",
        now=NOON,
        stop=Stop(),
        clock=lambda: float(next(ticks)),
    )

    assert len(recorder.lines) == demo.MOST_A_TICK


async def test_who_asks_to_stop_is_heard(tmp_path: Path) -> None:
    recorder, stop = Recorder(), Stop()
    stop.ask()
    sender = Sender(recorder, most_lines=500)
    path = written(tmp_path, line("e-1"), line("e-2"))

    await demo.play(sender, Live(1_000, 60, 1, 8), workspace="default", now=NOON, stop=stop)
    await demo.replay(sender, survey(path), Changes("default"), stop=stop)

    assert sender.sent == len(recorder.lines) == 1


def test_the_command_needs_no_database_and_ends_with_a_line_to_look_by(
    tmp_path: Path, redis_url: str
) -> None:
    """PROMISE: the demo writes nothing to the database. Breaks if it so much as connects."""
    away = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    answer = famedash(
        *("demo", "events", str(SAMPLE), "--workspace", "acme"),
        folder=tmp_path,
        database_url=away,
        redis_url=redis_url,
        jwt_secret="s" * 40,
        port="8123",
    )

    assert (answer.returncode, answer.stderr) == (0, "")
    sent, malformed, _, curl = answer.stdout.splitlines()
    assert sent.startswith("Sent 4,992 events of 8 campaigns in ")
    assert malformed.startswith("Sent 8 malformed lines")
    assert curl.startswith(
        'curl -s http://127.0.0.1:8123/campaigns/summer-glow/metrics -H "Authorization: Bearer eyJ'
    )


def test_the_sample_is_found_beside_the_makefile(tmp_path: Path, redis_url: str) -> None:
    (tmp_path / "Makefile").touch()
    (tmp_path / "examples").mkdir()
    (tmp_path / "deeper").mkdir()
    written(tmp_path / "examples", line())

    answer = famedash(
        *("demo", "events", "--as-is"),
        folder=tmp_path / "deeper",
        database_url="postgresql://db/x",
        redis_url=redis_url,
    )

    assert answer.stdout.startswith("Sent 1 events of 1 campaigns in 1 entries")
    assert "Bearer $TOKEN" in answer.stdout  # no secret, so nothing to sign one with


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("demo",), "There is no {folder}/examples/events.ndjson: name a file of events, or play"),
        (("demo", "events"), "There is no {folder}/examples/events.ndjson: name a file of events, or play"),
        (("demo", "events", "."), ". cannot be read: Is a directory."),
        (
            ("demo", "events", "x.ndjson", "--rate", "5"),
            "A file is replayed, or a live stream is played with --rate",
        ),
        (
            ("demo", "events", "--as-is", "--rate", "5"),
            "A file is replayed, or a live stream is played with --rate",
        ),
        (("demo", "events", "--workspace", ""), "A workspace has 1 to 200 printable characters."),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_starts_no_servers(
    tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    answer = famedash(*arguments, folder=tmp_path)

    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr.startswith(f"famedash: {sentence.format(folder=tmp_path)}")
    assert len(answer.stderr.splitlines()) == 1
    assert not (tmp_path / ".famedash").exists()


def test_with_servers_of_its_own_it_says_that_the_events_wait(tmp_path: Path) -> None:
    path = written(tmp_path, line())

    answer = famedash("demo", "events", str(path), folder=tmp_path, data_dir=str(tmp_path / "data"))

    assert answer.returncode == 0
    assert "the events wait in the log until `famedash up` counts them" in answer.stdout


def test_a_live_stream_plays_from_the_command_line(tmp_path: Path, redis_url: str) -> None:
    answer = subprocess.run(
        [
            sys.executable,
            "-m",
            "famedash",
            "demo",
            "events",
            "--rate",
            "400",
            "--seconds",
            "0.5",
            "--campaigns",
            "3",
        ],
        cwd=tmp_path,
        env=environment(database_url="postgresql://db/x", redis_url=redis_url),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert answer.returncode == 0
    assert answer.stdout.startswith("Sent 200 events of 3 campaigns in ")
