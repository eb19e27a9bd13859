"""Deliveries a second from a backlog: outbox, relay, log, workers, sink; signed, audited, in order.

And what other webhook services are compared by: the share of wrk's rate, the CPU of a delivery, and the same
events as writes over HTTP.
"""

from famedash.infra.database import Database, open_database
from famedash.infra.embedded import free_port
from famedash.processes.bench import usage, wrk
from famedash.processes.bench.backlog import body
from famedash.processes.bench.delivered import Delivered, deliver
from famedash.processes.bench.ground import IN_FLIGHT, Ground, answers, listens, open_ground, open_sink
from famedash.processes.bench.latency import WRITES_PER_SECOND
from famedash.processes.bench.over_http import answered_to_received, patched_per_second
from famedash.processes.bench.report import Figure, Pair

EVENTS, QUICK_EVENTS = 20_000, 1_000
MANY = 5
EVENTS_TO_MANY, QUICK_EVENTS_TO_MANY = 10_000, 400
WRK_SECONDS, QUICK_WRK_SECONDS = 3, 1
PATCH_SECONDS, QUICK_PATCH_SECONDS = 4, 1
LATENCY_SECONDS, QUICK_LATENCY_SECONDS = 5, 1
QUICK_WRITES_PER_SECOND = 50

PER_SECOND = Figure(
    name="deliveries/s, 1 endpoint",
    limit=f"aiohttp bare, {IN_FLIGHT} in flight",
    unit="/s",
    reach="≥ 0.5",
    score=lambda limit, product: product / limit,
    reached=lambda score: score >= 0.5,
)
TO_MANY = Figure(
    name=f"deliveries/s, {MANY} endpoints, 2 workers",
    limit="1 endpoint, 1 worker",
    unit="/s",
    reach="≥ 1.5",
    score=lambda limit, product: product / limit,
    reached=lambda score: score >= 1.5,
)


def _share(name: str, least: float) -> Figure:
    return Figure(
        name=f"deliveries/s, {name}",
        limit="wrk -t1 -c32, same sink",
        unit="/s",
        reach=f"≥ {least:g} %",
        score=lambda limit, product: 100 * product / limit,
        reached=lambda score: score >= least,
        score_unit=" %",
    )


def _patched(name: str, best: float) -> Figure:
    return Figure(
        name=f"deliveries/s, {name}, each event a PATCH over HTTP",
        limit="wrk -t1 -c32, same sink",
        unit="/s",
        reach=f"none; the best service: {best:g} %",
        score=lambda limit, product: 100 * product / limit,
        reached=None,
        score_unit=" %",
    )


def _cpu(name: str) -> Figure:
    return Figure(
        name=f"CPU seconds of 1,000 deliveries, all processes and stores, {name}",
        limit="the best service, accepting included",
        unit=" s",
        reach="≤ 0.3 s",
        score=lambda _, product: product,
        reached=lambda score: score <= 0.3,
        score_unit=" s",
        digits=2,
    )


def _delay(percent: int, best: str, most: float) -> Figure:
    return Figure(
        name=f"answered POST /campaigns → received, p{percent}, {WRITES_PER_SECOND} writes/s",
        limit=f"the best service, {best}",
        unit=" ms",
        reach=f"≤ {most:g} ms",
        score=lambda _, product: product,
        reached=lambda score: score <= most,
        score_unit=" ms",
        digits=2,
    )


ONE_NAME, MANY_NAME = "1 endpoint, backlog", f"{MANY} endpoints, 2 workers, backlog"
SHARES = (
    *(_share(ONE_NAME, 5), _share(MANY_NAME, 10)),
    *(_patched("1 endpoint", 1.5), _patched(f"{MANY} endpoints, 2 workers", 2.2)),
)
CPU, CPU_TO_MANY = _cpu(ONE_NAME), _cpu(MANY_NAME)
LEAST_CPU_SECONDS = 0.58
P50, P99 = _delay(50, "without order or a transaction", 2), _delay(99, "without order or a transaction", 10)
BEST_P50_MS, BEST_P99_MS = 0.3, 2.5


async def pair(*, quick: bool) -> list[Pair]:
    async with (
        open_ground() as ground,
        open_database(ground.endpoints.database_url, application="bench") as database,
    ):
        events, to_many = (QUICK_EVENTS, QUICK_EVENTS_TO_MANY) if quick else (EVENTS, EVENTS_TO_MANY)
        bare = await _bare(ground, events)
        one = await deliver(ground, database, endpoints=1, workers=1, events=events)
        many = await deliver(ground, database, endpoints=MANY, workers=2, events=to_many)
        found = _compared(bare, one, many)
        port = free_port()
        async with ground.product("api", port=port):
            await listens(port)
            if program := wrk.installed():
                spent = QUICK_WRK_SECONDS if quick else WRK_SECONDS
                most = await wrk.per_second(ground, program, body(), spent)
                over_http = await _over_http(ground, database, port, quick=quick)
                rates = one.per_second, many.per_second, *over_http
                found += [Pair(each, most, rate) for each, rate in zip(SHARES, rates, strict=True)]
            else:
                print("  skipped: wrk is not installed, so there is no share of its rate", flush=True)
            p50, p99 = await answered_to_received(
                ground,
                database,
                port,
                seconds=QUICK_LATENCY_SECONDS if quick else LATENCY_SECONDS,
                per_second=QUICK_WRITES_PER_SECOND if quick else WRITES_PER_SECOND,
            )
    return [*found, Pair(P50, BEST_P50_MS, p50), Pair(P99, BEST_P99_MS, p99)]


def _compared(bare: float, one: Delivered, many: Delivered) -> list[Pair]:
    found = [Pair(PER_SECOND, bare, one.per_second), Pair(TO_MANY, one.per_second, many.per_second)]
    if usage.IS_KNOWN:
        return [
            *found,
            Pair(CPU, LEAST_CPU_SECONDS, one.cpu_seconds),
            Pair(CPU_TO_MANY, LEAST_CPU_SECONDS, many.cpu_seconds),
        ]
    print("  skipped: this system does not tell the CPU seconds of other processes", flush=True)
    return found


async def _over_http(ground: Ground, database: Database, port: int, *, quick: bool) -> tuple[float, float]:
    """Deliveries a second to one endpoint and to many."""
    seconds = QUICK_PATCH_SECONDS if quick else PATCH_SECONDS
    one = await patched_per_second(ground, database, port, endpoints=1, workers=1, seconds=seconds)
    many = await patched_per_second(ground, database, port, endpoints=MANY, workers=2, seconds=seconds)
    return one, many


async def _bare(ground: Ground, number: int) -> float:
    async with open_sink(ground) as sink, ground.own("bare", sink.url, number, IN_FLIGHT) as client:
        await answers(client, body())
        seen = await sink.seen()
    return number / (seen.at[-1] - seen.at[0])
