"""The first words of `up` to a person: where the API is, and one line to try it with."""

import asyncio
from contextlib import suppress

ANSWER_SECONDS = 2.0


async def welcome(host: str, port: int, *, token: str) -> None:
    """Wait until `/readyz` answers 200, then print."""
    while not await answers(host, port, "/readyz"):  # noqa: ASYNC110 - another process
        await asyncio.sleep(0.05)
    base = f"http://{'localhost' if _is_wildcard(host) else host}:{port}"
    print(
        f"""
FameDash is ready.
  docs   {base}/docs
  token  {token}
  try    curl -H 'Authorization: Bearer {token}' {base}/campaigns
""",
        flush=True,
    )


async def answers(host: str, port: int, path: str) -> bool:
    """Does a plain GET of this path answer 200 now?"""
    with suppress(OSError, TimeoutError, EOFError):
        return await asyncio.wait_for(_get(host, port, path), ANSWER_SECONDS)
    return False


async def _get(host: str, port: int, path: str) -> bool:
    reader, writer = await asyncio.open_connection("127.0.0.1" if _is_wildcard(host) else host, port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
        return (await reader.readline()).split(b" ")[1:2] == [b"200"]
    finally:
        writer.close()


def _is_wildcard(host: str) -> bool:
    return host in ("0.0.0.0", "::", "")  # noqa: S104 - compared, not bound
