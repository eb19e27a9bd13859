"""The labelled steps of a change on its way to the receivers, as heard on the wire, and who dies there.

A process dies before its words are handed on, or of their answer; a store dies while it works on them.
"""

from dataclasses import dataclass

APPEND = b"redis.call('XADD'"
FORGET = b"delete from outbox_unpublished"
KNOWN = b"as lane_waits"
RECORD = b"insert into webhook_attempts"
RENEW = b"update reader_leases set lease_until"
MARK = b"set sending = true"
ANNOUNCE = b"insert into outbox_unpublished"
LETTER = b"insert into webhook_dead_letters"
SWITCH = b"insert into webhook_endpoint_changes"
COMMIT = b"COMMIT"


@dataclass(frozen=True)
class Step:
    """`speaker` says `words` to the store `to`; `lost` and `answer` as `Proxy.arm` has them.

    `of_store`: the store dies, not the speaker. `short`: also in the short run.
    """

    name: str
    speaker: str
    to: str
    words: tuple[bytes, ...]
    answer: bytes = b""
    lost: bool = False
    of_store: bool = False
    short: bool = False


STEPS = (
    Step("relay: before a batch is sent", "relay", "redis", (APPEND,), lost=True),
    Step("relay: between send and WAITAOF", "relay", "redis", (b"WAITAOF",), lost=True),
    Step("relay: between WAITAOF and deletion", "relay", "postgres", (FORGET,), lost=True, short=True),
    Step("worker: between take-up and send", "deliver", "postgres", (KNOWN,), answer=b"SELECT"),
    Step("worker: between send and record", "deliver", "postgres", (RECORD,), lost=True, short=True),
    Step("worker: in a record, uncommitted", "deliver", "postgres", (RECORD, COMMIT), lost=True),
    Step("worker: record committed, not answered", "deliver", "postgres", (RECORD, COMMIT)),
    Step("worker: in a renewal", "deliver", "postgres", (RENEW,)),
    Step("worker: while rows are marked", "deliver", "postgres", (MARK,), lost=True),
    Step(
        *("worker: between mark and send", "deliver", "postgres", (MARK, COMMIT)),
        answer=b"COMMIT",
        short=True,
    ),
    Step("worker: in the record of a death", "deliver", "postgres", (LETTER, COMMIT), lost=True),
    Step("worker: death committed, not answered", "deliver", "postgres", (LETTER, COMMIT)),
    Step("API: before the commit", "api", "postgres", (ANNOUNCE, COMMIT), lost=True),
    Step("API: between commit and answer", "api", "postgres", (ANNOUNCE, COMMIT), short=True),
    Step("API: in an endpoint's change", "api", "postgres", (SWITCH, COMMIT), lost=True),
    Step("API: endpoint changed, not answered", "api", "postgres", (SWITCH, COMMIT)),
    Step("Redis: while a batch is sent", "relay", "redis", (APPEND,), of_store=True, short=True),
    Step("Redis: in WAITAOF", "relay", "redis", (b"WAITAOF",), of_store=True),
    Step("Redis: while a worker reads", "deliver", "redis", (b"XRANGE",), of_store=True),
    Step("PostgreSQL: while the relay deletes", "relay", "postgres", (FORGET,), of_store=True),
    Step("PostgreSQL: in a record", "deliver", "postgres", (RECORD, COMMIT), of_store=True, short=True),
    Step("PostgreSQL: while rows are marked", "deliver", "postgres", (MARK, COMMIT), of_store=True),
    Step("PostgreSQL: in a renewal", "deliver", "postgres", (RENEW, COMMIT), of_store=True),
    Step("PostgreSQL: in an API's commit", "api", "postgres", (ANNOUNCE, COMMIT), of_store=True),
)
