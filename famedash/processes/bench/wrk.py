"""The limit that webhook services are compared by: what `wrk -t1 -c32` posts to the same sink."""

import re
import shutil

from famedash.processes.bench.clock import clock
from famedash.processes.bench.counted import Miscounted
from famedash.processes.bench.ground import Ground, clean_environment, open_sink

POST = """
local file = io.open("wrk-body", "rb")
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = file:read("*a")
file:close()
"""


def installed() -> str | None:
    return shutil.which("wrk")


async def per_second(ground: Ground, program: str, body: bytes, seconds: int) -> float:
    """POSTs a second of this body. Raises `Miscounted` where some failed, or did not arrive."""
    (ground.folder / "wrk-body").write_bytes(body)
    (ground.folder / "wrk.lua").write_text(POST)
    async with open_sink(ground) as sink:
        options = ("-t1", "-c32", f"-d{seconds}s", "-s", "wrk.lua", f"{sink.url}/wrk")
        took = await clock(ground, program, *options, environment=clean_environment())
        sent, rate = parse(took.said)
        if await sink.count() < sent:
            raise Miscounted(f"wrk counts {sent:,} answers, the sink {await sink.count():,} requests")
    return rate


def parse(said: str) -> tuple[int, float]:
    """From what wrk prints: how many requests were answered, and how many a second. Raises `Miscounted`."""
    sent = re.search(r"^\s*(\d+) requests in ", said, re.MULTILINE)
    rate = re.search(r"^Requests/sec:\s+([\d.]+)$", said, re.MULTILINE)
    if not sent or not rate or "Non-2xx" in said or "Socket errors" in said:
        raise Miscounted(f"wrk did not measure: {said}")
    return int(sent[1]), float(rate[1])
