"""Sentences about a change and about a delivery. Pure: everything they say is on record."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from famedash.webhooks.model import FINAL, Status, is_owed
from famedash.webhooks.timeline.model import Case, Fate, Try, Turn, Waiting, change_before, switched_off

LATE = timedelta(seconds=10)
MOST_FAILURES = 3
"""So many failed tries are told one by one, the newest."""
MOST_CHARACTERS = 60

_ORDINALS = dict(enumerate(("first", "second", "third", "fourth", "fifth", "sixth"), start=1))
_LABELS = {"startsAt": "Start", "endsAt": "End", "influencerIds": "Influencers"}
_QUOTED = ("name", "brand", "product", "goal")
_WHY = {
    "timeout": "got no whole answer in time",
    "connect": "could not connect",
    "tls": "found no safe connection (TLS)",
    "reset": "was cut off",
    "protocol": "got an answer that is not HTTP",
    "forbidden": "was refused by us: webhooks may not go to that address",
}


# --- what changed


def summary(event_type: str, changes: Mapping[str, Mapping[str, Any]]) -> str:
    """`Status went from draft to active.`"""
    if event_type == "CampaignCreated":
        name, status = (_shown(field, changes.get(field, {}).get("to")) for field in ("name", "status"))
        return f"{name} was created as {status}."
    return " ".join(_sentence(field, change["from"], change["to"]) for field, change in changes.items())


def _sentence(field: str, then: Any, now: Any) -> str:
    label = _LABELS.get(field, field[:1].upper() + field[1:])
    if field == "metadata":
        return f"{label} changed."
    if isinstance(now, list) and isinstance(then, list):
        counts = {"added": len({*now} - {*then}), "removed": len({*then} - {*now})}
        told = [f"{count} {verb}" for verb, count in counts.items() if count]
        return f"{label}: {', '.join(told) or 'another order'}."
    if now is None:
        return f"{label} was cleared."
    if then is None:
        return f"{label} was set to {_shown(field, now)}."
    return f"{label} went from {_shown(field, then)} to {_shown(field, now)}."


def _shown(field: str, value: Any) -> str:
    if isinstance(value, dict):
        return f"{value.get('amount')} {value.get('currency')}"
    text = str(value)
    text = text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"
    return f'"{text}"' if field in _QUOTED else text


# --- what became of telling it


def explain(case: Case) -> tuple[Fate, str] | None:
    """What became of a version at an endpoint, and why. None: the endpoint had been deleted before."""
    if case.final:
        return _ended(case, case.final)
    if case.waiting:
        return Fate.WAITING, _waits(case, case.waiting)
    if case.tries:
        return Fate.WAITING, f"{_interrupted(case.tries[-1])}."
    changes = [turn.change for turn in case.turns]
    if is_owed(changes, case.occurred_at, case.event_type, endpoint_id=case.endpoint_id):
        return Fate.PENDING, _pending(case)
    return _not_owed(case)


def _ended(case: Case, final: Try) -> tuple[Fate, str]:
    match final.status:
        case Status.DELIVERED:
            return Fate.DELIVERED, _delivered(case, final)
        case Status.DEAD:
            return Fate.DEAD, _dead(case, final)
        case _:
            return Fate.EXPIRED, _expired(case, final)


def _delivered(case: Case, final: Try) -> str:
    delay = final.attempted_at + timedelta(milliseconds=final.duration_ms or 0) - case.occurred_at
    text = f"Delivered at the {_ordinal(final.attempt)} try, {_length(delay)} after the change"
    if failures := _failures(case, final):
        text += f"; {failures}"
    elif delay >= LATE:
        text += "; it had to wait for earlier versions, for a free slot of the endpoint, or for a worker"
    return f"{text}.{_before(case, final)}"


def _dead(case: Case, final: Try) -> str:
    text = f"Given up after the {_ordinal(final.attempt)} try, which {_why(final)}"
    if failures := _failures(case, final):
        text += f"; {failures}"
    if final.error_class == "gone":
        return (
            f"{text}. With that the receiver asked never to be called again, so the endpoint was disabled."
            " It is a dead letter: enable the endpoint, then it can be replayed."
        )
    return f"{text}. It is a dead letter, and can be replayed.{_before(case, final)}"


def _expired(case: Case, final: Try) -> str:
    text = "Never sent" if final.attempt == 0 else f"Not sent again after the {_ordinal(final.attempt)} try"
    off = switched_off(case.turns, case.occurred_at)
    return f"{text}: {f'the endpoint was {_switch(off)}' if off else 'the endpoint points nowhere any more'}."


def _waits(case: Case, waiting: Waiting) -> str:
    if off := switched_off(case.turns, waiting.replayed_at or case.occurred_at):
        return f"The endpoint was {_switch(off)}: this ends as expired soon."
    tried = [one for one in case.tries if one.attempt > waiting.tries_before]
    if tried and tried[-1].status is Status.INTERRUPTED:
        return f"{_interrupted(tried[-1])}."
    if tried and waiting.due_at:
        so_far = f"The {_ordinal(tried[-1].attempt)} try {_why(tried[-1])}"
        then = "is under way" if waiting.sending else f"is due at {_time(waiting.due_at)}"
        return f"{so_far}; the next one {then}."
    if waiting.replayed_at:
        return f"A replay was asked for at {_time(waiting.replayed_at)}; it waits for a free slot."
    if waiting.due_at is None:
        return "Waits behind an earlier version of the campaign, which goes first."
    return "Waits for a free slot of the endpoint."


def _pending(case: Case) -> str:
    if off := switched_off(case.turns, case.occurred_at):
        return f"The endpoint was {_switch(off)}: this ends as expired once a worker has read it."
    return "Not tried yet: no worker has read it, or the first try is under way."


def _not_owed(case: Case) -> tuple[Fate, str] | None:
    if case.turns and max(case.turns, key=lambda turn: turn.change.effective_at).reason == "deleted":
        return None
    turn = change_before(case.turns, case.occurred_at)
    if turn is None:
        made = min(turn.change.effective_at for turn in case.turns) if case.turns else None
        return Fate.NOT_OWED, f"Not owed: the endpoint was made later{f', at {_time(made)}' if made else ''}."
    if not turn.change.enabled:
        return Fate.NOT_OWED, f"Not owed: the endpoint had been {_switch(turn)}."
    types = " and ".join(turn.change.event_types or ())
    return Fate.NOT_OWED, f"Not owed: the endpoint took only {types} then."


# --- parts of sentences


def _failures(case: Case, final: Try) -> str:
    """`the first got HTTP 503 and the second could not connect`"""
    before = case.tries[: case.tries.index(final)]
    failed = [one for one in before if one.status not in (Status.DELIVERED, Status.EXPIRED)]
    told = [f"the {_ordinal(one.attempt)} {_why(one)}" for one in failed[-MOST_FAILURES:]]
    return " and ".join([", ".join(told[:-1]), told[-1]] if len(told) > 1 else told)


def _before(case: Case, final: Try) -> str:
    ends = [one.status for one in case.tries if one.status in FINAL and one is not final]
    if not ends:
        return ""
    ended = {Status.DELIVERED: "delivered", Status.DEAD: "given up"}.get(ends[-1], "expired")
    return f" It had been {ended} before, and was replayed."


def _interrupted(one: Try) -> str:
    return (
        f"The {_ordinal(one.attempt)} try was interrupted, and nobody knows whether it arrived;"
        " it is sent again under the same id"
    )


def _why(one: Try) -> str:
    if one.status is Status.INTERRUPTED:
        return "was interrupted"
    if one.http_status is not None:
        return f"got HTTP {one.http_status}"
    return _WHY.get(one.error_class or "", "failed")


def _switch(turn: Turn) -> str:
    verb = "deleted" if turn.reason == "deleted" else "disabled"
    because = ", after the receiver had answered 410" if turn.reason == "gone" else ""
    return f"{verb} at {_time(turn.change.effective_at)}{because}"


def _ordinal(number: int) -> str:
    if number in _ORDINALS:
        return _ORDINALS[number]
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th") if number % 100 // 10 != 1 else "th"
    return f"{number}{ending}"


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _length(delay: timedelta) -> str:
    seconds = max(0.0, delay.total_seconds())
    for size, unit in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
