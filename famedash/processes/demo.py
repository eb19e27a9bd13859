"""`famedash demo events`: puts engagement events on the log, those of a file or of a live stream.

A file is replayed as if it had happened just now: its times are shifted so that its last event is now, and
its ids become this run's, so that each run counts once and a repeat inside the file stays a repeat. The
database is left alone.
"""

import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from shlex import quote as shell_quote
from urllib.parse import quote

from famedash.infra.auth.settings import Misconfigured
from famedash.infra.embedded import running_endpoints
from famedash.infra.log.model import Appender, Record
from famedash.infra.log.partitions import partition_of
from famedash.infra.log.redis_appender import RedisAppender
from famedash.infra.loop import Stop
from famedash.infra.redis import open_redis
from famedash.metrics.intake import LARGEST_ENTRY
from famedash.metrics.model import TOPIC
from famedash.practice import engagement
from famedash.processes.demo_recording import (
    Changes,
    Recording,
    changed,
    changes_of,
    event_of,
    lines_of,
    survey,
)
from famedash.processes.servers import with_servers
from famedash.processes.settings import Settings, home
from famedash.processes.token import issue

SAMPLE = Path("examples") / "events.ndjson"
LINES_AN_ENTRY = 500
ENTRIES_AT_ONCE = 16
TICK_SECONDS = 0.05
MOST_A_TICK = 20_000
"""A live stream that cannot keep up with its rate goes on with less, rather than with ever larger steps."""


@dataclass(frozen=True, slots=True)
class Live:
    """A stream of the generator, `rate` events a second; ends by itself."""

    rate: float
    seconds: float
    seed: int
    campaigns: int


class Sender:
    """Lines on their way to the log: entries of one partition each, lines in the order they came."""

    def __init__(self, appender: Appender, *, most_lines: int) -> None:
        self.events: Counter[str] = Counter()
        self.malformed = 0
        self.entries = 0
        self._appender = appender
        self._most_lines = most_lines
        self._lines: defaultdict[int, list[bytes]] = defaultdict(list)
        self._bytes: Counter[int] = Counter()
        self._full: list[Record] = []

    @property
    def sent(self) -> int:
        return self.events.total() + self.malformed

    def put(self, line: bytes, *, partition: int, campaign: str | None) -> None:
        """Take a line; without a `campaign` it is malformed."""
        if self._bytes[partition] + len(line) > LARGEST_ENTRY:
            self._close(partition)
        self._lines[partition].append(line)
        self._bytes[partition] += len(line) + 1
        if len(self._lines[partition]) >= self._most_lines:
            self._close(partition)
        if campaign is None:
            self.malformed += 1
        else:
            self.events[campaign] += 1

    async def send(self, *, at_least: int = 0) -> None:
        """Append everything; or, with `at_least`, the full entries once there are so many."""
        if not at_least:
            for partition in list(self._lines):
                self._close(partition)
        if self._full and len(self._full) >= at_least:
            await self._appender.append(self._full)
            self.entries += len(self._full)
            self._full = []

    def _close(self, partition: int) -> None:
        if lines := self._lines.pop(partition, None):
            self._full.append(Record(TOPIC, partition, b"\n".join(lines)))
        del self._bytes[partition]


class Progress:
    """Where we are: one line that changes on a terminal, a line every few seconds elsewhere."""

    def __init__(self) -> None:
        self._on_terminal = sys.stdout.isatty()
        self._pause = 0.1 if self._on_terminal else 5.0
        self._next = time.monotonic() + self._pause

    def show(self, sentence: str) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + self._pause
            print(f"\r{sentence}\x1b[K" if self._on_terminal else sentence, end=self._end, flush=True)

    def clear(self) -> None:
        if self._on_terminal:
            print("\r\x1b[K", end="", flush=True)

    @property
    def _end(self) -> str:
        return "" if self._on_terminal else "\n"


async def run(
    settings: Settings, *, file: Path | None, as_is: bool, live: Live | None, workspace: str
) -> None:
    """Send, then say what was sent and how to see it counted. Ctrl-C ends it early, in order.

    Raises `Misconfigured` for what was asked wrongly, `Postponed` where Redis is away.
    """
    if live and (file or as_is):
        raise Misconfigured(
            "A file is replayed, or a live stream is played with --rate: ask for one of the two."
        )
    if not 1 <= len(workspace) <= 200 or not workspace.isprintable():
        raise Misconfigured("A workspace has 1 to 200 printable characters.")
    recording = None if live else survey(file or home() / SAMPLE)
    alone = not settings.redis_url and running_endpoints(settings.data_path) is None
    async with with_servers(settings) as found, open_redis(found.redis_url) as redis:
        stop, now = Stop().listen(), datetime.now(UTC)
        sender = Sender(RedisAppender(redis), most_lines=MOST_A_TICK if live else LINES_AN_ENTRY)
        if live:
            await play(sender, live, workspace=workspace, now=now, stop=stop)
            about = f"{now:%H:%M:%S} UTC until now, seed {live.seed}"
        else:
            assert recording is not None  # noqa: S101 - one of the two
            changes = Changes(workspace) if as_is else changes_of(recording, workspace=workspace, now=now)
            await replay(sender, recording, changes, stop=stop)
            times = "times and ids as they are" if as_is else "times shifted: its last event is now"
            about = f"{recording.path.name}, {times}"
        print("\n".join(_words(found, sender, about=about, workspace=workspace, alone=alone)), flush=True)


async def replay(sender: Sender, recording: Recording, changes: Changes, *, stop: Stop) -> None:
    """Send the file, as fast as the log takes it; malformed lines unchanged, to partition 0."""
    progress = Progress()
    for raw in lines_of(recording.path):
        line = raw.rstrip(b"\r\n")
        if not line.strip():
            continue
        if event := event_of(raw):
            partition = partition_of(changes.workspace, event.campaign_id)
            sender.put(changed(line, event, changes), partition=partition, campaign=event.campaign_id)
        else:
            sender.put(line, partition=0, campaign=None)
        await sender.send(at_least=ENTRIES_AT_ONCE)
        progress.show(f"{sender.sent:,} of {recording.lines:,} lines")
        if stop:
            break
    await sender.send()
    progress.clear()


async def play(
    sender: Sender,
    live: Live,
    *,
    workspace: str,
    now: datetime,
    stop: Stop,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Send what is due every 50 ms, an entry a partition, until `live.seconds` are over."""
    began, tick, progress = clock(), 0, Progress()
    events = _stream(live, workspace=workspace, now=now)
    while not stop:
        elapsed = min(clock() - began, live.seconds)
        due = min(int(elapsed * live.rate) - sender.sent, MOST_A_TICK)
        _put(sender, islice(events, due))
        await sender.send()
        progress.show(f"{elapsed:,.0f} of {live.seconds:,.0f} s: {sender.sent:,} events (Ctrl-C stops)")
        if elapsed >= live.seconds:
            break
        tick = max(tick + 1, int(elapsed / TICK_SECONDS))
        await stop.wait(max(0.0, began + tick * TICK_SECONDS - clock()))
    progress.clear()


def _stream(live: Live, *, workspace: str, now: datetime) -> Iterator[engagement.Event]:
    return engagement.stream(
        live.seed,
        start=now,
        rate=live.rate,
        campaigns=engagement.names(live.campaigns),
        rises_over=timedelta(seconds=live.seconds),
        ids=f"live-{now:%Y%m%dT%H%M%S%f}",
        workspace=workspace,
    )


def _put(sender: Sender, events: Iterable[engagement.Event]) -> None:
    for event in events:
        sender.put(
            engagement.encode(event),
            partition=partition_of(event.workspace, event.campaign_id),
            campaign=event.campaign_id,
        )


def _words(settings: Settings, sender: Sender, *, about: str, workspace: str, alone: bool) -> Iterator[str]:
    events, campaigns = sender.events.total(), len(sender.events)
    yield f"Sent {events:,} events of {campaigns:,} campaigns in {sender.entries:,} entries ({about})."
    if sender.malformed:
        yield f"Sent {sender.malformed:,} malformed lines as they are: they become dead letters."
    if alone:
        yield (
            "No `famedash up` runs on this data dir, so the servers were started for this alone:"
            " the events wait in the log until `famedash up` counts them."
        )
    if sender.events:
        (busiest, _), *_ = sender.events.most_common(1)
        yield f"The busiest campaign, {'once it runs' if alone else 'counted by now or in a moment'}:"
        yield _curl(settings, busiest, workspace)


def _curl(settings: Settings, campaign: str, workspace: str) -> str:
    """With a token where we can sign one; else with the place for it."""
    try:
        token = issue(settings, workspace=workspace, scopes=["metrics:read"], days=1)
    except Misconfigured:
        token = "$TOKEN"  # noqa: S105 - a shell variable
    host = "localhost" if settings.host in ("0.0.0.0", "::", "") else settings.host  # noqa: S104 - compared
    url = f"http://{host}:{settings.port}/campaigns/{quote(campaign, safe='')}/metrics"
    return f'curl -s {shell_quote(url)} -H "Authorization: Bearer {token}"'
