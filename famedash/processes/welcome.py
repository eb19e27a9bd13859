"""The first words of `up` to a person: where the API is, a ready token, and one line to try it with."""

import asyncio
from contextlib import suppress

from famedash.infra.auth.settings import Misconfigured
from famedash.processes.settings import Settings

ANSWER_SECONDS = 2.0


async def welcome(settings: Settings, *, port: int, practice: str | None) -> None:
    """Wait until `/readyz` answers 200, seed the demo workspace, and print.

    `practice` is the practice receiver's address where webhooks go there.
    """
    while not await answers(settings.host, port, "/readyz"):  # noqa: ASYNC110 - another process
        await asyncio.sleep(0.05)
    base = f"http://{'localhost' if _is_wildcard(settings.host) else settings.host}:{port}"
    print(await _words(settings, base, practice), flush=True)


async def _words(settings: Settings, base: str, practice: str | None) -> str:
    from famedash.processes.demo_campaigns import WORKSPACE  # noqa: PLC0415 - not before it is needed
    from famedash.processes.token import issue  # noqa: PLC0415

    lines = ["", "FameDash is ready. Ctrl-C stops everything.", "", f"  API docs   {base}/docs"]
    if practice:
        lines.append(f"  webhooks   {practice}/received (the practice receiver shows what it got)")
    try:
        token = issue(settings, workspace=WORKSPACE, scopes=(), days=7)
    except Misconfigured as reason:
        return "\n".join([*lines, f"  token      {reason}", ""])
    bearer = f"-H 'Authorization: Bearer {token}'"
    return "\n".join(
        [
            *lines,
            *await _seeding(base, token),
            f"  token      workspace {WORKSPACE}, 7 days (`make token` makes one for your own workspace):",
            "",
            token,
            "",
            "  Paste this to create a campaign:",
            "",
            f"curl -s {base}/campaigns {bearer} -H 'Content-Type: application/json'"
            """ -d '{"name": "My first campaign"}'""",
            "",
            "  And this to see every attempt to deliver it:",
            "",
            f"curl -s {base}/logs {bearer}",
            "",
            "  And this for a creative brief:",
            "",
            f"curl -s {base}/generate-brief {bearer} -H 'Content-Type: application/json'"
            """ -d '{"brand": "Lumi", "product": "SPF 50 serum", "goal": "Reach", "platform": "x"}'""",
            "",
        ]
    )


async def _seeding(base: str, token: str) -> list[str]:
    """Make the demo campaigns; a sentence where that failed."""
    import aiohttp  # noqa: PLC0415

    from famedash.processes.demo_campaigns import seed  # noqa: PLC0415

    try:
        await seed(base, token)
    except (aiohttp.ClientError, TimeoutError, OSError):
        return [
            "  demo       its campaigns could not be made: see the lines of api; the next start tries again"
        ]
    return []


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
