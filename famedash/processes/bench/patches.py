"""The load of `PATCH /campaigns/{id}`: each connection changes a campaign of its own, again and again.

`python -m famedash.processes.bench.patches PORT SECONDS TOKEN` takes the campaigns' ids from its standard
input, a line each, and prints what `load` prints.
"""

import json
import sys
from uuid import uuid4

import uvloop

from famedash.processes.bench.load import Request, press


def patch(port: int, campaign_id: str, token: str) -> Request:
    """Changes `metadata` each time, so that each is a new version, under a new idempotency key."""
    head = (
        f"PATCH /campaigns/{campaign_id} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Authorization: Bearer {token}\r\nContent-Type: application/merge-patch+json\r\n"
    ).encode()
    key = uuid4().hex.encode()

    def request(number: int) -> bytes:
        body = b'{"metadata": {"turn": %d}}' % number
        return head + b"Content-Length: %d\r\nIdempotency-Key: %b-%d\r\n\r\n%b" % (
            len(body),
            key,
            number,
            body,
        )

    return request


if __name__ == "__main__":
    _, port, seconds, token = sys.argv
    requests = [patch(int(port), campaign_id, token) for campaign_id in sys.stdin.read().split()]
    print(json.dumps(uvloop.run(press(int(port), requests, float(seconds)))))
