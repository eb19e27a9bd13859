"""From a request to a brief: the cache, else the workshop, then the record; no transaction meanwhile."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from famedash.briefs import asking, service
from famedash.briefs.edition import edition
from famedash.briefs.model import Ask, Brief, Call, Findings
from famedash.briefs.patience import ModelAway, ModelDeclined, ModelRejected, ModelTimeout, ModelUnusable
from famedash.briefs.schemas import answered
from famedash.infra import json
from famedash.infra.database import Database
from famedash.infra.errors import Refusal
from famedash.infra.flights import Flights, How, Landed, Made
from famedash.infra.ids import uuid7
from famedash.infra.telemetry import counter, histogram

_FAILURES: dict[str, type[Refusal]] = {
    kind.problem: kind for kind in (ModelTimeout, ModelAway, ModelUnusable, ModelRejected, ModelDeclined)
}

asked = counter("famedash_briefs_total", "Briefs that were asked for, by how the cache answered", ["cache"])
made = counter("famedash_briefs_made_total", "Briefs that were made, by how it ended", ["engine", "outcome"])
seconds = histogram(
    "famedash_brief_seconds",
    "How long a brief took to make",
    ["engine"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80),
)


class Audience(Protocol):
    """Who follows a brief as it comes into being."""

    def called(self, call: Call) -> None: ...

    def wrote(self, fields: dict[str, Any]) -> None: ...


@dataclass(frozen=True)
class Work:
    """A brief as it was made. `is_whole`: every tool did its part, so it may be kept."""

    brief: Brief
    findings: Findings
    meta: Mapping[str, Any]
    is_whole: bool


class Craft(Protocol):
    """What makes briefs (`workshop`). `identity` is of all that shapes them, beside our own files."""

    @property
    def name(self) -> str: ...

    @property
    def identity(self) -> Mapping[str, object]: ...

    def refuse_impossible(self, ask: Ask) -> None: ...

    async def make(self, workspace: str, ask: Ask, context: str, audience: Audience | None) -> Work: ...


@dataclass(frozen=True)
class Studio:
    """What briefs need. `context`: (workspace, campaign) -> the campaign in a line, or None.

    `craft` answers at once but for the first time, which waits until it is loaded.
    """

    database: Database
    craft: Callable[[], Awaitable[Craft]]
    flights: Flights
    knowledge_version: Callable[[str], Awaitable[int]]
    context: Callable[[str, str], Awaitable[str | None]]


@dataclass(frozen=True, slots=True)
class Order:
    """A request; `key` is its identity in the cache."""

    workspace: str
    ask: Ask
    context: str
    key: str


async def take(studio: Studio, workspace: str, ask: Ask) -> Order:
    version = await studio.knowledge_version(workspace)
    context = await studio.context(workspace, ask.campaign_id) if ask.campaign_id else ""
    craft = await studio.craft()
    today = datetime.now(UTC).date()
    versions = {**craft.identity, "edition": edition(), "knowledge": version, "day": today}
    return Order(workspace, ask, context or "", asking.identity(workspace, ask, context or "", versions))


async def find(studio: Studio, order: Order) -> Landed | None:
    """The brief, if it is in the cache. Raises `Invalid` where no brief could hold what is asked."""
    value = await studio.flights.get(order.key)
    if value is None:
        (await studio.craft()).refuse_impossible(order.ask)
        return None
    asked.labels(How.HIT).inc()
    return Landed(value, How.HIT)


async def generate(studio: Studio, order: Order, *, actor: str, audience: Audience | None = None) -> Landed:
    """The answer as JSON, made once however many ask for it now.

    Raises `Invalid` where no brief could hold what is asked, and the refusals of the model.
    """
    craft = await studio.craft()
    craft.refuse_impossible(order.ask)

    async def make() -> Made:
        return await _make(studio, craft, order, actor=actor, audience=audience)

    landed = await studio.flights.fly(order.key, make)
    asked.labels(landed.how).inc()
    return landed


async def _make(studio: Studio, craft: Craft, order: Order, *, actor: str, audience: Audience | None) -> Made:
    engine = craft.name
    try:
        with seconds.labels(engine).time():
            work = await craft.make(order.workspace, order.ask, order.context, audience)
    except Refusal as refusal:
        made.labels(engine, refusal.problem).inc()
        raise
    made.labels(engine, "written").inc()
    brief_id = uuid7()
    meta = {"id": brief_id, **work.meta}
    answer = json.encode(answered(work.brief, work.findings, meta))
    request = json.encode(asking.as_json(order.ask))
    written = service.Written(brief_id, work.meta["engine"], work.meta["model"], request, answer)
    async with studio.database.transaction() as tx:
        await service.record(tx, order.workspace, order.ask, written, actor=actor)
    again = json.encode(answered(work.brief, work.findings, meta | {"cached": True}))
    return Made(answer, again if work.is_whole else None)


def encode_failure(error: Exception) -> bytes | None:
    """What others who wait for the same brief are told; None: they try for themselves."""
    if isinstance(error, Refusal) and error.problem in _FAILURES:
        wait = getattr(error, "retry_after_seconds", None)
        return json.encode([error.problem, error.detail, wait])
    return None


def decode_failure(word: bytes) -> Exception:
    """The refusal again. Raises nothing."""
    problem, detail, wait = msgspec.json.decode(word)
    kind = _FAILURES[problem]
    return ModelAway(detail, retry_after_seconds=wait) if kind is ModelAway else kind(detail)
