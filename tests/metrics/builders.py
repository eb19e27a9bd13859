"""Counted rows for tests, written as the reader of the log writes them: spell out only what matters."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from famedash.infra.database import Database
from famedash.metrics.windows import DAY, HOUR, MINUTE, Counts, floor

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
MINUTES_KEPT = timedelta(hours=73)
KEYS = {
    "metric_minutes": ("minute", "platform"),
    "metric_hours": ("hour", "platform"),
    "metric_totals": ("platform",),
    "metric_creator_hours": ("hour", "influencer_id", "platform"),
    "metric_creator_totals": ("influencer_id", "platform"),
}


@dataclass(frozen=True)
class Counted:
    """One event that was counted."""

    at: datetime
    counter: str = "views"
    value: int = 1
    platform: str = "tiktok"
    influencer: str = "maya"
    campaign: str = "summer"
    workspace: str = "acme"

    @property
    def key(self) -> dict[str, Any]:
        return {
            "workspace_id": self.workspace,
            "campaign_id": self.campaign,
            "minute": floor(self.at, MINUTE),
            "hour": floor(self.at, HOUR),
            "platform": self.platform,
            "influencer_id": self.influencer,
        }


async def count(database: Database, *events: Counted, now: datetime = NOON) -> None:
    """Put `events` into the minutes (unless older than 73 h), hours, totals and creators, as of `now`."""
    await prepare(database, [one.at for one in events])
    for table, key in KEYS.items():
        young = [one for one in events if table != "metric_minutes" or one.at >= now - MINUTES_KEPT]
        await _add(database, table, ("workspace_id", "campaign_id", *key), young)


async def _add(database: Database, table: str, key: tuple[str, ...], events: Iterable[Counted]) -> None:
    rows: dict[tuple[Any, ...], Counter[str]] = {}
    for one in events:
        rows.setdefault(tuple(one.key[name] for name in key), Counter())[one.counter] += one.value
    names = (*key, *Counts._fields)
    places = ", ".join(f"${place}" for place in range(1, len(names) + 1))
    merged = ", ".join(f"{name} = stood.{name} + excluded.{name}" for name in Counts._fields)
    async with database.transaction() as tx:
        await tx.executemany(
            f"insert into {table} as stood ({', '.join(names)}) values ({places})"  # noqa: S608 - names of ours
            f" on conflict ({', '.join(key)}) do update set {merged}",
            [(*values, *Counts(**sums)) for values, sums in rows.items()],
        )


async def prepare(database: Database, times: Iterable[datetime]) -> None:
    """The tables of the days and months that hold `times`."""
    for day in sorted({floor(time, DAY) for time in times}):
        month = day.replace(day=1)
        next_month = (month + 32 * DAY).replace(day=1)
        for table, starts, ends in (
            ("metric_minutes", day, day + DAY),
            ("metric_hashtag_hours", day, day + DAY),
            ("metric_hours", month, next_month),
            ("metric_creator_hours", month, next_month),
        ):
            await database.fetchval("select prepare_time_partition($1, $2, $3)", table, starts, ends)


@dataclass(frozen=True)
class Tagged:
    """An hour of a hashtag."""

    hashtag: str
    hour: datetime
    engagements: int
    platform: str = "tiktok"
    workspace: str = "acme"


async def tag(database: Database, *hours: Tagged) -> None:
    await prepare(database, [one.hour for one in hours])
    async with database.transaction() as tx:
        await tx.executemany(
            "insert into metric_hashtag_hours (hashtag, hour, engagements, platform, workspace_id)"
            " values ($1, $2, $3, $4, $5)",
            [astuple(one) for one in hours],
        )
