"""How our processes serve HTTP, beyond what an app answers."""

import asyncio

from famedash.infra.embedded import free_port
from famedash.infra.loop import Stop
from famedash.processes.bench.ground import listens
from famedash.processes.http_server import serve

LONGER_THAN_UVICORN_WAITS = 6


async def empty(scope: dict, receive: object, send) -> None:  # type: ignore[no-untyped-def, type-arg]
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def test_a_connection_that_rested_a_while_takes_the_next_request() -> None:
    """PROMISE: a client or proxy that keeps connections loses no request to our closing one at that moment.

    Breaks with uvicorn's own 5 s: a POST on its way is answered by nobody, and is not repeated.
    """
    port, stop = free_port(), Stop()
    serving = asyncio.create_task(serve(empty, host="127.0.0.1", port=port, stop=stop))
    await listens(port)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for pause in (LONGER_THAN_UVICORN_WAITS, 0):
        writer.write(b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 0\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 204")
        await asyncio.sleep(pause)
    writer.close()
    stop.ask()
    await serving
