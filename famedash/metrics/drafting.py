"""From raw entries to a draft of what they add. Pure.

`Drafter._draft` is the hot loop of ingestion. It looks an event's row up by values as they came; whatever is
not there yet goes the long way of `_settle`, once a row. So the checks of ids, platform, minute and partition
are paid by the row, not by the event.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from xxhash import xxh3_64_intdigest

from famedash.infra.errors import Unreadable
from famedash.infra.log.model import Batch, arrived_ms
from famedash.infra.log.partitions import partition_of
from famedash.metrics import decode
from famedash.metrics.decode import BROKEN, Event, has_control, platform_of
from famedash.metrics.draft import ENGAGED, INDEX, Campaign, Draft, Letter, Origin, Row, Stray
from famedash.metrics.fingerprints import campaign_seed
from famedash.metrics.model import COUNTERS, FUTURE_SECONDS

SLICE = 1000
"""Lines between two looks at the event loop: about 2 ms."""

MOST_CAMPAIGNS = 200_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_MINUTE = 10_957 * 1440
"""2000-01-01: what is earlier is looked at properly."""

_origin = msgspec.json.Decoder(Origin)


class Drafter:
    """Knows the campaigns it met, each in its own partition; one draft is open at a time.

    `horizon` is the first minute that is not too late, as it was last read: it only ever moves forward.
    """

    def __init__(self, *, seed: int, creators: bool, hashtags: bool) -> None:
        self.seed = seed
        self.creators = creators
        self.hashtags = hashtags
        self.horizon: int | None = None
        self.opened = Draft()
        self._campaigns: dict[int, dict[str, dict[str, Campaign]]] = {}
        self._platforms: dict[str, str] = {}
        self._touched: list[Campaign] = []
        self._known = 0

    def start(self) -> Draft:
        """Begin the next draft; the one before keeps its rows."""
        for campaign in self._touched:
            campaign.rows, campaign.sure = {}, {}
        self._touched = []
        if self._known > MOST_CAMPAIGNS or len(self._platforms) > MOST_CAMPAIGNS:
            self._campaigns.clear()
            self._platforms.clear()
            self._known = 0
        self.opened = Draft()
        return self.opened

    def one_by_one(self, batch: Batch, first: int, last: int) -> None:
        """Draft entries `first` to `last` (not included), which hold a line each."""
        ids = batch.ids

        def origin(index: int) -> Origin:
            entry = ids[first + index]
            return Origin(batch.partition, entry.decode(), arrived_ms(entry), 0)

        self._draft(batch.partition, batch.payloads[first:last], arrived_ms(ids[first]), origin)

    def lines(self, batch: Batch, index: int, lines: Sequence[bytes], first: int) -> None:
        """Draft these lines of one entry; the first of them is its line number `first`."""
        entry = batch.ids[index]
        arrived, name = arrived_ms(entry), entry.decode()

        def origin(line: int) -> Origin:
            return Origin(batch.partition, name, arrived, first + line)

        self._draft(batch.partition, lines, arrived, origin)

    def moved(self, batch: Batch, index: int) -> None:
        """Draft an entry that carries its origin."""
        try:
            origin = _origin.decode(batch.origins[index])
        except BROKEN:
            self.lines(batch, index, [batch.payloads[index]], 0)
        else:
            self.opened.lines += 1
            self._settle(batch.partition, batch.payloads[index], origin)

    def _draft(
        self, partition: int, lines: Sequence[bytes], arrived: int, origin: Callable[[int], Origin]
    ) -> None:
        """`arrived` is that of the first line: none of the others came earlier."""
        draft = self.opened
        if draft.first_line is None:
            draft.first_line = (origin(0), lines[0])
        draft.lines += len(lines)
        whole = b"".join(lines)
        if max(map(len, lines)) > decode.LONGEST_LINE:
            for index, line in enumerate(lines):
                self._settle(partition, line, origin(index))
            return
        plain = whole.isascii() and b"\\" not in whole and b"\x7f" not in whole
        read, index_of, fingerprint, epoch = decode.decode, INDEX, xxh3_64_intdigest, _EPOCH
        known, creators, hashtags = self._campaigns.setdefault(partition, {}), self.creators, self.hashtags
        last_sure = (arrived + FUTURE_SECONDS * 1000) // 60_000 - 1
        repeats = 0
        for index, line in enumerate(lines):
            try:
                event = read(line)
                if not plain and has_control(event.event_id, event.influencer_id, *(event.hashtags or ())):
                    self._settle(partition, line, origin(index))
                    continue
                since = event.timestamp - epoch
                seconds = since.seconds
                minute = since.days * 1440 + seconds // 60
                try:
                    row = known[event.workspace][event.campaign_id].sure[minute, event.platform]
                except KeyError:
                    found = self._open(event, partition, minute, last_sure)
                    if found is None:
                        self._settle(partition, line, origin(index))
                        continue
                    row = found
            except BROKEN:
                self._settle(partition, line, origin(index))
                continue
            counter, value = index_of[event.type], event.value
            mark = (row, counter, value, event.influencer_id, event.hashtags)
            seed = row.seed + seconds * 1_000_000 + since.microseconds
            if row.events.setdefault(fingerprint(event.event_id.encode(), seed), mark) is not mark:
                repeats += 1
                continue
            row.counts[counter] += value
            if creators:
                try:
                    row.creators[event.influencer_id][counter] += value
                except KeyError:
                    row.creators[event.influencer_id] = counts = [0] * len(COUNTERS)
                    counts[counter] = value
            if hashtags and event.hashtags and counter in ENGAGED:
                row.add_tags(event.hashtags, value)
        draft.duplicates += repeats

    def _open(self, event: Event, partition: int, minute: int, last_sure: int) -> Row | None:
        """The event's row, where nothing about it is in doubt; None: look at it properly (`_settle`)."""
        of_workspace = self._campaigns[partition].get(event.workspace)
        campaign = of_workspace.get(event.campaign_id) if of_workspace else None
        platform = self._platforms.get(event.platform)
        first_sure = max(self.horizon or 0, _FIRST_MINUTE)
        if campaign is None or platform is None or not first_sure <= minute <= last_sure:
            return None
        row = self._row(campaign, partition, minute, platform)
        campaign.sure[minute, event.platform] = row
        oldest = self.opened.oldest_minute
        if oldest is None or minute < oldest:
            self.opened.oldest_minute = minute
        return row

    def _row(self, campaign: Campaign, partition: int, minute: int, platform: str) -> Row:
        if row := campaign.rows.get((minute, platform)):
            return row
        draft = self.opened
        events = draft.minutes.get((partition, minute))
        if events is None:
            events = draft.minutes[partition, minute] = {}
        row = Row(campaign, minute, platform, events)
        if self.creators:
            key = (campaign.workspace, campaign.campaign_id, minute // 60, platform)
            row.creators = draft.creators.setdefault(key, {})
        if self.hashtags:
            tags = draft.tags.setdefault(partition, {})
            row.tags = tags.setdefault((campaign.workspace, platform, minute // 60), {})
        draft.rows.append(row)
        if not campaign.rows:
            self._touched.append(campaign)
        campaign.rows[minute, platform] = row
        return row

    def _settle(self, partition: int, line: bytes, origin: Origin) -> None:
        """The long way: a letter, a stray, or an event that is counted with all that had to be looked at."""
        draft = self.opened
        if draft.first_line is None:
            draft.first_line = (origin, line)
        try:
            event = decode.read(line)
            since = event.timestamp - _EPOCH
            minute = since.days * 1440 + since.seconds // 60
            if (home := partition_of(event.workspace, event.campaign_id)) != partition:
                draft.strays.append(Stray(home, origin, line))
                return
            if since > timedelta(milliseconds=origin.arrived_ms, seconds=FUTURE_SECONDS):
                raise Unreadable("future")
            if not origin.forced:
                if self.horizon is not None and minute < self.horizon:
                    raise Unreadable("too_late")
                draft.oldest_minute = min(minute, draft.oldest_minute or minute)
        except Unreadable as reason:
            draft.letters.append(Letter(origin, str(reason), line))
            return
        campaign = self._campaign(event.workspace, event.campaign_id, home)
        platform = self._platforms[event.platform] = platform_of(event)
        row = self._row(campaign, partition, minute, platform)
        counter = INDEX[event.type]
        mark = (row, counter, event.value, event.influencer_id, event.hashtags)
        seed = row.seed + since.seconds * 1_000_000 + since.microseconds
        fingerprint = xxh3_64_intdigest(event.event_id.encode(), seed)
        if row.events.setdefault(fingerprint, mark) is not mark:
            draft.duplicates += 1
            return
        row.counts[counter] += event.value
        if self.creators:
            row.creators.setdefault(event.influencer_id, [0] * len(COUNTERS))[counter] += event.value
        if self.hashtags and event.hashtags and counter in ENGAGED:
            row.add_tags(event.hashtags, event.value)

    def _campaign(self, workspace: str, campaign_id: str, partition: int) -> Campaign:
        of_workspace = self._campaigns.setdefault(partition, {}).setdefault(workspace, {})
        campaign = of_workspace.get(campaign_id)
        if campaign is None:
            seed = campaign_seed(self.seed, workspace, campaign_id)
            campaign = of_workspace[campaign_id] = Campaign(workspace, campaign_id, seed)
            self._known += 1
        return campaign
