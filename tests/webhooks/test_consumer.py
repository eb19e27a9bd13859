"""What is taken up from the log, and how much of it at once."""

import json
from itertools import count

from famedash.infra.database import Database
from famedash.infra.ids import uuid7
from famedash.infra.log.model import Batch
from famedash.infra.log.ownership import WINDOW
from famedash.infra.log.partitions import partition_of
from famedash.webhooks.batch import Recorder
from famedash.webhooks.consumer import Consumer
from famedash.webhooks.endpoints import Endpoints
from famedash.webhooks.lanes import Lanes
from famedash.webhooks.settings import WebhookSettings
from famedash.webhooks.window import Window
from tests.secrets import SEAL
from tests.webhooks.builders import window
from tests.webhooks.rows import make_endpoint

HERE = "http://127.0.0.1:9/hook"


def consumer(database: Database, here: Window) -> Consumer:
    endpoints = Endpoints(WebhookSettings(HERE, ()), SEAL)
    return Consumer(
        database,
        None,  # type: ignore[arg-type] - nothing is read here
        windows={here.standing.partition: here},
        lanes=Lanes(endpoints.cap),
        recorder=Recorder(database, lambda *_: None, lambda _: None),
        endpoints=endpoints,
    )


def batch(partition: int, entries: int) -> Batch:
    campaign = next(name for n in count() if partition_of("acme", name := f"c{n}") == partition)
    events = [
        {
            "id": str(uuid7()),
            "type": "CampaignUpdated",
            "timestamp": "2999-11-25T12:00:00Z",
            "data": {"workspace": "acme", "campaignId": campaign, "version": version},
        }
        for version in range(1, entries + 1)
    ]
    ids = [b"%d-0" % version for version in range(1, entries + 1)]
    return Batch(partition, ids, [json.dumps(event).encode() for event in events], {})


async def test_no_more_is_taken_up_than_a_take_over_would_suspect(database: Database) -> None:
    """PROMISE: however many endpoints, what an owner that dies may have sent is within the 1,000 suspects.

    Breaks if entries are counted where deliveries are meant: each entry is owed to every endpoint.
    """
    await make_endpoint(database, "ep_1", HERE)
    here = window()
    here.uncommitted = WINDOW - 3

    await consumer(database, here).take_up([batch(0, entries=3)])

    assert (here.cursor, here.uncommitted, here.unsent) == ("1-0", WINDOW - 1, 2)


async def test_what_was_read_for_a_partition_that_was_lost_meanwhile_is_left(database: Database) -> None:
    """PROMISE: a partition that comes back is read from its position, not from where the last hold stood.

    Breaks if the window is looked up again after the read: the new one would skip what the old one dropped.
    """
    old, new = window(), window()
    reader = consumer(database, old)

    class Log:
        async def read(self, *_: object, **__: object) -> list[Batch]:
            reader.windows[0] = new
            return [batch(0, entries=2)]

    reader.log = Log()  # type: ignore[assignment]
    await reader.step()

    assert (new.cursor, new.unsent, old.unsent) == ("0-0", 0, 0)


async def test_a_partition_that_is_full_is_read_on_from_where_it_stopped(database: Database) -> None:
    await make_endpoint(database, "ep_1", HERE)
    here = window()
    here.uncommitted = WINDOW - 1
    entries = batch(0, entries=1)

    await consumer(database, here).take_up([entries])
    assert (here.cursor, here.unsent) == ("0-0", 0)
    here.uncommitted = 0
    await consumer(database, here).take_up([entries])

    assert (here.cursor, here.unsent) == ("1-0", 2)
