"""For the system that receives our webhooks: `verify` a POST, then take each event once and in order.

    event = verify(SECRETS, request.headers, body)  # Refused: answer its status, 401
    with inbox.take(event) as events:               # NotYet: 503, and we try again
        for each in events:
            ...

One file that needs Python 3.11 and nothing else: `pip install --no-deps famedash`, or copy it. A whole
receiver is in docs/webhooks.md, "Receiving".
"""

import asyncio
import hmac
import json
import time
from base64 import b64decode
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any, Protocol, TypeVar
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

K = TypeVar("K")
V = TypeVar("V")

TOLERANCE_SECONDS = 300

PAGE = 1000
"""Events of one answer of `GET /campaigns/{id}/events`."""

WAITING = 100_000
"""Events that are put off, at most; the oldest is forgotten and waits anew."""


class Refused(Exception):
    """This POST is not to be trusted, and the text says why. Answer `status` and do nothing else."""

    status = 401


class NotYet(Exception):
    """Nothing is wrong, but not now. Answer `status`: the sender tries again."""

    status = 503


@dataclass(frozen=True, slots=True)
class Event:
    """What happened. `data["campaign"]` is the whole campaign, `data["changes"]` what differs.

    `late`: a newer version was handed over before, so do not overwrite your copy with this one. An event
    about no campaign (`EndpointTest`) has `campaign_id` "" and `version` 0.
    """

    id: str
    type: str
    timestamp: str
    workspace: str
    campaign_id: str
    version: int
    data: dict[str, Any]
    late: bool = False


def verify(
    secrets: str | Iterable[str],
    headers: Mapping[str, str],
    body: bytes,
    *,
    tolerance_seconds: float = TOLERANCE_SECONDS,
    clock: Callable[[], float] = time.time,
) -> Event:
    """The event of a POST that was signed with one of your secrets, at most 5 minutes ago (or ahead).

    `secrets`: `whsec_` and base64; several while you rotate. `headers`: of any framework, in any case.
    `body`: the bytes as they came in, not JSON that was read and written again. `clock`: Unix seconds.
    Whatever comes in, nothing but `Refused` is raised; `ValueError` means that a secret of yours is none.
    The protocol is Standard Webhooks (https://www.standardwebhooks.com).
    """
    keys = [_key(secret) for secret in ([secrets] if isinstance(secrets, str) else secrets)]
    if not keys:
        raise ValueError("verify needs at least one secret.")
    found = {name.lower(): value for name, value in headers.items()}
    webhook_id, timestamp, signatures = (
        _header(found, name) for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
    )
    seconds = _seconds(timestamp)
    age = clock() - seconds
    if abs(age) > tolerance_seconds:
        raise Refused(f"webhook-timestamp is {'too old' if age > 0 else 'in the future'}.")
    signed = b"%b.%d.%b" % (webhook_id.encode(errors="surrogatepass"), seconds, body)
    if not _is_signed(signed, keys, signatures):
        raise Refused("No signature in webhook-signature is of this body and one of the secrets.")
    try:
        return _event(json.loads(body), webhook_id)
    except (ValueError, RecursionError):
        raise Refused("The body is not an event of FameDash.") from None


class Memory(Protocol):
    """What was handled. In your own database, written with what you write, nothing is done twice or lost.

    One table is enough: event_id (primary key), workspace, campaign_id, version. An `Inbox` is cheap: make
    one for each transaction, which holds a lock on the campaign where several processes receive.
    """

    def seen(self, event_id: str) -> bool:
        """Was this event remembered?"""
        ...

    def last_version(self, workspace: str, campaign_id: str) -> int:
        """The highest version that was remembered of this campaign; 0 when none was."""
        ...

    def remember(self, event: Event) -> None:
        """It was handled. A late one does not lower the last version."""
        ...


class Ram:
    """The `Memory` of one process, until it ends: the last so many events and campaigns."""

    def __init__(self, limit: int = 100_000) -> None:
        self._limit = limit
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._versions: OrderedDict[tuple[str, str], int] = OrderedDict()

    def seen(self, event_id: str) -> bool:
        return event_id in self._ids

    def last_version(self, workspace: str, campaign_id: str) -> int:
        return self._versions.get((workspace, campaign_id), 0)

    def remember(self, event: Event) -> None:
        campaign = (event.workspace, event.campaign_id)
        _put(self._ids, event.id, None, self._limit)
        _put(self._versions, campaign, max(event.version, self._versions.get(campaign, 0)), self._limit)


Fetch = Callable[[str, int], Iterable[Mapping[str, Any]]]
"""(campaign id, version) -> the events after it: all `items` of `GET /campaigns/{id}/events?since=`."""


def history(api_url: str, token: str, *, timeout_seconds: float = 10) -> Fetch:
    """A `fetch` that asks FameDash itself. The token needs the scope `campaigns:read`."""

    def fetch(campaign_id: str, since: int) -> list[Mapping[str, Any]]:
        items: list[Mapping[str, Any]] = []
        more: dict[str, str] = {}
        while True:
            query = urlencode({"since": since, "limit": PAGE, **more})
            url = f"{api_url.rstrip('/')}/campaigns/{quote(campaign_id, safe='')}/events?{query}"
            asked = Request(url, headers={"Authorization": f"Bearer {token}"})  # noqa: S310 - your own address
            with urlopen(asked, timeout=timeout_seconds) as answer:  # noqa: S310
                page = json.load(answer)
            items += page["items"]
            if page["nextCursor"] is None:
                return items
            more = {"cursor": page["nextCursor"]}

    return fetch


class Inbox:
    """Hands each event over once, and the versions of a campaign in order.

    When version 4 comes and 3 was not handled yet:
    - with `fetch` (see `history`) the missing versions are fetched and handed over first. A campaign of which
      nothing is remembered begins at version 1.
    - with `wait_seconds`, 4 is put off with `NotYet` until 3 came or that time has passed. Keep it below the
      sender's last retry (3 s after the first try, unless set otherwise): what is put off to the end is dead.
    - else 4 is handed over.
    A 3 that was not fetched and comes later is handed over as `late`.
    """

    def __init__(
        self,
        *,
        fetch: Fetch | None = None,
        wait_seconds: float = 0,
        memory: Memory | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._wait_seconds = wait_seconds
        self._memory: Memory = Ram() if memory is None else memory
        self._clock = clock
        self._waiting: OrderedDict[str, float] = OrderedDict()
        self._taken: set[tuple[str, str]] = set()
        self._lock = Lock()

    def take(self, event: Event) -> "Taken":
        """`with inbox.take(event) as events:` gives what is to be handled now, in order; a repeat gives none.

        They are remembered when the block ends. When it raises they are not: answer 5xx, and the sender
        brings them again. Write `async with` where your handling awaits: then `fetch` runs in a thread.
        Raises `NotYet` while another block handles the same campaign, or to wait; and what `fetch` raises.
        """
        return Taken(self, event)

    def _claim(self, event: Event) -> None:
        with self._lock:
            if _subject(event) in self._taken:
                raise NotYet(f"{event.campaign_id or event.id} is being handled.")
            self._taken.add(_subject(event))

    def _release(self, event: Event) -> None:
        with self._lock:
            self._taken.discard(_subject(event))

    def _last(self, event: Event) -> int:
        return self._memory.last_version(event.workspace, event.campaign_id) if event.campaign_id else 0

    def _since(self, event: Event) -> int | None:
        """The version after which to fetch, None when nothing is to be fetched. `NotYet`: wait instead."""
        last = self._last(event)
        if event.version <= last + 1 or self._memory.seen(event.id):
            return None
        if self._fetch is None and last:
            self._wait(event, last + 1)
        return last if self._fetch else None

    def _wait(self, event: Event, missing: int) -> None:
        now = self._clock()
        began = self._waiting.get(event.id, now)
        if now - began < self._wait_seconds:
            _put(self._waiting, event.id, began, WAITING)
            raise NotYet(f"Version {missing} of campaign {event.campaign_id} did not come yet.")
        self._waiting.pop(event.id, None)

    def _due(self, event: Event, fetched: Iterable[Mapping[str, Any]]) -> list[Event]:
        if self._memory.seen(event.id):
            return []
        last = self._last(event)
        if event.campaign_id and event.version <= last:
            return [replace(event, late=True)]
        missing = {
            each.version: each
            for each in (_event(item, item.get("id")) for item in fetched)
            if _subject(each) == _subject(event) and last < each.version < event.version
        }
        return [*(missing[version] for version in sorted(missing)), event]


class Taken:
    """What `Inbox.take` gives; only for `with` and `async with`."""

    def __init__(self, inbox: Inbox, event: Event) -> None:
        self._inbox = inbox
        self._event = event
        self._due: list[Event] = []

    def __enter__(self) -> list[Event]:
        with self._claimed() as inbox:
            since, fetched = inbox._since(self._event), _NOTHING
            if inbox._fetch and since is not None:
                fetched = inbox._fetch(self._event.campaign_id, since)
            self._due = inbox._due(self._event, fetched)
        return list(self._due)

    async def __aenter__(self) -> list[Event]:
        with self._claimed() as inbox:
            since, fetched = inbox._since(self._event), _NOTHING
            if inbox._fetch and since is not None:
                fetched = await asyncio.to_thread(inbox._fetch, self._event.campaign_id, since)
            self._due = inbox._due(self._event, fetched)
        return list(self._due)

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        try:
            for each in self._due if error is None else ():
                self._inbox._memory.remember(each)
        finally:
            self._inbox._release(self._event)

    async def __aexit__(self, error: type[BaseException] | None, *_: object) -> None:
        self.__exit__(error)

    @contextmanager
    def _claimed(self) -> Iterator[Inbox]:
        """The campaign is this block's alone, until `__exit__` or an error on the way in."""
        self._inbox._claim(self._event)
        try:
            yield self._inbox
        except BaseException:
            self._inbox._release(self._event)
            raise


_NOTHING: Iterable[Mapping[str, Any]] = ()


def _key(secret: str) -> bytes:
    """Raises `ValueError`, without the secret in its text."""
    text = secret.removeprefix("whsec_")
    try:
        key = b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        key = b""
    if not key:
        raise ValueError("A secret is `whsec_` and base64, as FameDash showed it.")
    return key


def _header(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name)
    if not value:
        raise Refused(f"The header {name} is missing.")
    return value


def _seconds(timestamp: str) -> int:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 15):
        raise Refused("webhook-timestamp is not a number of Unix seconds.")
    return int(timestamp)


def _is_signed(signed: bytes, keys: list[bytes], signatures: str) -> bool:
    """Is one of the `v1,` signatures that of one of the keys? Compared in constant time."""
    expected = [hmac.digest(key, signed, "sha256") for key in keys]
    given = [_decoded(each[3:]) for each in signatures.split(" ") if each.startswith("v1,")]
    return any(hmac.compare_digest(one, other) for one in expected for other in given)


def _decoded(signature: str) -> bytes:
    try:
        return b64decode(signature)
    except ValueError:
        return b""


def _event(body: Any, event_id: Any) -> Event:
    """An event of a body as JSON has it. Raises `ValueError` when it is none."""
    match body:
        case {"type": str(type_), "timestamp": str(timestamp), "data": {"workspace": str(workspace)} as data}:
            campaign_id, version = data.get("campaignId", ""), data.get("version", 0)
        case _:
            raise ValueError("This is not an event.")
    if not (isinstance(event_id, str) and isinstance(campaign_id, str) and type(version) is int):
        raise ValueError("This is not an event.")
    if bool(campaign_id) != (version > 0):
        raise ValueError("An event has a campaign and a version, or neither.")
    return Event(event_id, type_, timestamp, workspace, campaign_id, version, data)


def _subject(event: Event) -> tuple[str, str]:
    """What is handled one event at a time: a campaign; else the event itself."""
    return (event.workspace, f"campaign {event.campaign_id}" if event.campaign_id else f"event {event.id}")


def _put(kept: OrderedDict[K, V], key: K, value: V, limit: int) -> None:
    """As the newest; the oldest goes where there are more than `limit`."""
    kept.pop(key, None)
    kept[key] = value
    if len(kept) > limit:
        kept.popitem(last=False)
