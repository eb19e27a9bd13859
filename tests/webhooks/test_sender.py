"""One POST against real receivers that behave badly: always an answer or a named failure, always in time."""

import asyncio
import socket
import ssl
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from structlog.testing import capture_logs

from famedash.infra.embedded import free_port
from famedash.webhooks import connection, lookups
from famedash.webhooks import sender as sender_module
from famedash.webhooks.addresses import parse_networks
from famedash.webhooks.connection import KEPT_BYTES
from famedash.webhooks.model import Answer, NoAnswer, Reply
from famedash.webhooks.sender import Sender, open_sender

BODY = b'{"id": "e1"}'
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HEADERS = {"webhook-id": "e1", "webhook-timestamp": "1", "webhook-signature": "v1,c2lnbmF0dXJl"}
SHORT_SECONDS = 0.3
AMPLE_SECONDS = 10.0
LOOPBACK = parse_networks("127.0.0.0/8,::1")

Behaviour = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Receiver:
    """What came in: each request's head and body, and how many connections brought them."""

    url: str
    port: int
    heads: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    connections: int = 0


@asynccontextmanager
async def receiving(behave: Behaviour, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """A server on a free port that reads each request whole, then behaves."""
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        receiver.connections += 1
        with suppress(OSError, asyncio.IncompleteReadError):
            while not writer.is_closing():
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = head.lower().partition("content-length: ")[2].partition("\r\n")[0]
                receiver.heads.append(head)
                receiver.bodies.append(await reader.readexactly(int(length)))
                await behave(writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    scheme = "https" if tls else "http"
    port = server.sockets[0].getsockname()[1]
    receiver = Receiver(f"{scheme}://127.0.0.1:{port}/campaign", port)
    try:
        yield receiver
    finally:
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


def answering(answer: bytes) -> Behaviour:
    async def behave(writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    return behave


def closing_after(answer: bytes) -> Behaviour:
    async def behave(writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()

    return behave


async def resetting(writer: asyncio.StreamWriter) -> None:
    """A TCP reset instead of an answer."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def hanging(_: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


def dripping(answer: bytes) -> Behaviour:
    """A byte every 50 ms: never silent for long, and never done in time."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        for byte in answer:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.05)

    return behave


def endless(start: bytes, piece: bytes) -> Behaviour:
    async def behave(writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while not writer.is_closing():
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)

    return behave


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    async with open_sender(timeout_seconds=AMPLE_SECONDS, allowed=LOOPBACK) as sender:
        yield sender


@pytest.fixture
async def hasty() -> AsyncIterator[Sender]:
    """A sender that waits 0.3 s in all."""
    async with open_sender(timeout_seconds=SHORT_SECONDS, allowed=LOOPBACK) as sender:
        yield sender


async def post(sender: Sender, receiver: Receiver) -> Reply:
    return await sender.post(receiver.url, BODY, HEADERS, workspace="acme")


def error_class(reply: Reply) -> str | None:
    """Of a try that brought no answer."""
    return reply.error_class if isinstance(reply, NoAnswer) else None


async def test_the_body_and_the_signature_arrive_as_they_were_given(sender: Sender) -> None:
    async with receiving(answering(OK)) as receiver:
        reply = await post(sender, receiver)

    assert reply == Answer(200, None, "ok", reply.duration_ms)
    assert receiver.bodies == [BODY]
    head = receiver.heads[0].lower()
    assert head.startswith("post /campaign http/1.1\r\n")
    assert {f"{name}: {value}".lower() for name, value in HEADERS.items()} <= set(head.split("\r\n"))
    assert "content-type: application/json\r\n" in head


async def test_connections_to_urls_that_nobody_uses_any_more_are_forgotten(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PROMISE: who posts to ever new URLs does not fill the memory of a process."""
    monkeypatch.setattr(sender_module, "MOST_PLACES", 2)
    monkeypatch.setattr(connection, "REST_SECONDS", 0.01)
    async with receiving(answering(OK)) as receiver:
        for number in range(6):
            await sender.post(f"{receiver.url}?{number}", BODY, HEADERS, workspace="acme")
            await asyncio.sleep(0.05)

    assert len(sender._resting) <= 3


async def test_a_connection_is_used_again(sender: Sender) -> None:
    async with receiving(answering(OK)) as receiver:
        for _ in range(3):
            await post(sender, receiver)

        assert receiver.connections == 1


async def test_a_kept_connection_that_the_receiver_closed_meanwhile_costs_no_try(sender: Sender) -> None:
    async with receiving(closing_after(OK)) as receiver:
        first = await post(sender, receiver)
        await asyncio.sleep(0.05)
        second = await post(sender, receiver)

    assert [first, second] == [Answer(200, None, "ok", reply.duration_ms) for reply in (first, second)]


async def test_fifty_are_in_flight_at_once(sender: Sender) -> None:
    """Breaks if the pool has a cap of its own: caps are the lanes' business."""
    all_here = asyncio.Barrier(50)

    async def behave(writer: asyncio.StreamWriter) -> None:
        await all_here.wait()
        writer.write(OK)

    async with receiving(behave) as receiver:
        replies = await asyncio.gather(*(post(sender, receiver) for _ in range(50)))

    assert {reply.http_status for reply in replies if isinstance(reply, Answer)} == {200}


@pytest.mark.parametrize(
    "behave",
    [
        pytest.param(hanging, id="silence"),
        pytest.param(dripping(OK), id="a head byte by byte"),
        pytest.param(
            dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n" + b"x" * 900), id="a slow body"
        ),
    ],
)
async def test_the_time_out_is_total(behave: Behaviour, hasty: Sender) -> None:
    """PROMISE: a receiver cannot hold a try longer than its time, however it spreads its bytes.

    Breaks if the time-out starts anew with every byte.
    """
    async with receiving(behave) as receiver:
        began = time.monotonic()
        reply = await post(hasty, receiver)
        took = time.monotonic() - began

    assert error_class(reply) == "timeout"
    assert reply.duration_ms >= SHORT_SECONDS * 1000 - 50
    assert took < 5


async def test_a_time_out_in_the_body_counts_although_the_head_was_good(hasty: Sender) -> None:
    async def behave(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        await asyncio.sleep(60)

    async with receiving(behave) as receiver:
        assert error_class(await post(hasty, receiver)) == "timeout"


async def test_a_connection_that_never_shakes_hands_times_out(hasty: Sender) -> None:
    async with receiving(hanging) as receiver:
        receiver.url = receiver.url.replace("http:", "https:")

        async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(60)

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        reply = await hasty.post(f"https://127.0.0.1:{port}/", BODY, HEADERS, workspace="acme")
        server.close()

    assert error_class(reply) == "timeout"


@pytest.mark.parametrize(
    "behave",
    [pytest.param(closing_after(b""), id="closes"), pytest.param(resetting, id="resets")],
)
async def test_a_connection_lost_before_an_answer_is_a_reset(behave: Behaviour, sender: Sender) -> None:
    async with receiving(behave) as receiver:
        assert error_class(await post(sender, receiver)) == "reset"


async def test_an_answer_cut_short_is_no_answer(sender: Sender) -> None:
    cut = b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nonly this"
    async with receiving(closing_after(cut)) as receiver:
        assert error_class(await post(sender, receiver)) in ("reset", "protocol")


async def test_what_is_not_http_is_a_protocol_failure(sender: Sender) -> None:
    async with receiving(closing_after(b"SSH-2.0-OpenSSH_9.6\r\n\r\n\r\n")) as receiver:
        assert error_class(await post(sender, receiver)) == "protocol"


async def test_a_head_without_end_is_a_protocol_failure(sender: Sender) -> None:
    """Breaks if a receiver can fill our memory with headers."""
    behave = endless(b"HTTP/1.1 200 OK\r\n", b"X-More: " + b"y" * 4096 + b"\r\n")
    async with receiving(behave) as receiver:
        assert error_class(await post(sender, receiver)) == "protocol"


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http://127.0.0.1:{port}/", id="refused"),
        pytest.param("http://no-such-host.invalid/", id="unknown name"),
    ],
)
async def test_nobody_there_is_a_connect_failure(url: str, sender: Sender) -> None:
    reply = await sender.post(url.format(port=free_port()), BODY, HEADERS, workspace="acme")

    assert error_class(reply) == "connect"


@pytest.mark.parametrize(
    "url", ["", "nonsense", "http://", "ftp://127.0.0.1/", "http://[::1/", "http://h:0/", "http://h./"]
)
async def test_an_address_that_cannot_be_used_is_no_answer(url: str, sender: Sender) -> None:
    """PROMISE: `post` raises nothing, so that one wrong address cannot end the worker."""
    assert error_class(await sender.post(url, BODY, HEADERS, workspace="acme")) == "forbidden"


async def test_a_word_before_the_answer_is_not_the_answer(sender: Sender) -> None:
    async with receiving(answering(b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" + OK)) as receiver:
        first = await post(sender, receiver)
        second = await post(sender, receiver)

    assert [first, second] == [Answer(200, None, "ok", reply.duration_ms) for reply in (first, second)]


async def test_an_answer_may_end_with_its_connection(sender: Sender) -> None:
    for head in (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\n"):
        async with receiving(closing_after(head + b"until the end")) as receiver:
            reply = await post(sender, receiver)

        assert reply == Answer(200, None, "until the end", reply.duration_ms)


async def test_an_answer_without_a_body_ends_with_its_head(sender: Sender) -> None:
    async with receiving(answering(b"HTTP/1.1 204 No Content\r\n\r\n")) as receiver:
        for _ in range(2):
            reply = await post(sender, receiver)
            assert reply == Answer(204, None, "", reply.duration_ms)

        assert receiver.connections == 1


async def test_an_answer_to_a_body_that_was_not_read_counts(sender: Sender) -> None:
    """A receiver may refuse a body before it has read it."""

    async def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.2)
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    reply = await sender.post(f"http://127.0.0.1:{port}/", b"x" * 3_000_000, HEADERS, workspace="acme")
    server.close()

    assert reply == Answer(413, None, "", reply.duration_ms)


@pytest.mark.parametrize(
    "excess",
    [pytest.param(OK, id="a second answer"), pytest.param(b"\0\1\2 noise", id="noise")],
)
async def test_what_nobody_asked_for_is_no_answer_to_the_next_try(excess: bytes, sender: Sender) -> None:
    """PROMISE: an answer belongs to its own request. Breaks if a connection is kept with bytes left in it."""
    answers = [b"HTTP/1.1 201 Made\r\nContent-Length: 0\r\n\r\n" + excess, OK.replace(b"200", b"202")]

    async def behave(writer: asyncio.StreamWriter) -> None:
        writer.write(answers.pop(0))

    async with receiving(behave) as receiver:
        await post(sender, receiver)
        second = await post(sender, receiver)

    assert second == Answer(202, None, "ok", second.duration_ms)


async def test_an_offer_to_speak_something_else_is_no_delivery(sender: Sender) -> None:
    upgrade = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"
    async with receiving(closing_after(upgrade)) as receiver:
        reply = await post(sender, receiver)

    assert not (isinstance(reply, Answer) and 200 <= reply.http_status < 300)


async def test_an_address_reaches_the_receiver_as_it_was_written(sender: Sender) -> None:
    async with receiving(answering(OK)) as receiver:
        await sender.post(
            f"http://ada:s%20x@127.0.0.1:{receiver.port}/a%2Fb/\u00fc?q=1&r=%20",
            BODY,
            HEADERS,
            workspace="acme",
        )

    lines = receiver.heads[0].split("\r\n")
    assert lines[0] == "POST /a%2Fb/%C3%BC?q=1&r=%20 HTTP/1.1"
    assert f"Host: 127.0.0.1:{receiver.port}" in lines
    assert "Authorization: Basic YWRhOnMgeA==" in lines


async def test_only_the_first_kibibyte_of_a_long_answer_is_kept(sender: Sender) -> None:
    long = b"HTTP/1.1 500 Oops\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1_000_000
    async with receiving(answering(long)) as receiver:
        reply = await post(sender, receiver)
        again = await post(sender, receiver)

    assert reply == Answer(500, None, "x" * KEPT_BYTES, reply.duration_ms)
    assert again == Answer(500, None, "x" * KEPT_BYTES, again.duration_ms)


async def test_an_answer_without_end_is_read_no_further_than_the_bound(sender: Sender) -> None:
    """PROMISE: at most 64 KiB are read. Breaks if the body is read whole: this one never ends."""
    start = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with receiving(endless(start, b"1000\r\n" + b"x" * 4096 + b"\r\n")) as receiver:
        reply = await post(sender, receiver)

    assert reply == Answer(200, None, "x" * KEPT_BYTES, reply.duration_ms)
    assert reply.duration_ms < AMPLE_SECONDS * 1000 / 2


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_answer_and_is_not_followed(status: int, sender: Sender) -> None:
    async with receiving(answering(OK)) as elsewhere:
        moved = f"HTTP/1.1 {status} Moved\r\nLocation: {elsewhere.url}\r\nContent-Length: 0\r\n\r\n"
        async with receiving(answering(moved.encode())) as receiver:
            reply = await post(sender, receiver)

        assert reply == Answer(status, None, "", reply.duration_ms)
        assert elsewhere.connections == 0


async def test_retry_after_is_read_in_both_its_forms(sender: Sender) -> None:
    at = (datetime.now(UTC) + timedelta(seconds=100)).strftime("%a, %d %b %Y %H:%M:%S GMT")

    async def wished(value: str) -> float | None:
        head = f"HTTP/1.1 503 Busy\r\nRetry-After: {value}\r\nContent-Length: 0\r\n\r\n"
        async with receiving(answering(head.encode())) as receiver:
            reply = await post(sender, receiver)
        assert isinstance(reply, Answer)
        return reply.retry_after_seconds

    assert await wished("7") == 7
    assert 90 < (await wished(at) or 0) <= 100
    assert await wished("soon") is None


async def test_an_excerpt_can_always_be_stored(sender: Sender) -> None:
    body = b"a\0b\xffc"
    async with receiving(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + body)) as receiver:
        reply = await post(sender, receiver)

    assert reply == Answer(200, None, "a\ufffdb\ufffdc", reply.duration_ms)


async def test_a_receivers_cookies_are_not_kept(sender: Sender) -> None:
    answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"
    async with receiving(answering(answer)) as receiver:
        await post(sender, receiver)
        await post(sender, receiver)

    assert "cookie" not in receiver.heads[1].lower()


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """PROMISE: a webhook goes to the address that was checked. Breaks if http_proxy is read."""
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    async with (
        receiving(answering(OK)) as receiver,
        open_sender(timeout_seconds=AMPLE_SECONDS, allowed=LOOPBACK) as sender,
    ):
        reply = await post(sender, receiver)

    assert isinstance(reply, Answer)


@asynccontextmanager
async def knowing(
    *answers: list[str],
    allowed: str = "127.0.0.0/8",
    asked: list[str] | None = None,
    timeout_seconds: float = AMPLE_SECONDS,
) -> AsyncIterator[Sender]:
    """A sender whose name server gives these answers, one after the other, and notes what it was asked."""
    coming = iter(answers)

    async def lookup(host: str, port: int) -> list[str]:
        if asked is not None:
            asked.append(host)
        return next(coming)

    async with open_sender(
        timeout_seconds=timeout_seconds, allowed=parse_networks(allowed), lookup=lookup
    ) as sender:
        yield sender


SPELLINGS = [
    "127.0.0.1",
    "127.1",
    "0x7f.1",
    "0177.0.0.1",
    "2130706433",
    "0x7f000001",
    "\u2460\u2461\u2466.\u24ea.\u24ea.\u2460",
    "localhost",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "0.0.0.0",  # noqa: S104
    "0",
    "[::ffff:0.0.0.0]",
]
"""What all leads to a listener on loopback; the next two tests belong together."""


@pytest.mark.parametrize("host", SPELLINGS)
async def test_a_spelling_of_loopback_reaches_it_where_it_is_allowed(host: str) -> None:
    allowed = parse_networks("127.0.0.0/8,::1,0.0.0.0")
    async with (
        receiving(answering(OK)) as receiver,
        open_sender(timeout_seconds=AMPLE_SECONDS, allowed=allowed) as sender,
    ):
        assert isinstance(
            await sender.post(f"http://{host}:{receiver.port}/", BODY, HEADERS, workspace="acme"), Answer
        )


@pytest.mark.parametrize("host", SPELLINGS)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_no_spelling_of_loopback_reaches_it_where_it_is_not_allowed(host: str, scheme: str) -> None:
    """PROMISE: what is forbidden is never connected to, and the log says so without the URL.

    Breaks if the check comes after the connection, or if another parser reads the host than the connector's.
    """
    async with receiving(answering(OK)) as receiver, open_sender(timeout_seconds=AMPLE_SECONDS) as sender:
        with capture_logs() as logs:
            reply = await sender.post(
                f"{scheme}://{host}:{receiver.port}/secret", BODY, HEADERS, workspace="acme"
            )

        assert error_class(reply) == "forbidden"
        assert receiver.connections == 0
    (entry,) = logs
    assert (entry["event"], entry["log_level"]) == ("webhook.forbidden_address", "warning")
    assert entry["host"] == host.strip("[]")
    assert not ip_address(entry["address"]).is_global
    assert "secret" not in str(entry)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "0.0.0.0",  # noqa: S104
        "10.0.0.1",
        "172.31.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "100.100.100.200",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fd00:ec2::254",
        "fec0::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::127.0.0.1",
        "2002:7f00:1::1",
        "2001:0:4136:e378:8000:63bf:80ff:fffe",
        "64:ff9b::127.0.0.1",
        "64:ff9b:1::127.0.0.1",
    ],
)
@pytest.mark.parametrize("beside", [[], ["93.184.215.14"]], ids=["alone", "beside a good one"])
async def test_a_name_that_leads_to_a_forbidden_address_is_not_followed(
    address: str, beside: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """PROMISE: one forbidden address refuses a name whole, and nothing is connected to."""
    tried = _connections_noted(monkeypatch)
    async with knowing([*beside, address], allowed="") as sender:
        with capture_logs() as logs:
            reply = await sender.post("https://hooks.test/", BODY, HEADERS, workspace="acme")

    assert error_class(reply) == "forbidden"
    assert tried == []
    assert [(entry["host"], entry["address"]) for entry in logs] == [("hooks.test", address)]


async def test_a_name_that_changes_after_its_check_is_refused_at_the_connection() -> None:
    """PROMISE: what was good when the endpoint was made is checked again (DNS rebinding)."""

    async def good(host: str, port: int) -> list[str]:
        return ["93.184.215.14"]

    async with receiving(answering(OK)) as receiver, knowing(["127.0.0.1"], allowed="") as sender:
        url = f"https://hooks.test:{receiver.port}/"
        await lookups.Lookups((), good).check(url, "acme")

        assert error_class(await sender.post(url, BODY, HEADERS, workspace="acme")) == "forbidden"
        assert receiver.connections == 0


async def test_a_name_is_looked_up_once_for_a_connection_and_again_for_the_next() -> None:
    """PROMISE: the address that was checked is the one that is connected to.

    Breaks if the connector looks the name up for itself: the second answer comes between check and connect.
    """
    asked: list[str] = []
    answers = [answering(OK), closing_after(OK)]

    async def behave(writer: asyncio.StreamWriter) -> None:
        await answers.pop(0)(writer)

    async with receiving(behave) as receiver, knowing(["127.0.0.1"], ["10.0.0.1"], asked=asked) as sender:
        replies = [
            await sender.post(f"http://hooks.test:{receiver.port}/", BODY, HEADERS, workspace="acme")
            for _ in range(2)
        ]
        assert [isinstance(reply, Answer) for reply in replies] == [True, True]
        assert asked == ["hooks.test"]

        await asyncio.sleep(0.05)
        third = await sender.post(f"http://hooks.test:{receiver.port}/", BODY, HEADERS, workspace="acme")

        assert error_class(third) == "forbidden"
        assert asked == ["hooks.test"] * 2
        assert receiver.connections == 1


async def test_plain_http_reaches_nothing_but_allowed_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = _connections_noted(monkeypatch)
    async with knowing(["93.184.215.14"], ["127.0.0.1", "93.184.215.14"]) as sender:
        for _ in range(2):
            assert (
                error_class(await sender.post("http://hooks.test/", BODY, HEADERS, workspace="acme"))
                == "forbidden"
            )

    assert tried == []


async def test_where_one_address_refuses_the_next_one_is_tried() -> None:
    async with receiving(answering(OK)) as receiver, knowing(["127.0.0.2", "127.0.0.1"]) as sender:
        assert isinstance(
            await sender.post(f"http://hooks.test:{receiver.port}/", BODY, HEADERS, workspace="acme"), Answer
        )


async def test_an_address_that_never_answers_leaves_the_next_one_its_share_of_the_time() -> None:
    """PROMISE: of a name with several addresses one that is dead costs no try.

    Breaks if the first one may use up the whole time-out.
    """
    seconds = 2.0
    async with (
        receiving(answering(OK)) as receiver,
        knowing(["127.0.0.2", "127.0.0.1"], timeout_seconds=seconds) as sender,
    ):
        with never_accepting("127.0.0.2", receiver.port):
            reply = await sender.post(f"http://hooks.test:{receiver.port}/", BODY, HEADERS, workspace="acme")

    assert reply == Answer(200, None, "ok", reply.duration_ms)
    assert reply.duration_ms >= seconds / 2 * 1000 - 50  # the first one was waited for


@contextmanager
def never_accepting(address: str, port: int) -> Iterator[None]:
    """Listens there, but its queue is full: whoever else connects hears nothing, not even a refusal."""
    with ExitStack() as stack:
        listener, *waiting = [stack.enter_context(socket.socket()) for _ in range(4)]
        listener.bind((address, port))
        listener.listen(0)
        for one in waiting:
            one.setblocking(False)
            one.connect_ex((address, port))
        yield


async def test_a_slow_name_server_is_asked_once_and_counts_towards_the_time_out() -> None:
    """PROMISE: whose name is slow slows nobody else. Breaks if every try holds a thread of the resolver."""
    asked: list[str] = []

    async def lookup(host: str, port: int) -> list[str]:
        asked.append(host)
        if host == "slow.test":
            await asyncio.sleep(60)
        return ["127.0.0.1"]

    async with (
        receiving(answering(OK)) as receiver,
        open_sender(timeout_seconds=SHORT_SECONDS, allowed=LOOPBACK, lookup=lookup) as sender,
    ):
        *slow, quick = await asyncio.gather(
            *(
                sender.post(f"http://{host}.test:{receiver.port}/", BODY, HEADERS, workspace="acme")
                for host in ("slow", "slow", "slow", "quick")
            )
        )

    assert [error_class(reply) for reply in slow] == ["timeout"] * 3
    assert isinstance(quick, Answer)
    assert sorted(asked) == ["quick.test", "slow.test"]


async def test_name_servers_that_hang_hold_up_only_the_workspace_that_names_them() -> None:
    """PROMISE: a workspace cannot take the resolver's threads from the others, however many names it has.

    Nor does it lose its own turn for good: who waits for a name that is answered gets it.
    """
    threads = 0
    answered = asyncio.Event()

    async def lookup(host: str, port: int) -> list[str]:
        nonlocal threads
        if host.startswith("slow"):
            threads += 1
            await answered.wait()
        return ["127.0.0.1"]

    async with (
        receiving(answering(OK)) as receiver,
        open_sender(timeout_seconds=AMPLE_SECONDS, allowed=LOOPBACK, lookup=lookup) as sender,
    ):

        async def post_to(host: str, workspace: str) -> Reply:
            return await sender.post(f"http://{host}:{receiver.port}/", BODY, HEADERS, workspace=workspace)

        hosts = [f"slow-{number}.test" for number in range(3 * lookups.MOST_AT_ONCE)]
        slow = asyncio.gather(*(post_to(host, "mallory") for host in hosts))
        assert isinstance(await post_to("quick.test", "acme"), Answer)
        assert threads == lookups.MOST_AT_ONCE

        answered.set()
        assert all(isinstance(reply, Answer) for reply in await slow)


def _connections_noted(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The addresses that this loop is asked to connect to, none of which it does."""
    tried: list[object] = []

    async def connect(_: object, host: str, *__: object, **___: object) -> None:
        tried.append(host)
        raise ConnectionRefusedError

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", connect)
    return tried


async def test_a_try_that_is_called_off_leaves_the_sender_usable(sender: Sender) -> None:
    behaviours = [hanging, answering(OK)]

    async def behave(writer: asyncio.StreamWriter) -> None:
        await behaviours.pop(0)(writer)

    async with receiving(behave) as receiver:
        called_off = asyncio.create_task(post(sender, receiver))
        while not receiver.bodies:
            await asyncio.sleep(0.01)
        called_off.cancel()
        with suppress(asyncio.CancelledError):
            await called_off

        assert isinstance(await post(sender, receiver), Answer)
        assert called_off.cancelled()


async def test_a_certificate_that_nobody_we_trust_signed_is_a_tls_failure(
    sender: Sender, tmp_path: Path
) -> None:
    """PROMISE: nothing is sent to a receiver that cannot prove its name. Breaks if verification is off."""
    async with receiving(answering(OK), tls=_own_certificate(tmp_path)) as receiver:
        assert error_class(await post(sender, receiver)) == "tls"
        assert receiver.bodies == []


async def test_a_receiver_with_a_certificate_we_trust_is_sent_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = _own_certificate(tmp_path, "127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "server.pem"))
    async with (
        receiving(answering(OK), tls=tls) as receiver,
        open_sender(timeout_seconds=AMPLE_SECONDS, allowed=LOOPBACK) as trusting,
    ):
        for _ in range(2):
            reply = await post(trusting, receiver)
            assert reply == Answer(200, None, "ok", reply.duration_ms)

        assert receiver.connections == 1


async def test_a_certificate_for_another_name_is_a_tls_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = _own_certificate(tmp_path, "127.0.0.2")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "server.pem"))
    async with (
        receiving(answering(OK), tls=tls) as receiver,
        open_sender(timeout_seconds=AMPLE_SECONDS, allowed=LOOPBACK) as trusting,
    ):
        assert error_class(await post(trusting, receiver)) == "tls"


@pytest.mark.parametrize("certified", ["hooks.test", "elsewhere.test"])
async def test_a_checked_address_is_connected_to_but_the_name_is_verified(
    certified: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PROMISE: the address that was checked must prove the name. Breaks if TLS is about the address."""
    tls = _own_certificate(tmp_path, certified)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "server.pem"))
    async with receiving(answering(OK), tls=tls) as receiver, knowing(["127.0.0.1"]) as trusting:
        reply = await trusting.post(f"https://hooks.test:{receiver.port}/", BODY, HEADERS, workspace="acme")

        if certified == "hooks.test":
            assert isinstance(reply, Answer)
            assert f"Host: hooks.test:{receiver.port}" in receiver.heads[0].split("\r\n")
        else:
            assert error_class(reply) == "tls"
            assert receiver.bodies == []


async def test_a_receiver_that_speaks_no_tls_is_a_tls_failure(sender: Sender) -> None:
    async def plain(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.5)
        writer.close()

    server = await asyncio.start_server(plain, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    reply = await sender.post(f"https://127.0.0.1:{port}/", BODY, HEADERS, workspace="acme")
    server.close()

    assert error_class(reply) == "tls"


def _own_certificate(folder: Path, subject: str = "127.0.0.1") -> ssl.SSLContext:
    """A server's context with a certificate for `subject`, an address or a name, that it signed itself."""
    named = x509.DNSName(subject) if subject.endswith(".test") else x509.IPAddress(ip_address(subject))
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([named]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
