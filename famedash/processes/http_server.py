"""uvicorn as our processes run it: no signals, no logs and no lifespan of its own."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from famedash.infra.loop import Stop

STOP_SECONDS = 7
KEEP_ALIVE_SECONDS = 75
"""Longer than clients and proxies keep a connection that nobody uses (15 to 60 s): if we close first, a
request that is on its way just then is lost.
"""


async def serve(app: ASGIApp, *, host: str, port: int, stop: Stop) -> None:
    """Answer HTTP until `stop`; requests under way are answered first, for at most 7 s."""
    server = _Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            http="httptools",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=STOP_SECONDS,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
        )
    )
    stopping = asyncio.create_task(server.exit_after(stop))
    try:
        await server.serve()
    finally:
        stopping.cancel()


class _Server(uvicorn.Server):
    """Leaves signals to `Stop`: uvicorn raises the signal again at its end, and we would not exit with 0."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def exit_after(self, stop: Stop) -> None:
        await stop.wait()
        self.should_exit = True
