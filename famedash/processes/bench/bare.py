"""The limit of `deliver`: the worker's HTTP client and nothing else, 50 POSTs in flight.

`python -m famedash.processes.bench.bare URL NUMBER IN_FLIGHT` takes the body from its standard input.
"""

import asyncio
import sys
from collections.abc import Iterator

import aiohttp
import uvloop


async def main(url: str, number: int, in_flight: int, body: bytes) -> None:
    left = iter(range(number))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*(_post(session, url, body, left) for _ in range(in_flight)))


async def _post(session: aiohttp.ClientSession, url: str, body: bytes, left: Iterator[int]) -> None:
    headers = {"Content-Type": "application/json"}
    for _ in left:
        async with session.post(url, data=body, headers=headers) as response:
            await response.read()
            response.raise_for_status()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.stdin.buffer.read()))
